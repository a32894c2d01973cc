"""The program `streamproc`; also `python -m streamproc`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from streamproc.cli.exits import run  # noqa: PLC0415 - `import streamproc.__main__` costs nothing

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
