"""python -m jetstream_exporter.demo: the same as jetstream-exporter demo."""

import sys

from jetstream_exporter.runtime import interrupt

if __name__ == "__main__":
    interrupt.end_quietly()

from .command import main

if __name__ == "__main__":
    sys.exit(main())
