"""Workers of two versions side by side: an option, a field of an event and a field of a state more lose nothing."""

from __future__ import annotations

import asyncio
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import streamproc
from streamproc.topics import topology_path
from tests.flow.conftest import changed
from tests.flow.rules import check_end, check_headers

if TYPE_CHECKING:
    import subprocess

    from streamproc.sandbox.server import Sandbox
    from tests.flow.installation import Installation

pytestmark = pytest.mark.real

# What the next version has more, as text to be replaced in a copy of this one.
NEXT: Final = {
    "events.py": (
        ("    enrich: bool = True\n", "    enrich: bool = True\n    added_option: int = 3\n"),
        ("    fatal: bool = False  #", '    added_field: str = "news"\n    fatal: bool = False  #'),
        ("    next_seq: PositiveInt\n", "    next_seq: PositiveInt\n    added_state: int = 0\n"),
    ),
    "core/join.py": (
        (
            "    is_broken: bool = False  #",
            "    added_state: int = 0\n    is_broken: bool = False  #",
        ),
        ("opened=_opened(part))", "opened=_opened(part), added_state=7)"),
    ),
    "core/tell.py": (
        (
            "next_seq=state.seq + 1,",
            "next_seq=state.seq + 1,\n        added_state=state.added_state,",
        ),
    ),
}
LATENCY_S: Final = 1.0  # of the upstream, so that requests are in the middle when workers change


def next_version(folder: Path) -> str:
    """A copy of the package with what the next version has more; the folder to import it from."""
    package = folder / "streamproc"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(streamproc.__file__).parent, package, ignore=ignored)
    shutil.copy(topology_path(), package / "topics.yaml")
    for name, changes in NEXT.items():
        path = package / name
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    return str(folder)


async def left(worker: subprocess.Popen[bytes]) -> None:
    """The worker is asked to stop and does."""
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, 30) == 0


async def test_a_rolling_upgrade_and_back_loses_and_diverts_nothing(
    installation: Installation, sandbox: Sandbox, wallets: list[str], tmp_path: Path
) -> None:
    newer = next_version(tmp_path / "next")
    first = await installation.ready_worker(PYTHONPATH=newer)
    names = [f"asked-{number}" for number in range(6)]
    with changed(sandbox, latency_s=LATENCY_S):
        for number, name in enumerate(names):
            few = wallets[number : number + 4]
            await installation.request(name, few, added_option=5)
        await installation.until(
            lambda: all(installation.of("analysis-progress", name) for name in names), "no start"
        )
        older = await installation.ready_worker()  # this version: what is new is unknown to it
        await left(first)
        await installation.until(
            lambda: len(installation.of("wallet-analyzed")) > len(names), "nobody works"
        )
        await installation.ready_worker(PYTHONPATH=newer)
        await left(older)
    for name in names:
        await installation.ending(name)
        assert check_end(installation.said, name)["status"] == "completed"
        ready = installation.of("analysis-ready", name)[-1].event
        assert ready["options"] == {"added_option": 5}
        assert ready.get("added_state", 7) == 7  # an older one does not say it, and never another
    assert installation.of("dead-letters") == []
    own = [each for each in installation.said if each.topic != "analysis-requested"]
    check_headers(each for each in own if each.topic not in {"wallet-progress", "analysis-ready"})
