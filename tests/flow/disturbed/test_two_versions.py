"""Workers of two versions side by side: an option, a field of an event and a field of a state more lose nothing."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import streamproc
from streamproc.sandbox.service.faults import Fault
from streamproc.topics import topology_path
from tests.flow.conftest import changed
from tests.flow.installation import ENDS_WITHIN_S
from tests.flow.rules import check_end, check_headers

if TYPE_CHECKING:
    from streamproc.sandbox.service.server import Sandbox
    from tests.flow.installation import Installation
    from tests.forked import Process

pytestmark = pytest.mark.real

# What the next version has more, as text to be replaced in a copy of this one.
NEXT: Final = {
    "events/requests.py": (
        ("    enrich: bool = True\n", "    enrich: bool = True\n    added_option: int = 3\n"),
    ),
    "events/wallets.py": (
        ("    fatal: bool = False\n", '    added_field: str = "news"\n    fatal: bool = False\n'),
    ),
    "events/analyses.py": (
        ("    next_seq: Sequence\n", "    added_state: int = 0\n    next_seq: Sequence\n"),
    ),
    "core/join/state.py": (
        (
            "    is_broken: bool = False  #",
            "    added_state: int = 0\n    is_broken: bool = False  #",
        ),
    ),
    "core/join/fold.py": (("opened=_opened(part))", "opened=_opened(part), added_state=7)"),),
    "core/join/emit.py": (
        (
            "next_seq=state.seq + 1,",
            "next_seq=state.seq + 1,\n        added_state=state.added_state,",
        ),
    ),
}
FULL: Final = "getTransactionsForAddress"
TOKENS: Final = "getTokenAccountsByOwnerV2"


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


async def left(worker: Process) -> None:
    """The worker is asked to stop and does."""
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, 30) == 0


async def did_work(installation: Installation, number: int, *agents: str) -> None:
    """Return when each of these agents of a worker has worked off a record."""
    until = time.monotonic() + ENDS_WITHIN_S
    while True:
        counted = await installation.metrics(number)
        missing = [
            each
            for each in agents
            if not re.search(
                rf'^streamproc_records_total{{agent="{each}"}} [1-9]', counted, re.MULTILINE
            )
        ]
        if not missing:
            return
        assert time.monotonic() < until, f"worker {number} did nothing as {missing}"
        await asyncio.sleep(0.2)


async def check_carried(installation: Installation, name: str) -> None:
    """The request completes, with what only the newer version knows."""
    await installation.ending(name)
    assert check_end(installation.said, name)["status"] == "completed"
    ready = installation.of("analysis-ready", name)[-1].event
    assert ready["options"] == {"added_option": 5}
    assert ready["added_state"] == 7, "the older one has carried on what it does not know"


async def test_a_rolling_upgrade_and_back_loses_and_diverts_nothing(
    installation: Installation, sandbox: Sandbox, wallets: list[str], tmp_path: Path
) -> None:
    """The newer version opens every request, the older one works on each, the newer one ends it."""
    newer = next_version(tmp_path / "next")
    first = await installation.ready_worker(PYTHONPATH=newer)
    names = [f"asked-{number}" for number in range(6)]
    balances = Fault("hang", method=TOKENS)
    histories = [Fault("hang", method=FULL, wallet=each) for each in wallets[1:]]
    with changed(sandbox, balances, *histories):
        for number, name in enumerate(names):
            few = wallets[number : number + 4]
            await installation.request(name, few, added_option=5)
        await installation.until(
            lambda: all(installation.of("analysis-progress", name) for name in names), "no start"
        )
        await installation.until(lambda: installation.of("wallet-analyzed"), "no wallet")
        await did_work(installation, 0, "requests", "sync", "join")
        sandbox.set_faults(balances)
        older = await installation.ready_worker()  # this version: what is new is unknown to it
        await left(first)
        await did_work(installation, 1, "sync", "join")
        await installation.until(
            lambda: len(installation.of("wallet-analyzed")) >= 4 * len(names), "not all wallets"
        )
        await installation.until_committed("wallet-analyzed")
        assert installation.of("analysis-ready") == []
        await installation.ready_worker(PYTHONPATH=newer)
        sandbox.set_faults()
        await left(older)
    for name in names:
        await check_carried(installation, name)
    await did_work(installation, 2, "balances", "join", "similarity")
    analyzed = [each.event.get("added_field") for each in installation.of("wallet-analyzed")]
    assert set(analyzed) == {"news", None}, "both versions have said so"
    assert installation.of("dead-letters") == []
    others = {"analysis-requested", "wallet-progress", "analysis-ready"}
    own = [each for each in installation.said if each.topic not in others]
    check_headers(own, of_today=False)
