"""python -m jetstream_exporter.demo: the same as jetstream-exporter demo."""

import sys

from .command import main

if __name__ == "__main__":
    sys.exit(main())
