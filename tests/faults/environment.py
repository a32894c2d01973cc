"""The environment of a trial: an installation with workers by name, its upstream, and servers of its own if any."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from tests.faults.proxy import Proxy
from tests.store.stepping import movable

if TYPE_CHECKING:
    from streamproc.local.stack import LocalStack
    from streamproc.sandbox.service.server import Sandbox
    from streamproc.sandbox.world.world import World
    from tests.faults.plans.plan import Plan
    from tests.flow.installation import Installation
    from tests.forked import Process

DIES_WITHIN_S: Final = 60.0
STOPS_WITHIN_S: Final = 10.0
AGAIN: Final = (
    "-again-"  # between a request's name and a number, when it is asked under another name
)
SHIFTED: Final = Path(__file__).with_name("shifted")
# What an injection wants armed: whose failpoint (the first worker's or all workers'), and what happens there.
ARMED: Final = {
    "crash": ("first", "{point}=kill"),
    "crash-all": ("all", "{point}=kill"),
    "block": ("first", "after-outputs-before-ack=delay:{for_s}"),
}


class Environment:
    """Where a plan is carried out."""

    def __init__(
        self,
        installation: Installation,
        sandbox: Sandbox,
        world: World,
        stack: LocalStack | None,
        folder: Path,
    ) -> None:
        self.installation = installation
        self.sandbox = sandbox
        self.world = world
        self.requests: dict[str, list[str]] = {}
        self.deadline_s = 1800
        self.undone_at = 0.0
        self.proxy = Proxy(installation.environment["STREAMPROC_POSTGRES_DSN"])
        self.folder = folder
        self.clock_off_by = folder / "clock-off-by"
        self.package = ""  # where workers import another version from
        self.role = ""  # of workers in Postgres, where a plan takes its rights away
        self._plan: Plan | None = None
        self._stack = stack
        self._at: dict[str, Process] = {}

    @property
    def stack(self) -> LocalStack:
        """The servers, which only a trial with its own stack may disturb."""
        assert self._stack is not None, "the shared servers are nobody's to disturb"
        return self._stack

    @property
    def names(self) -> list[str]:
        """The names of the workers; the first is the one that suffers."""
        return list(self._at)

    @property
    def alive(self) -> list[int]:
        """The numbers of the installation's workers that run."""
        return [n for n, each in enumerate(self.installation.workers) if each.poll() is None]

    def worker(self, name: str) -> Process:
        """The process that has this name now."""
        return self._at[name]

    async def start(self, plan: Plan) -> None:
        """Start the plan's workers, with the failpoints that its injections want."""
        self._plan = plan
        self.clock_off_by.write_text("0")
        if plan.is_proxied:
            await self.proxy.start()
        if plan.does("revoke"):
            self.role = f"worker_{uuid.uuid4().hex[:10]}"
            made = f"CREATE ROLE {self.role} LOGIN IN ROLE streamproc_writer"
            await self.installation.execute(made)
        if plan.does("database-clock"):
            await movable(self.installation.environment["STREAMPROC_POSTGRES_DSN"])
        points: dict[str, list[str]] = {"first": [], "all": []}
        for injection in plan.injections:
            if injection.what in ARMED:
                whose, text = ARMED[injection.what]
                points[whose].append(text.format(point=injection.point, for_s=injection.for_s))
        first = self.run("w0", ",".join(points["first"] + points["all"]))
        others = (self.run(f"w{n}", ",".join(points["all"])) for n in range(1, plan.workers))
        await asyncio.gather(first, *others)

    async def run(self, name: str, failpoints: str = "", *, wait: bool = True) -> None:
        """Start the worker of this name."""
        settings = self._settings(name)
        if failpoints:
            settings["STREAMPROC_FAILPOINTS"] = failpoints
        if wait:
            self._at[name] = await self.installation.ready_worker(**settings)
        else:
            self._at[name] = self.installation.start_worker(**settings)

    def _settings(self, name: str) -> dict[str, str]:
        """What this worker of the plan gets beside the installation's settings."""
        assert self._plan is not None
        settings = {"STREAMPROC_WORKER_ID": name} if self._plan.is_named else {}
        if self._plan.is_proxied:
            settings["STREAMPROC_POSTGRES_DSN"] = self.proxy.dsn
        if self.role:
            dsn = urlsplit(self.installation.environment["STREAMPROC_POSTGRES_DSN"])
            own = dsn._replace(netloc=f"{self.role}@{dsn.netloc.rpartition('@')[2]}")
            settings["STREAMPROC_POSTGRES_DSN"] = urlunsplit(own)
        path = [self.package] if self.package else []
        if self._plan.does("clock"):
            path.append(str(SHIFTED))
            settings["CLOCK_OFF_BY"] = str(self.clock_off_by)
        if (
            path
        ):  # only then: a worker with a path of its own is started anew, the others are forked
            path += filter(None, [os.environ.get("PYTHONPATH")])
            settings["PYTHONPATH"] = os.pathsep.join(path)
        return settings

    async def ask(self, again: int = 0) -> None:
        """Send the trial's requests; once more under other names when `again` is a number."""
        for name, wallets in list(self.requests.items()):
            if AGAIN not in name:
                named = f"{name}{AGAIN}{again}" if again else name
                self.requests[named] = wallets
                await self.installation.request(named, wallets, deadline_s=self.deadline_s)

    async def stopped(self, name: str) -> int:
        """Ask a worker to stop; its exit code, which must come in time."""
        self.worker(name).send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.worker(name).wait, STOPS_WITHIN_S)

    async def gone(self, name: str) -> None:
        """Ask a worker to stop and wait until it is gone; how soon and how it ends is looked at elsewhere."""
        self.worker(name).send_signal(signal.SIGTERM)
        await asyncio.to_thread(self.worker(name).wait, DIES_WITHIN_S)

    async def leave(self, name: str) -> None:
        """A worker is asked to stop, does so with success, and is not missed."""
        assert await self.stopped(name) == 0
        del self._at[name]

    def kill_all(self) -> None:
        """No worker is left."""
        for worker in self._at.values():
            worker.kill()
            worker.wait()

    def run_all(self) -> None:
        """Start a worker of each name, and wait for none."""
        for name in self.names:
            settings = self._settings(name)
            self._at[name] = self.installation.start_worker(**settings)

    def undone(self) -> None:
        """From now on nothing is in the way any more."""
        self.undone_at = time.monotonic()


async def ended(worker: Process, code: int, within_s: float = DIES_WITHIN_S) -> None:
    """Wait until the worker has ended by itself with this exit code."""
    found = await asyncio.to_thread(worker.wait, within_s)
    assert found == code, f"the worker ended with {found}, not {code}: the point was not reached"
