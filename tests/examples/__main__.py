"""`./run examples`: installs the packages of the examples named (all, when none is), and tests them."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.examples.packages import ALL


def main() -> int:
    """Install and test; the exit code is 1 when a package could not be had or a test failed."""
    parser = argparse.ArgumentParser(prog="./run examples", description=__doc__)
    parser.add_argument("examples", nargs="*", metavar="EXAMPLE", help=", ".join(ALL))
    parser.add_argument("--install", action="store_true", help="install the packages, test nothing")
    given = parser.parse_args()
    unknown = [name for name in given.examples if name not in ALL]
    if unknown:
        parser.error(f"no such example: {', '.join(unknown)} (there are {', '.join(ALL)})")
    wanted = [ALL[name] for name in given.examples or ALL]
    with ThreadPoolExecutor() as installing:
        lacking = list(installing.map(lambda each: each.installed(), wanted))
    for each, why in zip(wanted, lacking, strict=True):
        sys.stderr.write(f"{each.name}: {why or 'installed'}\n")
    if given.install or any(lacking):
        return 1 if any(lacking) else 0
    chosen = " or ".join(each.name for each in wanted)
    return int(pytest.main(["-q", "tests/examples", "-k", chosen]))


if __name__ == "__main__":
    sys.exit(main())
