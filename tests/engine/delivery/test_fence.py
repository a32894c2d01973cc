"""The fence is a lease: up only while the brokers surely keep this worker's membership and its assignment."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import (
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
)
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest

from streamproc.engine.delivery.fence import (
    Fence,
    FencedError,
    awake_or_not_s,
    guard_writes,
    hold_lease,
)

REBALANCING = 27  # the brokers' answer to a heartbeat while a rebalance is under way
HEARTBEAT = HeartbeatRequest("group", 1, "me")
SYNC = SyncGroupRequest("group", 1, "me", None, [])
JOIN = JoinGroupRequest("group", 10_000, 10_000, "me", None, "consumer", [])
LEAVE = LeaveGroupRequest("group", "me")
COMMIT = OffsetCommitRequest("group", 1, "me", -1, [])
PRODUCE = ProduceRequest(transactional_id=None, required_acks=-1, timeout=1000, topics=[])
LEASE_S = 10.0


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Brokers:
    """A client of the group: each request takes a second to be answered, with the code that is next."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.code = 0

    async def send(self, _node: int, _request: object, **_options: object) -> Any:  # noqa: ANN401
        self.clock.now += 1
        return SimpleNamespace(error_code=self.code)


@pytest.fixture
def clock() -> Clock:
    """Zero."""
    return Clock()


@pytest.fixture
def fence(clock: Clock) -> Fence:
    """The fence of a worker that was assigned its partitions at zero."""
    fence = Fence(LEASE_S, clock)
    fence.lift()
    return fence


@pytest.fixture
def brokers(clock: Clock, fence: Fence) -> Brokers:
    """The brokers, heard by the fence."""
    brokers = Brokers(clock)
    hold_lease(brokers, fence)
    return brokers


def test_a_new_worker_writes_nothing_before_its_first_assignment(clock: Clock) -> None:
    fence = Fence(LEASE_S, clock)
    assert fence.is_down
    fence.lift()
    assert not fence.is_down


def test_the_lease_ends_a_session_after_it_was_renewed(clock: Clock, fence: Fence) -> None:
    clock.now = LEASE_S - 0.1
    assert not fence.is_down
    clock.now = LEASE_S
    assert fence.is_down


@pytest.mark.parametrize("request_", [HEARTBEAT, SYNC])
async def test_a_good_answer_renews_the_lease_from_the_moment_of_the_question(
    clock: Clock, fence: Fence, brokers: Brokers, request_: object
) -> None:
    clock.now = 5.0
    await brokers.send(0, request_)
    clock.now = 5.0 + LEASE_S - 0.1
    assert not fence.is_down
    clock.now = 5.0 + LEASE_S
    assert fence.is_down


async def test_an_answer_that_was_read_after_a_sleep_renews_nothing(
    clock: Clock, fence: Fence
) -> None:
    """It came in time, and the process slept before it could read it."""

    class Slept(Brokers):
        async def send(self, *_: object, **__: object) -> Any:  # noqa: ANN401
            self.clock.now += 100
            return SimpleNamespace(error_code=0)

    brokers = Slept(clock)
    hold_lease(brokers, fence)
    await brokers.send(0, HEARTBEAT)
    assert fence.is_down


@pytest.mark.parametrize(("request_", "code"), [(HEARTBEAT, REBALANCING), (COMMIT, 0)])
async def test_what_is_answered_during_a_rebalance_too_renews_nothing(
    clock: Clock, fence: Fence, brokers: Brokers, request_: object, code: int
) -> None:
    clock.now, brokers.code = 5.0, code
    await brokers.send(0, request_)
    clock.now = LEASE_S
    assert fence.is_down


@pytest.mark.parametrize("request_", [JOIN, LEAVE])
async def test_from_a_join_to_the_new_assignment_and_after_a_leave_nothing_is_ours(
    fence: Fence, brokers: Brokers, request_: object
) -> None:
    await brokers.send(0, request_)
    assert fence.is_down
    await brokers.send(0, SYNC)
    assert fence.is_down, "the engine does not know its new partitions yet"
    fence.lift()
    assert not fence.is_down


@pytest.mark.parametrize(("slept_s", "has_lapsed"), [(1.0, False), (2 * LEASE_S, True)])
async def test_a_lapse_before_a_join_is_remembered_until_the_assignment(
    clock: Clock,
    fence: Fence,
    brokers: Brokers,
    slept_s: float,
    has_lapsed: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Whoever had the partitions meanwhile may have worked them off, although they are ours again."""
    clock.now = slept_s
    await brokers.send(0, JOIN)
    await brokers.send(0, SYNC)
    assert fence.has_lapsed is has_lapsed
    fence.lift()
    assert fence.has_lapsed is False


async def test_who_waits_passes_when_the_fence_is_up(clock: Clock, fence: Fence) -> None:
    clock.now = LEASE_S
    waiting = asyncio.create_task(fence.passed())
    await asyncio.sleep(0.2)
    assert not waiting.done()
    fence.renew(clock.now)
    await asyncio.wait_for(waiting, 10)


class Connection:
    """A connection that notes what is put on its socket."""

    def __init__(self) -> None:
        self.written: list[object] = []

    def send(self, request: object, *, expect_response: bool = True) -> bool:
        self.written.append(request)
        return expect_response


async def test_a_connection_writes_no_produce_request_while_the_fence_is_down(
    clock: Clock, fence: Fence
) -> None:
    """And everything else at any time; each connection asks once, however often it is handed out."""
    connection = Connection()

    async def connect(_node: int, **_options: object) -> Connection:
        return connection

    client = SimpleNamespace(_get_conn=connect)
    guard_writes(client, fence)
    for _ in range(2):
        assert await client._get_conn(0) is connection
    assert connection.send(PRODUCE, expect_response=False) is False
    clock.now = LEASE_S
    with pytest.raises(FencedError):
        connection.send(PRODUCE)
    other = MetadataRequest([])
    connection.send(other)
    assert connection.written == [PRODUCE, other]


async def test_no_connection_is_none_to_guard(fence: Fence) -> None:
    async def connect(_node: int, **_options: object) -> None:
        """The node is away."""

    client = SimpleNamespace(_get_conn=connect)
    guard_writes(client, fence)
    assert await client._get_conn(0) is None


def test_a_refused_batch_is_not_tried_again_by_aiokafka() -> None:
    assert FencedError.retriable is False


def test_the_clock_only_goes_forward() -> None:
    assert awake_or_not_s() <= awake_or_not_s()
