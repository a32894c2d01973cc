"""What a large request writes to the join's changelog, by the bytes of its parts."""

from __future__ import annotations

import hashlib
from typing import Any, Final, cast

from streamproc.agents.join.logic import JoinLogic
from streamproc.engine.delivery.flow import Flow
from streamproc.engine.join.join import Join
from streamproc.engine.records import Outgoing, Record
from streamproc.events import (
    AnalysisAccepted,
    AnalysisDue,
    BalancesFetched,
    Event,
    Options,
    WalletAnalyzed,
    WalletProgressed,
)
from streamproc.serde import Codec
from streamproc.topics import read_topology
from tests.engine.join.test_join import CHANGELOG, Producer
from tests.engine.table import Table
from tests.faults.simulated.model import ModelStore

START_S: Final = 1_700_000_000
REQUEST: Final = "asked-1"
WALLETS: Final = sorted(hashlib.sha256(b"%d" % n).hexdigest()[:44] for n in range(1000))


class PartitionOffsets:
    """Nothing is committed."""

    def finish(self, _offset: int) -> None:
        """Nothing."""


class Bench:
    """A join on a clock that is set by hand, and what went in and out of it."""

    def __init__(self) -> None:
        self.now_s = float(START_S)
        self.codec = Codec(read_topology(), "")
        self.producer, self.table = Producer(), Table()
        store = ModelStore(lambda _: None, self.clock_ms)
        logic = JoinLogic(
            codec=self.codec, store=lambda: cast("Any", store), clock_ms=self.clock_ms
        )
        flow = Flow(cast("Any", self.producer), "dead")
        self.join = Join("join", cast("Any", self.table), logic, flow)
        cast("Any", self.join)._mark = lambda _entries: None  # `tick` does it
        self.parts_bytes = 0

    def clock_ms(self) -> int:
        return int(self.now_s * 1000)

    def hear(self, event: Event) -> None:
        """One part arrives."""
        part = self.codec.encode(event, time_ms=self.clock_ms())
        self.parts_bytes += bytes_of(part)
        record = Record(
            part.topic, 0, 0, part.key, part.value, part.headers, part.timestamp_ms or 0
        )
        self.join._heard(cast("Any", PartitionOffsets()), record)

    async def tick(self) -> None:
        """What the join does at one tick of many, then a second passes."""
        entry = self.join.live[REQUEST.encode()]
        is_due = self.join._is_urgent(entry) or self.join._is_due(entry, self.now_s)
        if entry.taken and is_due:
            entry.is_flying = True
            (decided,), failed = await self.join._commit.run([entry])
            assert not failed
            self.join._land(decided)
            entry.written_at = self.now_s
        self.now_s += 1

    def written(self) -> list[Outgoing]:
        return [out for out in self.producer.sent if out.topic == CHANGELOG]


def bytes_of(record: Any) -> int:  # noqa: ANN401 - one that comes or one that goes
    """Of key, value and headers."""
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


async def test_a_thousand_wallets_write_at_most_three_times_the_bytes_of_their_parts() -> None:
    """One wallet a second, with news of others: written whole each time it would be thirty times."""
    bench = Bench()
    bench.hear(
        AnalysisAccepted(
            request_id=REQUEST,
            wallets=WALLETS,
            repeats_dropped=0,
            requested_at_ms=bench.clock_ms(),
            deadline_at=START_S + 3600,
            options=Options(),
        )
    )
    await bench.tick()
    for number, wallet in enumerate(WALLETS):
        await bench.tick()
        later = WALLETS[min(number + 9, 999)]
        progress = WalletProgressed(request_id=REQUEST, wallet=later, transactions=9, fraction=0.5)
        bench.hear(progress)
        bench.hear(
            WalletAnalyzed(
                request_id=REQUEST, wallet=wallet, outcome="analyzed", watermark_slot=3 * 10**8
            )
        )
    bench.hear(BalancesFetched(request_id=REQUEST, wallets=dict.fromkeys(WALLETS, "ok")))
    await bench.tick()
    kept = bench.table.get(REQUEST.encode())
    assert kept is not None
    assert b'"ready"' in (kept.state or b"")
    assert sum(map(bytes_of, bench.written())) <= 3 * bench.parts_bytes

    bench.hear(AnalysisDue(request_id=REQUEST, kind="ended", at=int(bench.now_s)))
    bench.now_s += 60
    await bench.tick()
    assert list(bench.table.data) == [REQUEST.encode()], "of what has ended no change is kept"
