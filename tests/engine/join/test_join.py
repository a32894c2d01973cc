"""The join: decide, write ahead, publish, land; and what is repeated after a crash at any of these steps."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from streamproc import limits
from streamproc.engine.delivery.flow import Flow
from streamproc.engine.delivery.refusals import OutputRefusedError
from streamproc.engine.join import changelog
from streamproc.engine.join.join import Join
from streamproc.engine.join.timer import JoinTimer
from streamproc.engine.records import Outgoing, Record, partition_of
from streamproc.errors import DeadLetterError, StoreUnavailableError
from tests.engine.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "parts"
CHANGELOG = Table.changelog


class Producer:
    """Keeps what was sent in the order of the calls; confirms at once or on demand."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.held: list[tuple[Sequence[Outgoing], asyncio.Future[None]]] = []
        self.is_prompt = True
        self.refused: set[str] = set()

    def send(self, records: Sequence[Outgoing]) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if any(record.topic in self.refused for record in records):
            future.set_exception(OutputRefusedError("too large"))
            return future
        self.sent += records
        if self.is_prompt:
            future.set_result(None)
        else:
            self.held.append((records, future))
        return future

    async def confirm(self) -> list[str]:
        """Confirm what is held; its topics."""
        async with asyncio.timeout(5):
            while not self.held:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        held, self.held = self.held, []
        for _, future in held:
            if not future.done():
                future.set_result(None)
        await asyncio.sleep(0)
        return [record.topic for records, _ in held for record in records]


class Logic:
    """Collects values; says what it knows each time it knows more; `end` forgets the key."""

    def __init__(self) -> None:
        self.is_away = False
        self.broken: set[bytes] = set()
        self.undecided: set[bytes] = set()
        self.settled: list[list[bytes]] = []
        self.due_at: float | None = None
        self.decided: list[Outgoing] | None = None

    def load(self, raw: bytes) -> list[str]:
        state: list[str] = json.loads(raw)
        return state

    def dump(self, state: list[str]) -> bytes | None:
        return None if "end" in state else json.dumps(state).encode()

    def fold(self, _key: bytes, state: list[str] | None, record: Record) -> list[str]:
        value = (record.value or b"").decode()
        if value == "poison":
            raise DeadLetterError("odd", "poison")
        return sorted({*(state or []), value})

    def is_awaiting(self, state: list[str]) -> bool:
        return len(state) < 2

    def is_urgent(self, state: list[str]) -> bool:
        return "urgent" in state

    async def decide(self, told: list[tuple[bytes, list[Outgoing]]]) -> list[list[Outgoing]]:
        if any(key in self.undecided for key, _ in told):
            raise RuntimeError("a bug")
        return [outs if self.decided is None else self.decided for _, outs in told]

    async def settle(
        self, states: list[tuple[bytes, list[str]]]
    ) -> list[tuple[list[str], list[Outgoing]]]:
        if self.is_away:
            raise StoreUnavailableError("away")
        if any(key in self.broken for key, _ in states):
            raise RuntimeError("a bug")
        self.settled.append([key for key, _ in states])
        await asyncio.sleep(0)
        return [
            (state, [] if "quiet" in state else [Outgoing("said", key, "+".join(state).encode())])
            for key, state in states
        ]

    def given_up(self, key: bytes, _now: float) -> Outgoing:
        return Outgoing("due", key, b"given up")

    def due(self, key: bytes, _state: list[str], now: float) -> Outgoing | None:
        return (
            Outgoing("due", key, b"{}") if self.due_at is not None and now >= self.due_at else None
        )


class Bench:
    """A join without Faust and brokers."""

    def __init__(self, table: Table | None = None) -> None:
        self.producer, self.table, self.logic = Producer(), table or Table(), Logic()
        producer: Any = self.producer
        any_table: Any = self.table
        self.flow = Flow(producer, "dead")
        self.flow.is_holding = False
        self.join = Join("join", any_table, self.logic, self.flow)
        self.flow.tracker.register(self.join, [TOPIC])
        self.flow.tracker.assign([(TOPIC, 0)], 1)
        self.offset = 0

    async def hear(self, *parts: tuple[bytes | None, str]) -> None:
        records = [
            Record(TOPIC, 0, self.offset + number, key, value.encode(), (), 0)
            for number, (key, value) in enumerate(parts)
        ]
        self.offset += len(parts)
        batch = self.flow.tracker.pack((TOPIC, 0), records, None)
        assert batch is not None
        await self.join.take(batch)

    async def done(self) -> None:
        async with asyncio.timeout(10):
            while self.flow.tracker.unfinished(self.join):  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    def said(self) -> list[bytes | None]:
        return [out.value for out in self.producer.sent if out.topic == "said"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks and retries take no time."""
    monkeypatch.setattr(limits, "RETRY_FIRST_S", 0.0)
    monkeypatch.setattr(limits, "JOIN_TICK_S", 0.005)


async def test_the_order_is_changelog_then_outputs_then_table_and_sources() -> None:
    bench = Bench()
    bench.producer.is_prompt = False
    await bench.hear((b"k", "a"))
    assert await bench.producer.confirm() == [CHANGELOG]
    assert bench.table.data == {}
    assert await bench.producer.confirm() == ["said"]
    await bench.done()
    assert changelog.decode(bench.table.data[b"k"]).state == b'["a"]'
    assert bench.flow.tracker.committable() == {(TOPIC, 0): 1}


async def test_the_changelog_holds_state_and_outputs_with_their_time_and_headers() -> None:
    bench = Bench()
    await bench.hear((b"k", "a"))
    await bench.done()
    ahead = changelog.decode(bench.producer.sent[0].value or b"")
    assert ahead.state == b'["a"]'
    assert ahead.outs == tuple(out for out in bench.producer.sent if out.topic == "said")
    assert ahead.outs[0].timestamp_ms is not None
    assert ahead.source == (TOPIC, 0)


async def test_parts_of_one_turn_are_one_state_and_one_output() -> None:
    bench = Bench()
    await bench.hear((b"k", "a"), (b"k", "b"), (b"k", "c"))
    await bench.done()
    assert bench.said() == [b"a+b+c"]


async def test_a_key_is_awaited_until_its_state_says_that_nothing_is() -> None:
    bench = Bench()
    await bench.hear((b"k", "a"), (b"l", "a"))
    await bench.done()
    assert bench.join.awaiting == {b"k", b"l"}
    await bench.hear((b"k", "b"))
    await bench.done()
    assert bench.join.awaiting == {b"l"}
    bench.join.awaiting.clear()  # as after an assignment, when the timer looks at the recovered table
    bench.join.live.clear()
    assert bench.join.state_of(b"l")[0] == ["a"]
    assert bench.join.state_of(b"k")[0] == ["a", "b"]
    assert bench.join.awaiting == {b"l"}
    bench.join.abandon()
    assert bench.join.awaiting == set()


async def test_what_comes_while_a_key_is_under_way_waits_for_it() -> None:
    bench = Bench()
    bench.producer.is_prompt = False
    await bench.hear((b"k", "a"))
    await bench.producer.confirm()
    await bench.hear((b"k", "b"), (b"k", "c"))
    await asyncio.sleep(0.02)
    assert bench.logic.settled == [[b"k"]]
    bench.producer.is_prompt = True
    await bench.producer.confirm()
    await bench.done()
    assert bench.said() == [b"a", b"a+b+c"]


async def test_an_urgent_state_does_not_wait_for_the_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JOIN_TICK_S", 3600.0)
    bench = Bench()
    await bench.hear((b"slow", "a"), (b"k", "urgent"))
    async with asyncio.timeout(5):
        while not bench.said():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert bench.said() == [b"urgent"]
    await bench.join.drain(5)
    assert bench.said() == [b"urgent", b"a"]


async def test_a_state_that_did_not_change_is_written_and_said_once() -> None:
    bench = Bench()
    await bench.hear((b"k", "quiet"))
    await bench.done()
    await bench.hear((b"k", "quiet"))
    await bench.done()
    assert [out.topic for out in bench.producer.sent] == [CHANGELOG]


async def test_a_crash_after_the_changelog_repeats_the_very_outputs_before_anything_new() -> None:
    """The next owner gets the same record again, with others in its batch, and still says the old things first."""
    first = Bench()
    first.producer.is_prompt = False
    await first.hear((b"k", "a"), (b"k", "b"))
    await first.producer.confirm()
    async with asyncio.timeout(5):
        while len(first.producer.sent) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    ahead = first.producer.sent[0].value or b""
    promised = first.producer.sent[1]
    first.join.abandon()

    table = Table()
    table.data[b"k"] = ahead
    second = Bench(table)
    await second.hear((b"k", "a"), (b"k", "b"), (b"k", "c"))
    await second.done()
    said = [out for out in second.producer.sent if out.topic == "said"]
    assert said[0] == promised
    assert [out.value for out in said] == [b"a+b", b"a+b+c"]


async def test_outputs_whose_source_is_committed_are_not_repeated() -> None:
    """A key that is heard of again after days says nothing old."""
    table = Table()
    table.data[b"k"] = changelog.encode(b'["a"]', [Outgoing("said", b"k", b"a")], (TOPIC, 0))
    bench = Bench(table)
    bench.flow.tracker.committed[TOPIC, 0] = 1
    bench.offset = 5
    await bench.hear((b"k", "b"))
    await bench.done()
    assert bench.said() == [b"a+b"]


async def test_a_key_that_was_evicted_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JOIN_LIVE_STATES", 1)
    bench = Bench()
    for key in (b"a", b"b", b"c"):
        await bench.hear((key, "1"))
        await bench.done()
    assert len(bench.join.live) == 1
    await bench.hear((b"a", "2"))
    await bench.done()
    assert bench.said() == [b"1", b"1", b"1", b"1+2"]


async def test_a_forgotten_state_is_a_tombstone_after_its_last_words() -> None:
    bench = Bench()
    await bench.hear((b"k", "a"))
    await bench.done()
    await bench.hear((b"k", "end"))
    await bench.done()
    written = [out.value for out in bench.producer.sent if out.topic == CHANGELOG]
    assert changelog.decode(written[1] or b"").state is None
    assert written[2] is None
    assert bench.table.data == {}
    assert bench.said() == [b"a", b"a+end"]


async def test_poison_is_diverted_and_its_key_goes_on() -> None:
    bench = Bench()
    await bench.hear((b"k", "poison"), (b"k", "a"), (None, "b"))
    await bench.done()
    dead = [
        dict(out.headers)["x-reason"] or b"" for out in bench.producer.sent if out.topic == "dead"
    ]
    assert sorted(dead) == [b"no_key", b"odd"]
    assert bench.said() == [b"a"]


async def test_a_record_on_another_partition_than_its_keys_is_sent_there_and_not_folded() -> None:
    bench = Bench()
    bench.table.partitions = 4
    astray = next(key for key in (b"a", b"b", b"c", b"d", b"e") if partition_of(key, 4) != 0)
    await bench.hear((astray, "x"))
    await bench.done()
    (passed,) = bench.producer.sent
    assert (passed.topic, passed.key, passed.value, passed.partition) == (TOPIC, astray, b"x", None)
    assert bench.table.data == {}


async def test_what_is_published_is_what_decide_says_and_is_asked_again_after_a_crash() -> None:
    bench = Bench()
    bench.logic.decided = [Outgoing("said", b"k", b"the row says so")]
    await bench.hear((b"k", "a"))
    await bench.done()
    assert bench.said() == [b"the row says so"]
    ahead = changelog.decode(bench.producer.sent[0].value or b"")
    assert [out.value for out in ahead.outs] == [b"a"]
    again = Bench(bench.table)
    again.table.data[b"k"] = bench.producer.sent[0].value or b""
    again.logic.decided = [Outgoing("said", b"k", b"the row says so")]
    await again.hear((b"k", "a"))
    await again.done()
    assert again.said()[0] == b"the row says so"


async def test_a_bug_in_decide_diverts_the_records_of_its_key_only() -> None:
    bench = Bench()
    bench.logic.undecided = {b"bad"}
    await bench.hear((b"good", "a"), (b"bad", "b"))
    await bench.done()
    assert bench.said() == [b"a"]
    dead = [out for out in bench.producer.sent if out.topic == "dead"]
    assert [(out.key, out.value) for out in dead] == [(b"bad", b"b")]


async def test_an_outage_of_settle_is_waited_out() -> None:
    bench = Bench()
    bench.logic.is_away = True
    await bench.hear((b"k", "a"))
    await asyncio.sleep(0.03)
    assert not bench.producer.sent
    assert bench.flow.tracker.unfinished(bench.join) == 1
    bench.logic.is_away = False
    await bench.done()
    assert bench.said() == [b"a"]


async def test_a_bug_in_settle_diverts_the_records_of_its_key_only() -> None:
    bench = Bench()
    bench.logic.broken = {b"bad"}
    await bench.hear((b"good", "a"), (b"bad", "b"), (b"fine", "c"))
    await bench.done()
    assert sorted(filter(None, bench.said())) == [b"a", b"c"]
    dead = [out for out in bench.producer.sent if out.topic == "dead"]
    assert [(out.key, out.value) for out in dead] == [(b"bad", b"b")]
    bench.logic.broken = set()
    await bench.hear((b"bad", "d"))
    await bench.done()
    assert bench.said()[-1] == b"d"


async def test_after_a_refusal_a_key_goes_on_from_what_the_changelog_has() -> None:
    bench = Bench()
    await bench.hear((b"k", "a"))
    await bench.done()
    bench.logic.broken = {b"k"}
    await bench.hear((b"k", "impossible"))
    await bench.done()
    bench.logic.broken = set()
    await bench.hear((b"k", "c"))
    await bench.done()
    assert bench.said() == [b"a", b"a+c"]
    assert changelog.decode(bench.table.data[b"k"]).state == b'["a", "c"]'


def of_changes() -> Bench:
    """A bench that writes what has changed of each state, however small."""
    bench = Bench()
    bench.join._commit._changes_from = 0
    return bench


WORDS = [f"a part that is long enough to be worth its place {n}" for n in range(9)]


async def heard(bench: Bench, *words: str) -> list[Outgoing]:
    """What a key's state is told one by one, each in a commit of its own; what the changelog got."""
    for word in words:
        await bench.hear((b"k", word))
        await bench.done()
    return [out for out in bench.producer.sent if out.topic == CHANGELOG]


def recovered(log: list[Outgoing]) -> Table:
    """The table that another worker reads from these records."""
    table = Table()
    for out in log:
        if out.value is None:
            table.data.pop(out.key or b"", None)
        else:
            table.data[out.key or b""] = out.value
    return table


async def test_of_a_large_state_the_changelog_gets_what_has_changed_and_the_outputs() -> None:
    bench = of_changes()
    log = await heard(bench, *WORDS)
    assert len({out.key for out in log}) >= 4
    assert changelog.kept_of(bench.table.data, b"k") is not None
    for n in range(1, len(log) + 1):  # whoever takes over after any of them knows as much
        kept = recovered(log[:n]).get(b"k")
        assert kept is not None
        assert json.loads(kept.state or b"") == WORDS[:n]
        assert [out.value for out in kept.outs] == ["+".join(WORDS[:n]).encode()]
        assert kept.source == (TOPIC, n - 1)


async def test_a_crash_after_a_change_repeats_the_very_outputs_of_it() -> None:
    bench = of_changes()
    log = await heard(bench, *WORDS[:6])
    second = Bench(recovered(log))
    second.join._commit._changes_from = 0
    await heard(second, WORDS[6])
    told = [out for out in bench.producer.sent if out.topic == "said"]
    again = [out for out in second.producer.sent if out.topic == "said"]
    assert again[0] == told[-1]
    assert again[1].value == "+".join(WORDS[:7]).encode()
    kept = recovered([*log, *(o for o in second.producer.sent if o.topic == CHANGELOG)]).get(b"k")
    assert kept is not None
    assert json.loads(kept.state or b"") == WORDS[:7]


async def test_changes_are_deleted_the_last_first_before_their_state() -> None:
    """Should that break off, those that are left are found by whoever comes next."""
    bench = of_changes()
    before = len(await heard(bench, *WORDS))
    changes = changelog.changes_of(bench.table.data, b"k")
    assert len(changes) > 2
    gone = (await heard(bench, "end"))[before:]
    assert changelog.decode(gone[0].value or b"").state is None
    assert [(out.key, out.value) for out in gone[1:]] == [
        *((key, None) for key in reversed(changes)),
        (b"k", None),
    ]
    assert bench.table.data == {}


async def test_a_state_that_is_forgotten_without_a_word_loses_its_changes_too() -> None:
    """Its key goes last: of a state without its last changes nothing must ever be told."""
    bench = of_changes()
    before = len(await heard(bench, *WORDS, "quiet"))
    changes = changelog.changes_of(bench.table.data, b"k")
    log = await heard(bench, "end")
    assert [out.key for out in log[before:]] == [b"k", *reversed(changes), b"k"]
    for n in range(before + 1, len(log) + 1):
        kept = recovered(log[:n]).get(b"k")
        assert kept is None or kept.state is None
    assert recovered(log).data == bench.table.data == {}


async def test_a_state_that_became_small_loses_its_changes() -> None:
    bench = of_changes()
    await heard(bench, *WORDS)
    bench.join._commit._changes_from = limits.CHANGES_FROM_BYTES
    log = await heard(bench, "more")
    assert list(recovered(log).data) == list(bench.table.data) == [b"k"]


async def test_after_a_refusal_the_whole_state_is_written() -> None:
    """The changelog may have the impossible state, and a change of the one before would be none of it."""
    bench = of_changes()
    await heard(bench, *WORDS[:4])
    bench.logic.undecided = {b"k"}
    await heard(bench, WORDS[5])
    bench.logic.undecided = set()
    log = await heard(bench, WORDS[6])
    assert log[-2].key != b"k"
    assert log[-1].key == b"k"
    kept = recovered(log).get(b"k")
    assert kept is not None
    assert json.loads(kept.state or b"") == [*WORDS[:4], WORDS[6]]


async def test_a_state_that_the_changelog_refuses_diverts_its_records() -> None:
    bench = Bench()
    bench.producer.refused = {CHANGELOG}
    await bench.hear((b"k", "a"))
    await bench.done()
    assert [dict(out.headers)["x-reason"] for out in bench.producer.sent] == [b"output_refused"]


async def test_giving_up_cancels_what_is_not_yet_on_its_way() -> None:
    bench = Bench()
    bench.producer.is_prompt = False
    await bench.hear((b"k", "a"))
    async with asyncio.timeout(5):
        while not bench.producer.held:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    await bench.join.drain(0.01)
    await asyncio.sleep(0.01)
    assert not bench.join.is_clean
    assert bench.producer.held[0][1].cancelled()
    assert bench.flow.tracker.unfinished(bench.join) == 1
    assert bench.table.data == {}


async def test_a_state_that_does_not_decode_starts_anew() -> None:
    table = Table()
    table.data[b"k"] = b"\xc1 nonsense"
    bench = Bench(table)
    await bench.hear((b"k", "a"))
    await bench.done()
    assert bench.said() == [b"a"]
    assert bench.flow.counts["states_lost"] == 1


async def test_the_timer_sends_what_is_due_and_only_then() -> None:
    bench = Bench()
    await bench.hear((b"k", "a"))
    await bench.done()
    now = 1000.0

    async def clock() -> float:
        return now

    timer = JoinTimer(bench.join, bench.flow, clock, lambda: True)
    bench.logic.due_at = 1030.0  # within a minute: it is looked at again soon
    await timer._tick()
    assert "due" not in [out.topic for out in bench.producer.sent]
    assert bench.join.due_times.count(float("inf")) == 1
    now = 1030.0
    timer.recovered()
    await timer._tick()
    assert bench.producer.sent[-1] == Outgoing("due", b"k", b"{}")


async def test_a_clock_that_is_away_forgets_no_key() -> None:
    bench = Bench()
    await bench.hear((b"k", "a"))
    await bench.done()

    async def clock() -> float:
        raise StoreUnavailableError("away")

    timer = JoinTimer(bench.join, bench.flow, clock, lambda: True)
    with pytest.raises(StoreUnavailableError):
        await timer._tick()
    assert bench.join.due_times.count(float("inf")) == 1


async def test_changes_of_a_large_state_are_gathered_for_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "JOIN_BYTES_PER_S", 100)
    bench = Bench()
    await bench.hear((b"large", "x" * 200), (b"small", "y"))
    await bench.done()
    await bench.hear((b"large", "z"), (b"small", "z"))
    async with asyncio.timeout(5):
        while bench.logic.settled[-1] != [b"small"]:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert bench.table.data[b"large"] == changelog.encode(json.dumps(["x" * 200]).encode())
    await bench.hear((b"large", "urgent"))
    await bench.done()
    assert json.loads(changelog.decode(bench.table.data[b"large"]).state or b"") == [
        "urgent",
        "x" * 200,
        "z",
    ]


def test_a_large_value_is_packed_and_an_older_one_still_reads() -> None:
    state = json.dumps(["wallet"] * 10_000).encode()
    value = changelog.encode(state, [Outgoing("said", b"k", b"v")], ("t", 7))
    assert len(value) < len(state) / 5
    assert changelog.decode(value) == changelog.Stored(
        state, (Outgoing("said", b"k", b"v"),), ("t", 7)
    )
    assert changelog.decode(msgspec.msgpack.encode(changelog.Stored(state))).state == state
