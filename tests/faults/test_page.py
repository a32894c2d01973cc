"""The page about faults names tests that exist, and every fault of the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.heal import FAULTS
from tests.faults.plans.catalogue import catalogue

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_exists() -> None:
    files = [ROOT / name for name in re.findall(r"`(tests/[\w/]+\.py)`", PAGE)]
    assert files
    assert [str(each) for each in files if not each.is_file()] == []
    said = "\n".join(each.read_text(encoding="utf-8") for each in set(files))
    names = re.findall(r"`(test_\w+|Test\w+)`", PAGE)
    assert len(names) > 10
    assert [
        name for name in names if not re.search(rf"(?m)(?:(?:def|class) {name}\b|^{name} = )", said)
    ] == []


def test_every_fault_is_on_the_page() -> None:
    rows = {line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")}
    assert catalogue().keys() - rows == set()
    assert {fault.name for fault in FAULTS} - rows == set()
