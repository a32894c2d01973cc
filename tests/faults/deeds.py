"""What can be done to an installation, by name."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streamproc.topics import read_topology
from tests.faults.quiet import settled

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Awaitable, Callable

    from streamproc.local.stack import LocalStack
    from streamproc.sandbox.server import Sandbox
    from streamproc.sandbox.world import World
    from tests.faults.plans import Deed, Plan
    from tests.flow.installation import Installation

STOPS_WITHIN_S = 10.0
DIES_WITHIN_S = 60.0
BACK_S = 2.0  # what a sleeper has queued would be out by then
FLOWING = "records flow"  # what a worker's log says when it has its partitions
REPEATS = 4  # beside the one that came by itself
PARTS: Final = (
    "analysis-accepted",
    "wallet-sync",
    "balance-fetch",
    "wallet-progress",
    "wallet-analyzed",
    "balances-fetched",
    "analysis-ready",
)


class Ground:
    """Where a plan is carried out: installation, workers by name, upstream and, if it has its own, the stack."""

    def __init__(
        self, installation: Installation, sandbox: Sandbox, world: World, stack: LocalStack | None
    ) -> None:
        self.installation = installation
        self.sandbox = sandbox
        self.world = world
        self.requests: dict[str, list[str]] = {}
        self.deadline_s = 1800
        self.undone_at = 0.0
        self._stack = stack
        self._at: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def stack(self) -> LocalStack:
        """The servers, which only a trial with its own stack may disturb."""
        assert self._stack is not None, "the shared servers are nobody's to disturb"
        return self._stack

    @property
    def names(self) -> list[str]:
        """The names of the workers; the first is the one that suffers."""
        return list(self._at)

    def worker(self, name: str) -> subprocess.Popen[bytes]:
        """The process that has this name now."""
        return self._at[name]

    async def start(self, plan: Plan) -> None:
        """Start the plan's workers, the first with the failpoint that the plan wants."""
        for number in range(plan.workers):
            armed = [deed.point for deed in plan.deeds if deed.what == "crash" and number == 0]
            points = ",".join(f"{point}=kill" for point in armed)
            await self.run(f"w{number}", points)

    async def run(self, name: str, failpoints: str = "", *, wait: bool = True) -> None:
        """Start the worker of this name."""
        settings = {"STREAMPROC_WORKER_ID": name}
        if failpoints:
            settings["STREAMPROC_FAILPOINTS"] = failpoints
        if wait:
            self._at[name] = await self.installation.ready_worker(**settings)
        else:
            self._at[name] = self.installation.start_worker(**settings)

    def undone(self) -> None:
        """From now on nothing is in the way any more."""
        self.undone_at = time.monotonic()


async def died(worker: subprocess.Popen[bytes]) -> None:
    """Wait until the worker has killed itself."""
    code = await asyncio.to_thread(worker.wait, DIES_WITHIN_S)
    assert code == -signal.SIGKILL, f"the worker ended with {code}, the point was not reached"


async def crash(ground: Ground, deed: Deed) -> None:
    """The first worker dies at its failpoint; a sole one is restarted, of two the other takes over."""
    del deed
    await died(ground.worker("w0"))
    ground.undone()
    if len(ground.names) == 1:
        await ground.run("w0", wait=False)


async def recovery(ground: Ground, deed: Deed) -> None:
    """The worker is killed with a table, its successor dies while it recovers that, the third goes on."""
    del deed
    await ground.installation.until(
        lambda: ground.installation.of("wallet-analyzed"), "no wallet is analyzed"
    )
    kill_all(ground)
    await ground.run("w0", "during-recovery=kill", wait=False)
    await died(ground.worker("w0"))
    ground.undone()
    await ground.run("w0", wait=False)


def kill_all(ground: Ground) -> None:
    """No worker is left."""
    for name in ground.names:
        ground.worker(name).kill()
        ground.worker(name).wait()


async def kill(ground: Ground, deed: Deed) -> None:
    """All workers die, and are started again later."""
    kill_all(ground)
    await asyncio.sleep(deed.for_s)
    ground.undone()
    for name in ground.names:
        await ground.run(name, wait=False)


async def term(ground: Ground, deed: Deed) -> None:
    """The first worker is asked to stop, does so in time with success, and is started again."""
    del deed
    worker = ground.worker("w0")
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, STOPS_WITHIN_S) == 0
    ground.undone()
    await ground.run("w0", wait=False)


async def pause(ground: Ground, deed: Deed) -> None:
    """The first worker is stopped as a machine that freezes, and goes on later as if nothing had been."""
    worker = ground.worker("w0")
    worker.send_signal(signal.SIGSTOP)
    await asyncio.sleep(deed.for_s)
    worker.send_signal(signal.SIGCONT)
    ground.undone()


async def outlast(ground: Ground, deed: Deed) -> None:
    """The first worker sleeps until all has ended elsewhere; awake and a member again, it says nothing new."""
    del deed
    installation = ground.installation
    worker = ground.worker("w0")
    number = installation.workers.index(worker)
    flowed = installation.log(number).count(FLOWING)
    worker.send_signal(signal.SIGSTOP)
    for name in ground.requests:
        await installation.ending(name)
    await settled(installation)
    before = len(installation.said)
    worker.send_signal(signal.SIGCONT)
    ground.undone()
    await installation.until(
        lambda: installation.log(number).count(FLOWING) > flowed, "it never came back"
    )
    await asyncio.sleep(BACK_S)
    assert worker.poll() is None
    known = {(each.topic, each.key, each.value) for each in installation.said[:before]}
    added = installation.said[before:]
    new = [each.topic for each in added if (each.topic, each.key, each.value) not in known]
    assert not new, f"the sleeper has said something new on {new}"


async def broker_stop(ground: Ground, deed: Deed) -> None:
    """The broker is shut down and started again."""
    await asyncio.to_thread(ground.stack.broker.stop)
    await asyncio.sleep(deed.for_s)
    await asyncio.to_thread(ground.stack.broker.start)
    ground.undone()


async def broker_kill(ground: Ground, deed: Deed) -> None:
    """The broker dies and is started again."""
    await asyncio.to_thread(ground.stack.broker.kill)
    await asyncio.sleep(deed.for_s)
    await asyncio.to_thread(ground.stack.broker.start)
    ground.undone()


async def postgres_stop(ground: Ground, deed: Deed) -> None:
    """Postgres is shut down and started again."""
    await asyncio.to_thread(ground.stack.postgres.stop)
    await asyncio.sleep(deed.for_s)
    await asyncio.to_thread(ground.stack.postgres.start)
    ground.undone()


async def postgres_kill(ground: Ground, deed: Deed) -> None:
    """Postgres dies and is started again."""
    await asyncio.to_thread(ground.stack.postgres.kill)
    await asyncio.sleep(deed.for_s)
    await asyncio.to_thread(ground.stack.postgres.start)
    ground.undone()


async def resend(ground: Ground, deed: Deed) -> None:
    """Every request comes once more."""
    del deed
    for name, wallets in ground.requests.items():
        await ground.installation.request(name, wallets, deadline_s=ground.deadline_s)


async def repeat(ground: Ground, deed: Deed) -> None:
    """Every part that has been said until now comes four times more."""
    del deed
    said = [each for each in ground.installation.said if each.topic in PARTS]
    for each in said * REPEATS:
        key = each.key.decode() if each.key is not None else None
        await ground.installation.send(each.topic, key, each.value, each.headers)


async def cancel(ground: Ground, deed: Deed) -> None:
    """Every request is cancelled."""
    del deed
    for name in ground.requests:
        body = {"request_id": name, "reason": "no longer wanted"}
        await ground.installation.send("analysis-cancel-requested", name, body)


async def rewind(ground: Ground, deed: Deed) -> None:
    """The group's offsets are reset to the start while no worker runs."""
    del deed
    for name in ground.names:
        ground.worker(name).send_signal(signal.SIGTERM)
    for name in ground.names:
        await asyncio.to_thread(ground.worker(name).wait, STOPS_WITHIN_S)
    await reset_offsets(ground.installation)
    for name in ground.names:
        await ground.run(name)


async def reset_offsets(installation: Installation) -> None:
    """Commit offset 0 everywhere; waits out the session of members with a name, who leave by its end only."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=installation.environment["STREAMPROC_KAFKA_BROKERS"],
        group_id=installation.environment["STREAMPROC_APP_ID"],
        enable_auto_commit=False,
    )
    await consumer.start()
    topics = [each for each in read_topology().topics if each.name != "dead-letters"]
    places = [
        TopicPartition(installation.prefix + topic.name, number)
        for topic in topics
        for number in range(topic.partitions)
    ]
    consumer.assign(places)
    until = time.monotonic() + DIES_WITHIN_S
    try:
        while True:
            try:
                await consumer.commit({place: OffsetAndMetadata(0, "") for place in places})
            except Exception:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(1)
            else:
                return
    finally:
        await consumer.stop()


DEEDS: Final[dict[str, Callable[[Ground, Deed], Awaitable[None]]]] = {
    "crash": crash,
    "recovery": recovery,
    "kill": kill,
    "term": term,
    "pause": pause,
    "outlast": outlast,
    "broker-stop": broker_stop,
    "broker-kill": broker_kill,
    "postgres-stop": postgres_stop,
    "postgres-kill": postgres_kill,
    "resend": resend,
    "repeat": repeat,
    "cancel": cancel,
    "rewind": rewind,
}
