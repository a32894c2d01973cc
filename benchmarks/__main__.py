"""`./run bench NAME [ARGUMENTS]`: each file beside this one that has a `main` is a benchmark of its name."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

NAMES = sorted(
    path.stem
    for path in Path(__file__).parent.glob("*.py")
    if "\ndef main(" in path.read_text("utf-8")
)
HELP = "usage: ./run bench NAME [ARGUMENTS]; --help after the name says more. There are: "


def main(arguments: list[str]) -> int:
    """Run the benchmark that is named; its exit code."""
    others = [name for name in NAMES if name != "__main__"]
    if not arguments or arguments[0] not in others:
        print(HELP + ", ".join(others), file=sys.stderr)
        return 0 if arguments[:1] in (["--help"], ["-h"]) else 2
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in the pool's processes
    benchmark = importlib.import_module(arguments[0])
    code: int = benchmark.main(arguments[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
