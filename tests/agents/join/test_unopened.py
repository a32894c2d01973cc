"""Of requests that do not run the join keeps nothing; a cancel that came before its request waits in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from streamproc import limits
from streamproc.agents.join.logic import JoinLogic, Traced
from streamproc.agents.shared.records import outgoing
from streamproc.agents.shared.retention import drop_all
from streamproc.engine import Outgoing, Record
from streamproc.events import (
    AnalysisAccepted,
    AnalysisCancelRequested,
    AnalysisDue,
    Event,
    Options,
    WalletAnalyzed,
)
from streamproc.serde import Codec, Encoded
from streamproc.store import Decision, NewRequest
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from streamproc.store import Store

pytestmark = pytest.mark.real

CODEC = Codec(read_topology())
NOW_MS = 1_700_000_000_000
OPENED = AnalysisAccepted(
    request_id="r",
    wallets=["w"],
    repeats_dropped=0,
    requested_at_ms=NOW_MS,
    deadline_at=NOW_MS // 1000 + 600,
    options=Options(),
)
CANCEL = AnalysisCancelRequested(request_id="r", reason="later \0 \u2603")
PART = WalletAnalyzed(request_id="r", wallet="w", outcome="analyzed", watermark_slot=1)


class Join:
    """The join's logic on a real store, and the one state that it keeps."""

    def __init__(self, store: Store) -> None:
        self.logic = JoinLogic(codec=CODEC, store=lambda: store, clock_ms=lambda: NOW_MS)
        self.state: Traced | None = None

    async def hear(self, event: Event) -> list[Outgoing]:
        """What it says after this event."""
        out = outgoing(CODEC.encode(event, time_ms=NOW_MS))
        record = Record(out.topic, 0, 0, b"r", out.value, out.headers, NOW_MS)
        folded = self.logic.fold(b"r", self.state, record)
        ((state, told),) = await self.logic.settle([(b"r", folded)])
        raw = self.logic.dump(state)
        self.state = None if raw is None else self.logic.load(raw)
        return told


async def record(store: Store) -> None:
    """The request runs."""
    new = NewRequest("r", b"", "t/0/0", ["w"], {}, NOW_MS, NOW_MS // 1000 + 600)
    await store.record_requests([new])


@pytest.mark.parametrize(
    "event", [CANCEL, PART, AnalysisDue(request_id="r", kind="expire", at=5)], ids=str
)
async def test_nothing_is_kept_of_what_nobody_knows(store: Store, event: Event) -> None:
    join = Join(store)
    assert await join.hear(event) == []
    assert join.state is None


async def test_nothing_is_kept_of_what_has_ended(store: Store) -> None:
    await record(store)
    end = Encoded("t", b"r", b"{}", ())
    await store.decide([Decision("r", "completed", None, end)])
    join = Join(store)
    for event in (CANCEL, PART):
        assert await join.hear(event) == []
        assert join.state is None
    assert await store.cancels_of(["r"]) == {}


async def test_a_part_that_overtakes_the_opening_of_a_running_request_is_kept(
    store: Store,
) -> None:
    await record(store)
    join = Join(store)
    await join.hear(PART)
    assert join.state is not None
    told = await join.hear(OPENED)
    last = orjson.loads(told[-1].value or b"")
    assert last["message"] == "1 of 1 wallets"


async def test_a_cancel_before_its_request_ends_it_as_soon_as_it_opens(store: Store) -> None:
    join = Join(store)
    await join.hear(AnalysisCancelRequested(request_id="r"))
    await join.hear(CANCEL)
    await record(store)
    told: Any = [orjson.loads(out.value or b"") for out in await join.hear(OPENED)]
    assert [each.get("stage", each.get("status")) for each in told] == [
        "accepted",
        "cancelled",
        "cancelled",
    ]
    assert CANCEL.reason is not None
    assert CANCEL.reason in told[1]["message"]


async def test_a_cancel_whose_request_never_comes_is_dropped(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Join(store).hear(CANCEL)
    assert (await drop_all(store, None))["cancels"] == 0
    monkeypatch.setattr(limits, "UNOPENED_KEPT_S", 0.0)
    assert (await drop_all(store, None))["cancels"] == 1
    assert await store.cancels_of(["r"]) == {}
