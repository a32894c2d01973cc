"""The timer repeats what is due more and more seldom, and asks now and then what the join should know and does not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from streamproc import limits
from streamproc.engine.join import timer as module
from streamproc.engine.join.due import DueTimes
from streamproc.engine.join.timer import JoinTimer
from streamproc.engine.records import Outgoing
from streamproc.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KEY = b"k"
DUE = Outgoing("due", KEY, b"{}")


class Join:
    """One key at rest, about which something is always due."""

    def __init__(self) -> None:
        self.due_times = DueTimes()
        self.logic = self
        self.table = self
        self.is_due = True
        self.broken: set[bytes] = set()
        self.known = [KEY]

    def state_of(self, key: bytes) -> tuple[str | None, bool]:
        return ("state" if key in self.known else None), True

    def due(self, key: bytes, _state: str, _now: float) -> Outgoing | None:
        if key in self.broken:
            raise OverflowError("a bug")
        return DUE if self.is_due else None

    def given_up(self, key: bytes, _now: float) -> Outgoing:
        key.decode()
        return Outgoing("due", key, b"given up")

    def owns(self, key: bytes) -> bool:
        return key != b"other"

    def keys(self) -> list[bytes]:
        return self.known


class Clock:
    """Monotonic time that the test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


class Flow:
    """Confirms at once."""

    def __init__(self) -> None:
        self.producer = self
        self.sent: list[Outgoing] = []

    def send(self, records: Sequence[Outgoing]) -> asyncio.Future[None]:
        self.sent += records
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of the timer."""
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


async def wall() -> float:
    return 0.0


def timer_of(join: Any, flow: Any, missing: Any = None) -> JoinTimer:  # noqa: ANN401 - stand-ins
    return JoinTimer(join, flow, wall, lambda: True, missing)


async def test_what_is_due_in_vain_is_repeated_half_as_often_each_time(clock: Clock) -> None:
    join, flow, waits = Join(), Flow(), []
    timer = timer_of(join, flow)
    timer.recovered()
    last_s = clock.now_s
    while len(flow.sent) < 10:
        before = len(flow.sent)
        await timer._tick()
        if len(flow.sent) > before:
            waits.append(clock.now_s - last_s)
            last_s = clock.now_s
        clock.now_s += 1.0
    assert waits[:5] == [0.0, *(limits.DUE_REPEAT_S * 2**number for number in range(4))]
    assert waits[-1] == limits.DUE_REPEAT_CAP_S
    join.is_due = False
    clock.now_s += limits.DUE_REPEAT_CAP_S
    await timer._tick()
    assert timer._waits_s == {}


async def test_a_key_that_no_event_can_name_stops_the_look_of_no_other(clock: Clock) -> None:
    """Somebody else wrote to the changelog: its key is no text, and its state cannot be looked at."""
    del clock
    join, flow = Join(), Flow()
    join.known = [b"\xff", KEY]
    join.broken = {b"\xff"}
    timer = timer_of(join, flow)
    timer.recovered()
    await timer._tick()
    assert [(out.key, out.value) for out in flow.sent] == [(KEY, b"{}")]


async def test_what_is_missing_is_asked_for_now_and_then_and_sent(clock: Clock) -> None:
    join, flow, asked = Join(), Flow(), []

    async def missing(
        owns: Callable[[bytes], bool], state_of: Callable[[bytes], object]
    ) -> list[Outgoing]:
        asked.append([owns(KEY), owns(b"other"), state_of(KEY), state_of(b"lost")])
        return [Outgoing("opened", b"lost", b"{}")]

    timer = timer_of(join, flow, missing)
    await timer._look_for_missing()
    await timer._look_for_missing()
    assert asked == [[True, False, "state", None]]
    assert [out.topic for out in flow.sent] == ["opened"]
    clock.now_s += limits.REOPEN_LOOK_S
    await timer._look_for_missing()
    assert len(asked) == 2


async def test_a_store_that_is_away_is_not_asked_at_every_tick(clock: Clock) -> None:
    del clock
    tries = 0

    async def missing(_owns: object, _state_of: object) -> list[Outgoing]:
        nonlocal tries
        tries += 1
        raise StoreUnavailableError("away")

    timer = timer_of(Join(), Flow(), missing)
    with pytest.raises(StoreUnavailableError):
        await timer._look_for_missing()
    await timer._look_for_missing()
    assert tries == 1


async def test_a_key_that_cannot_be_looked_at_is_given_up_and_stops_no_other(clock: Clock) -> None:
    join, flow = Join(), Flow()
    join.known, join.broken = [b"odd", KEY], {b"odd"}
    timer = timer_of(join, flow)
    timer.recovered()
    await timer._tick()
    assert sorted(flow.sent) == sorted([Outgoing("due", b"odd", b"given up"), DUE])
    clock.now_s += limits.DUE_REPEAT_S
    await timer._tick()
    assert len(flow.sent) == 4


async def test_the_timer_goes_on_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TIMER_S", 0.001)
    monkeypatch.setattr(limits, "REOPEN_LOOK_S", 0.0)
    join, flow = Join(), Flow()
    looks: list[int] = []

    async def odd_clock() -> float:
        if len(looks) < 3:
            raise RuntimeError("a bug")
        return 0.0

    async def missing(_owns: object, _state_of: object) -> list[Outgoing]:
        looks.append(len(looks))
        raise ValueError("a bug")

    timer = JoinTimer(join, flow, odd_clock, lambda: True, missing)  # type: ignore[arg-type]
    timer.recovered()
    task = asyncio.create_task(timer.run())
    async with asyncio.timeout(5):
        while not flow.sent:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
    assert not task.done()
    task.cancel()
    assert flow.sent == [DUE]
