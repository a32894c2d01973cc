"""The server: a running sandbox, how it behaves, and its routes."""

from __future__ import annotations

import time
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiohttp import web

from streamproc.errors import ConfigurationError
from streamproc.errors import Fault as Misuse
from streamproc.sandbox.service import admin
from streamproc.sandbox.service.calls import ENHANCED_BUCKET, RPC_BUCKET, Calls
from streamproc.sandbox.service.counters import RATE_WINDOW_S, Counters
from streamproc.sandbox.service.faults import Fault, FaultBook
from streamproc.sandbox.service.refusals import BATCH_MAX
from streamproc.sandbox.service.rpc.prebuilt import PrebuiltPages
from streamproc.sandbox.wire.generated_archive import WorldArchive
from streamproc.sandbox.world.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from streamproc.sandbox.wire.archive import Archive

ANYWHERE: Final = "0.0.0.0"  # noqa: S104 - who starts it says where it listens
REJECTED_KEY: Final = "rejected"
BODY_MAX_BYTES: Final = 4 * 1024 * 1024
SHUTDOWN_S: Final = 0.2  # hanging calls do not hold up the end


@dataclass
class Sandbox:
    """A running stand-in: what it serves, what it counts, how it behaves. Everything may change while it runs."""

    archive: Archive
    faults: FaultBook
    latency_s: float = 0.0
    rps: dict[str, float] = field(
        default_factory=dict
    )  # bucket -> calls a second; absent = no limit
    rejected_keys: frozenset[str] = frozenset({REJECTED_KEY})
    counters: Counters = field(default_factory=Counters)
    url: str = ""
    prebuilt: PrebuiltPages | None = None  # pages that cost nothing to serve, for benchmarks
    page_max: int | None = None  # pages of full histories are no longer, whatever is asked for
    standard_only: bool = (
        False  # any provider's node: the standard methods, no enhanced API, no key
    )
    batch_max: int = BATCH_MAX  # calls that one JSON-RPC batch may hold, 0 = no batches
    _recent: dict[str, deque[float]] = field(default_factory=dict)

    @property
    def rpc_url(self) -> str:
        """Base of JSON-RPC, without a path."""
        return self.url

    @property
    def api_url(self) -> str:
        """Base of the enhanced API: `/v0/...` follows."""
        return self.url

    @property
    def dexscreener_url(self) -> str:
        """Base of the price service: `/tokens/v1/...` follows."""
        return self.url

    def set_faults(self, *faults: Fault) -> None:
        """Put these faults in force instead of the present ones."""
        self.faults.replace(faults)

    def over_rate(self, bucket: str) -> bool:
        """Count a call against its bucket; say whether it is one too many within a second."""
        allowed = self.rps.get(bucket)
        if allowed is None:
            return False
        now, recent = time.monotonic(), self._recent.setdefault(bucket, deque())
        while recent and recent[0] <= now - RATE_WINDOW_S:
            recent.popleft()
        if len(recent) >= allowed:
            return True
        recent.append(now)
        return False


@asynccontextmanager
async def serve(
    world: World | Archive,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    latency_s: float = 0.0,
    rpc_rps: float | None = None,
    enhanced_rps: float | None = None,
    faults: Iterable[Fault] = (),
    rejected_keys: Iterable[str] = (REJECTED_KEY,),
    prebuild: Iterable[str] = (),
    standard_only: bool = False,
    batch_max: int = BATCH_MAX,
) -> AsyncIterator[Sandbox]:
    """Serve a world while the block runs; port 0 is any free one. Yields the running sandbox with its `url`.

    Full pages of the addresses in `prebuild` are rendered and compressed before it begins. With `standard_only` it is
    a provider that knows the standard JSON-RPC methods and nothing else, and asks for no key (prices are another
    service's, and stay).
    """
    archive = WorldArchive(world) if isinstance(world, World) else world
    limits = {RPC_BUCKET: rpc_rps, ENHANCED_BUCKET: enhanced_rps}
    sandbox = Sandbox(
        archive,
        FaultBook(faults),
        latency_s,
        {bucket: rps for bucket, rps in limits.items() if rps is not None},
        frozenset(rejected_keys),
        standard_only=standard_only,
        batch_max=batch_max,
    )
    if addresses := list(prebuild):
        sandbox.prebuilt = PrebuiltPages(archive, addresses)
    async with _listening(sandbox, host, port):
        yield sandbox


@asynccontextmanager
async def _listening(sandbox: Sandbox, host: str, port: int) -> AsyncIterator[None]:
    """Answer calls at this address, which the sandbox then knows, while the block runs."""
    runner = web.AppRunner(
        _app(sandbox), access_log=None, shutdown_timeout=SHUTDOWN_S, handler_cancellation=True
    )
    await runner.setup()
    try:
        await _listen(runner, host, port)
        shown = "127.0.0.1" if host == ANYWHERE else host
        sandbox.url = f"http://{shown}:{runner.addresses[0][1]}"
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    """Open the port; raise ConfigurationError when it cannot be had."""
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        rule = f"must be a port that is free here: {error.strerror}"
        raise ConfigurationError([Misuse("port", f"{host}:{port}", rule)]) from error


def _app(sandbox: Sandbox) -> web.Application:
    app = web.Application(client_max_size=BODY_MAX_BYTES)
    calls = Calls(sandbox)
    app.router.add_post("/", calls.rpc)
    app.router.add_get("/v0/addresses/{address}/transactions", calls.history)
    app.router.add_post("/v0/transactions", calls.parse)
    app.router.add_get("/tokens/v1/solana/{addresses}", calls.prices)
    admin.add_routes(app, sandbox.archive, sandbox.faults, sandbox.counters)
    return app
