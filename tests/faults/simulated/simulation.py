"""The flow in one thread, with a hand that shuffles, repeats, lets time pass and crashes between any two steps.

What is real: the fan-out, the engine's commit of the join with what it writes ahead, the join's logic, the similarity
agent's telling. What is a model: the brokers (lists), the store (dictionaries that decide once), the syncs.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from streamproc import limits
from streamproc.agents.join.logic import JoinLogic, Traced
from streamproc.agents.requests import accept_request
from streamproc.agents.shared.answers import Answers
from streamproc.agents.shared.handlers import on_event, running
from streamproc.agents.shared.records import outgoing
from streamproc.agents.similarity import compare_wallets
from streamproc.engine.join.commit import Commit, KeyState
from streamproc.engine.records import Outgoing, Record
from streamproc.events import (
    AnalysisReady,
    BalanceFetchRequested,
    BalancesFetched,
    PublicError,
    WalletAnalyzed,
    WalletSyncRequested,
)
from streamproc.serde import Codec
from streamproc.topics import read_topology
from tests.faults.simulated.model import (
    Cancellations,
    Composer,
    Crash,
    Flow,
    ModelStore,
    Table,
    said_from,
)
from tests.faults.simulated.promises import kept_promises
from tests.flow.driver import sent

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from streamproc.agents.shared.handlers import Run
    from streamproc.serde import Encoded

WALLETS: Final = [f"{'1' * 31}{letter}" for letter in "ABCDE"]
NAMES: Final = (
    "lucky-1",
    "lucky-2",
    "unlucky-1",
    "left-1",
    "late-1",
    "mute-1",
    "deaf-1",
    "early-1",
)
STEPS_MAX: Final = 20_000
START_S: Final = 1_700_000_000
DEADLINE_S: Final = 5000
DEAF_TIMES: Final = 2  # hand-overs that are lost before one arrives


class Simulation:
    """One seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a simulation
        self.reached: set[str] = set()
        self.now_s = START_S
        self.codec = Codec(read_topology(), "")
        self.log: dict[str, list[Record]] = defaultdict(list)
        self.pending: list[Record] = []
        self.crashes_left = self.chance.randint(0, 12)
        self.store = ModelStore(self.crash, self.clock_ms)
        self.changelog: dict[bytes, bytes] = {}
        self.logic = JoinLogic(
            codec=self.codec, store=lambda: cast("Any", self.store), clock_ms=self.clock_ms
        )
        self.handlers = self._handlers()
        self.table = Table(self.changelog)
        self.changes_from = (
            0 if seed % 2 else limits.CHANGES_FROM_BYTES
        )  # all states change, or none
        self.requests: dict[str, list[str]] = {}
        self.lost: Counter[tuple[str, bytes | None]] = Counter()
        self.is_quiet = False

    def clock_ms(self) -> int:
        return self.now_s * 1000

    def crash(self, where: str) -> None:
        """Maybe die here; never more often than this seed wants."""
        if self.crashes_left and not self.is_quiet and self.chance.random() < 0.06:
            self.crashes_left -= 1
            self.reached.add(where)
            raise Crash(where)

    # --- what runs ---

    def _handlers(self) -> dict[str, Run]:
        async def accept(record: Record) -> AsyncIterator[Any]:
            async for said in accept_request(
                record, store=cast("Any", self.store), codec=self.codec, answers=Answers()
            ):
                yield said

        async def compare(ready: AnalysisReady, /, *, codec: Codec) -> AsyncIterator[Any]:
            async for said in compare_wallets(
                ready,
                store=cast("Any", self.store),
                composer=cast("Any", Composer(self.clock_ms)),
                cancellations=cast("Any", Cancellations(self.store)),
                codec=codec,
                clock_ms=self.clock_ms,
            ):
                yield said

        async def sync(event: WalletSyncRequested, /, *, codec: Codec) -> AsyncIterator[Any]:
            yield await said_from(self.store, event.wallet, self._synced(event), codec, self.now_s)

        async def fetch(event: BalanceFetchRequested, /, *, codec: Codec) -> AsyncIterator[Any]:
            found = BalancesFetched(
                request_id=event.request_id, wallets=dict.fromkeys(event.wallets, "ok")
            )
            yield await said_from(self.store, "balances", found, codec, self.now_s)

        handlers = {
            "analysis-requested": accept,
            "analysis-ready": on_event(AnalysisReady, compare, self.codec),
            "wallet-sync": on_event(WalletSyncRequested, sync, self.codec),
            "balance-fetch": on_event(BalanceFetchRequested, fetch, self.codec),
        }
        return {
            topic: running(handler, codec=self.codec, publish=self._publish)
            for topic, handler in handlers.items()
        }

    def _synced(self, event: WalletSyncRequested) -> WalletAnalyzed:
        """A wallet of an unlucky request fails."""
        if event.request_id.startswith("unlucky") and event.wallet == WALLETS[0]:
            why = PublicError(code="upstream_rejected", message="no")
            return WalletAnalyzed(
                request_id=event.request_id, wallet=event.wallet, outcome="failed", error=why
            )
        return WalletAnalyzed(
            request_id=event.request_id, wallet=event.wallet, outcome="analyzed", watermark_slot=7
        )

    # --- the brokers ---

    def _publish(self, record: Encoded) -> asyncio.Future[None]:
        self.append(outgoing(record))
        return sent()

    def append(self, out: Outgoing) -> None:
        """One record more on its topic or in the changelog; consumed some time, sometimes twice."""
        if out.topic == self.table.changelog:
            self.table.write(out)
            return
        log = self.log[out.topic]
        record = Record(
            topic=out.topic,
            partition=0,
            offset=len(log),
            key=out.key,
            value=out.value,
            headers=tuple(out.headers),
            timestamp_ms=out.timestamp_ms or self.clock_ms(),
        )
        log.append(record)
        if out.topic in self.handlers or out.topic in self.logic.topics:
            self.pending.append(record)
            if self.chance.random() < 0.15:
                self.pending.append(record)

    def send(self, topic: str, request_id: str, body: dict[str, object]) -> None:
        """A record from outside."""
        value = orjson.dumps({"request_id": request_id, **body})
        self.append(Outgoing(topic, request_id.encode(), value, (), None))

    # --- running ---

    async def run(self) -> set[str]:
        """Ask, disturb, work everything off, and check what was said; the points that were reached."""
        self._ask()
        for _ in range(STEPS_MAX):
            if not self.pending and not self._time_passes():
                break
            await self._step()
        else:
            raise AssertionError("it never came to an end")
        return self.reached | kept_promises(self.log, self.requests, self.store)

    def _ask(self) -> None:
        self.send("analysis-cancel-requested", "early-1", {"reason": "never mind"})
        for name in NAMES:
            chosen = self.chance.sample(WALLETS[1:], self.chance.randint(1, 4))
            self.requests[name] = sorted([WALLETS[0], *chosen])
            body: dict[str, object] = {"wallets": self.requests[name], "deadline_s": DEADLINE_S}
            self.send("analysis-requested", name, body)
            if self.chance.random() < 0.3:
                self.reached.add("resent request")
                self.send("analysis-requested", name, body)
        self.cancels = ["lucky-2"] if self.chance.random() < 0.5 else []

    def _time_passes(self) -> bool:
        """Whether the timer found something to do in time, once everything else is done."""
        while not self.pending and self.now_s < START_S + 4 * DEADLINE_S:
            self.now_s += self.chance.choice([30, 200, 2000])
            for state in self.table.states():
                self._look(state)
        return bool(self.pending)

    def _look(self, state: bytes) -> None:
        """What is due of one state; marks of ended requests are left alone."""
        traced = self.logic.load(state)
        due = self.logic.due(b"", traced, self.now_s)
        if due is not None and traced.state.phase != "ended":
            self.append(due)

    async def _step(self) -> None:
        if self.cancels and self.chance.random() < 0.05:
            name = self.cancels.pop()
            if self.log["analysis-ready"]:
                self.reached.add("cancel after the hand-over")
            self.send("analysis-cancel-requested", name, {})
        number = self.chance.randint(1, min(4, len(self.pending)))
        taken = [self.pending.pop(self.chance.randrange(len(self.pending))) for _ in range(number)]
        taken = [record for record in taken if not self._loses(record)]
        try:
            await self._consume(taken)
        except Crash:
            self.pending += taken
            self.table.recover()

    def _loses(self, record: Record) -> bool:
        whose = (record.topic, record.value)
        is_gone = is_lost(record, self.lost[whose])
        self.lost[whose] += is_gone
        return is_gone

    async def _consume(self, taken: list[Record]) -> None:
        for record in taken:
            if record.topic in self.handlers:
                outs = await self.handlers[record.topic](record)
                self.crash("crash before outputs")
                for out in outs:
                    self.append(outgoing(out))
                self.crash("crash after outputs")
        folded = [record for record in taken if record.topic in self.logic.topics]
        if folded:
            await self._commit(folded)

    async def _commit(self, records: list[Record]) -> None:
        """The engine's own commit over what was folded."""
        entries: dict[bytes, KeyState[Traced]] = {}
        for record in records:
            key = record.key or b""
            entry = entries.get(key) or self._loaded(key)
            entries[key] = entry
            self._note(entry, record)
            entry.state = self.logic.fold(key, entry.state, record)
            entry.taken.append((cast("Any", None), record))
        flow = Flow(self.append, self.crash)
        table = cast("Any", self.table)
        commit = Commit("join", table, self.logic, cast("Any", flow), self.changes_from)
        decided, failed = await commit.run(list(entries.values()))
        assert not failed, failed
        self.crash("crash before the table")
        for each in decided:
            commit.show(each)

    def _loaded(self, key: bytes) -> KeyState[Traced]:
        entry: KeyState[Traced] = KeyState(key, 0)
        if (kept := self.table.get(key)) is not None:
            entry.restore(kept, None if kept.state is None else self.logic.load(kept.state))
            if kept.outs:
                self.reached.add("written ahead is repeated")
            if kept.series.changes:
                self.reached.add("a state is put together of its changes")
        return entry

    def _note(self, entry: KeyState[Traced], record: Record) -> None:
        state = None if entry.state is None else entry.state.state
        if record.topic == "analysis-cancel-requested" and not self.store.knows(entry.key.decode()):
            self.reached.add("a cancel before its request")
        if state is None and record.topic in {"wallet-analyzed", "balances-fetched"}:
            self.reached.add("a part overtakes the opening")
        if state is not None and state.phase == "ended" and record.topic == "wallet-analyzed":
            self.reached.add("a part after the end")
        if b'"heal"' in (record.value or b"") and record.topic == "analysis-due":
            self.reached.add(
                "healed" if state is None or state.phase == "waiting" else "handed over again"
            )
        if state is not None and state.is_decided and state.reasks + 1 >= limits.UNSAID_HEALS_MAX:
            self.reached.add("the join has the last word")


def is_lost(record: Record, times: int) -> bool:
    """Whether this record never comes, having been lost so many times before.

    Any sync of the late request, the first of each wallet of the one that is left to healing; the hand-over of the
    mute one, and the first hand-overs of the deaf one.
    """
    asked = orjson.loads(record.value or b"{}")
    name: str = asked.get("request_id", "")
    if record.topic == "analysis-ready":
        return name.startswith("mute") or (name.startswith("deaf") and times < DEAF_TIMES)
    if record.topic != "wallet-sync":
        return False
    return name.startswith("late") or (name.startswith("left") and times == 0)


async def simulate(seed: int) -> set[str]:
    """Run one seed; the points that it reached. Raises AssertionError, with the seed, when a promise is broken."""
    try:
        return await Simulation(seed).run()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
