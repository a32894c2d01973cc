"""The program `streamproc`; also `python -m streamproc`."""

from __future__ import annotations

import os
import sys
from typing import Final

OURS_ALONE: Final = 0o077  # results, records, data and logs are for the user that runs the program


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        from streamproc.cli.exits import run, set_up_remarks  # noqa: PLC0415 - `import streamproc.__main__` is free
    except ModuleNotFoundError as error:
        if str(error.name).startswith("streamproc"):
            raise
        sys.stderr.write(f"streamproc: the command line needs streamproc[worker]: {error}\n")
        sys.exit(2)

    os.umask(OURS_ALONE)
    set_up_remarks()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
