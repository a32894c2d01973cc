"""The audit fails for what is known, and says so when nobody could be asked."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.security.audit import LOCK, NOT_AUDITED, TOP, audit, command, verdict

FINE = {"name": "fine", "version": "1.0", "vulns": []}
WEAK = {
    "name": "weak",
    "version": "2.0",
    "vulns": [
        {"id": "ADVISORY-1", "fix_versions": ["2.1", "3.0"], "aliases": []},
        {"id": "ADVISORY-2", "fix_versions": [], "aliases": []},
    ],
}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


def report(*packages: dict[str, Any]) -> str:
    """A report of pip-audit."""
    return json.dumps({"dependencies": packages, "fixes": []})


def test_a_known_weakness_fails_and_is_named_with_where_it_is_mended() -> None:
    is_bad, lines = verdict(report(FINE, WEAK), "Found 2 known vulnerabilities in 1 package")
    assert is_bad
    assert lines[0] == (
        "weak 2.0: ADVISORY-1 (mended in 2.1, 3.0); ADVISORY-2 (mended in no version yet)"
    )


def test_packages_without_weakness_pass() -> None:
    assert verdict(report(FINE), "") == (False, ("1 packages audited, 0 with known weaknesses",))


@pytest.mark.parametrize("printed", ["", "no json", "[]", "{}", "null"])
def test_a_service_that_is_away_fails_nothing_and_is_said(printed: str) -> None:
    is_bad, (line,) = verdict(printed, "trace\nERROR:pip_audit: Could not connect\n")
    assert not is_bad
    assert NOT_AUDITED in line
    assert "Could not connect" in line


def test_packages_that_the_service_does_not_know_are_not_called_audited() -> None:
    is_bad, lines = verdict(report(FINE, UNKNOWN), "")
    assert not is_bad
    assert "1 packages were NOT audited" in lines[-1]
    (line,) = verdict(report(UNKNOWN, UNKNOWN), "").lines
    assert NOT_AUDITED in line


def test_a_weakness_fails_although_other_packages_are_unknown() -> None:
    assert verdict(report(UNKNOWN, WEAK), "").is_bad


def test_an_answer_that_never_comes_is_a_service_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("pip-audit", 1)

    monkeypatch.setattr(subprocess, "run", never)
    found = audit(LOCK)
    assert not found.is_bad
    assert NOT_AUDITED in found.lines[0]


def test_pip_audit_takes_the_options_and_the_lock() -> None:
    """All that can be seen without asking a service: it reads the lock and collects its packages."""
    done = subprocess.run(
        [*command(LOCK), "--dry-run"], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "would have audited" in done.stderr


def test_check_runs_the_audit() -> None:
    assert "-m tests.security.audit" in (TOP / "run").read_text("utf-8")
