"""The fence: nothing is written to the brokers unless this worker surely still has its partitions.

A process can be stopped for a while (SIGSTOP, a frozen machine) and go on as if nothing had been, while another worker
has its partitions. So ownership is a lease. The brokers keep a member for a session after they heard of it, and that
is not before the moment at which it *sent* its last heartbeat that was answered without an error; a rebalance that
goes on without it takes them as long. From the next JoinGroup until the new assignment nothing is ours.

The lease is looked at where a produce request is put on its connection, with nothing awaited in between. What was
handed to the producer before a sleep is therefore refused after it, and the producer keeps it until the fence is up.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, TypeVar

from aiokafka.errors import KafkaError
from aiokafka.protocol.group import (
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
)
from aiokafka.protocol.produce import ProduceRequest

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiokafka.client import AIOKafkaClient
    from aiokafka.conn import AIOKafkaConnection
    from aiokafka.protocol.api import Request, Response

T = TypeVar("T")
_GIVES_UP: Final = (JoinGroupRequest, LeaveGroupRequest)
_RENEWS: Final = (HeartbeatRequest, SyncGroupRequest)


def awake_or_not_s() -> float:
    """Seconds on a clock that never jumps and also counts while the machine sleeps, where there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class FencedError(KafkaError):  # type: ignore[misc]  # aiokafka ships no types
    """A batch is not written, because its partitions may have another owner."""


class Fence:
    """Down while the partitions may be somebody else's; one of a new worker is down until its first assignment."""

    def __init__(self, lease_s: float, clock: Callable[[], float] = awake_or_not_s) -> None:
        """`lease_s`: for how long after hearing of a member the brokers surely keep it."""
        self.clock = clock
        self._lease_s = lease_s
        self._renewed_at = clock()
        self._is_assigned = False
        self.has_lapsed = False  # before the assignment that is awaited

    @property
    def is_down(self) -> bool:
        """Whether nothing may be written."""
        return not self._is_assigned or self._is_over

    @property
    def _is_over(self) -> bool:
        """Whether the lease was not renewed in time."""
        return self.clock() - self._renewed_at >= self._lease_s

    def renew(self, sent_at: float) -> None:
        """The brokers took what a member sent then; called by the consumer's thread."""
        self._renewed_at = max(self._renewed_at, sent_at)

    def give_up(self) -> None:
        """Nothing is ours until the next assignment; called by the consumer's thread."""
        self._is_assigned = False
        self.has_lapsed = self.has_lapsed or self._is_over

    def lift(self) -> None:
        """The engine knows its new partitions and has forgotten those that are gone."""
        self._is_assigned = True
        self.has_lapsed = False

    async def passed(self) -> None:
        """Return when the fence is up."""
        while self.is_down:  # noqa: ASYNC110 - time alone takes it down, another thread up
            await asyncio.sleep(limits.FENCE_ASK_S)


def hold_lease(client: AIOKafkaClient, fence: Fence) -> None:
    """Have the client of a group's consumer tell the fence what it hears about its membership.

    Only answers without an error renew: during a rebalance heartbeats are answered with one, because the clock of the
    rebalance runs. A commit is no proof: it is taken until the rebalance ends.
    """
    send = client.send

    async def send_and_tell(node_id: int, request: Request, **options: object) -> Response:
        if isinstance(request, _GIVES_UP):
            fence.give_up()
        sent_at = fence.clock()
        response = await send(node_id, request, **options)
        if isinstance(request, _RENEWS) and response.error_code == 0:
            fence.renew(sent_at)
        return response

    client.send = send_and_tell


def guard_writes(client: AIOKafkaClient, fence: Fence) -> None:
    """Have each connection of a producer's client refuse produce requests while the fence is down.

    The request fails with FencedError, which aiokafka does not try again; its batch fails with it. The producer has
    lost count of its sequence numbers then, and is of no use any more.
    """
    connect = client._get_conn  # noqa: SLF001 - its connections are made nowhere else

    async def connect_and_guard(node_id: int, **options: object) -> AIOKafkaConnection | None:
        connection = await connect(node_id, **options)
        if connection is not None and not hasattr(connection, "is_guarded"):
            connection.send = _guarded(connection.send, fence)
            connection.is_guarded = True
        return connection

    client._get_conn = connect_and_guard  # noqa: SLF001 - as above


def _guarded(send: Callable[..., T], fence: Fence) -> Callable[..., T]:
    """A connection's `send`, which puts the whole request on its socket before it returns an awaitable."""

    def send_if_ours(request: Request, **options: object) -> T:
        if fence.is_down and isinstance(request, ProduceRequest):
            raise FencedError("the partitions may have another owner")
        return send(request, **options)

    return send_if_ours
