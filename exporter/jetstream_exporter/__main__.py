"""From argv to exit code."""

import sys


def main() -> int:
    """Run the command line; 0 is success, 2 a wrong configuration."""
    return 0


if __name__ == "__main__":
    sys.exit(main())
