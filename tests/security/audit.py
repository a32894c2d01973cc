"""Asks about known weaknesses of the locked packages: `python -m tests.security.audit`, a part of `./run check`.

pip-audit knows which advisory service to ask. What it has found fails the check. Where the service cannot be reached,
or does not know the packages, that is said and is no failure: a check must work on a machine without a network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

TOP: Final = Path(__file__).parents[2]
LOCK: Final = (
    TOP / "requirements.lock"
)  # the image's own holds some of the same, at the same versions
WITHIN_S: Final = 300
NOT_AUDITED: Final = "the packages were NOT audited"


class Verdict(NamedTuple):
    """What came of an audit: whether it fails the check, and the lines to print."""

    is_bad: bool
    lines: tuple[str, ...]


def verdict(report: str, said: str) -> Verdict:
    """The verdict on pip-audit's report in JSON, and on what it said when there is none."""
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        return Verdict(is_bad=False, lines=(f"{NOT_AUDITED}, no advisory service answers: {last}",))
    weak = [_weakness(package) for package in packages if package.get("vulns")]
    skipped = sum("skip_reason" in package for package in packages)
    audited = len(packages) - skipped
    lines = [*weak, f"{audited} packages audited, {len(weak)} with known weaknesses"]
    if not audited:
        lines = [f"{NOT_AUDITED}: the advisory service knows none of them"]
    elif skipped:
        lines.append(
            f"{skipped} packages were NOT audited: the advisory service does not know them"
        )
    return Verdict(bool(weak), tuple(lines))


def _weakness(package: dict[str, Any]) -> str:
    """One package with its weaknesses, and where they are mended."""
    found = (
        f"{each['id']} (mended in {', '.join(each['fix_versions']) or 'no version yet'})"
        for each in package["vulns"]
    )
    return f"{package['name']} {package['version']}: {'; '.join(found)}"


def command(lock: Path) -> list[str]:
    """How pip-audit is asked about a lock: what stands in it and nothing else."""
    options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--desc", "off"]
    program = [sys.executable, "-m", "pip_audit", *options]
    return [*program, "--format", "json", "--requirement", str(lock)]


def audit(lock: Path) -> Verdict:
    """Ask about one lock."""
    try:
        done = subprocess.run(
            command(lock), capture_output=True, text=True, check=False, timeout=WITHIN_S
        )
    except subprocess.TimeoutExpired:
        return verdict("", f"no answer within {WITHIN_S} s")
    return verdict(done.stdout, done.stderr)


def main() -> int:
    """Audit the lock, say what came of it; 1 when a package has a known weakness."""
    found = audit(LOCK)
    sys.stderr.write("".join(f"pip-audit: {line}\n" for line in found.lines))
    return int(found.is_bad)


if __name__ == "__main__":
    sys.exit(main())
