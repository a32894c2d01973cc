"""The sandbox as a program of its own: serves until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamproc.errors import ConfigurationError
from streamproc.errors import Fault as Misuse
from streamproc.sandbox.service.faults import Fault, fault_from_text
from streamproc.sandbox.service.refusals import BATCH_MAX
from streamproc.sandbox.service.server import Sandbox, serve
from streamproc.sandbox.wire.generated_archive import WorldArchive
from streamproc.sandbox.wire.recorded_archive import RecordedArchive
from streamproc.sandbox.world.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from streamproc.sandbox.wire.archive import Archive


@dataclass(frozen=True)
class SandboxOptions:
    """What to serve and how; `data` is a folder of recorded transactions, else a world is generated."""

    data: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    wallets: int = 10
    transactions: int | tuple[int, int] = (50, 300)
    only_raw: bool = False  # the world also does what the enhanced form cannot show
    odd: int = 0  # transactions of each wallet that nobody can read
    crowd: int = 0  # holders of one more mint
    latency_s: float = 0.0
    rpc_rps: float | None = None
    enhanced_rps: float | None = None
    prebuilt: bool = False  # render and compress every wallet's pages before the port opens
    standard_only: bool = False  # the standard JSON-RPC methods and nothing else
    batch_max: int = BATCH_MAX  # calls that one JSON-RPC batch may hold, 0 = no batches
    faults: Sequence[str] = ()  # as in `429:method=prices,times=3`


def archive_of(options: SandboxOptions) -> Archive:
    """Return the recorded or the generated world; raise ConfigurationError when there is nothing to serve."""
    if options.data is not None:
        return RecordedArchive(options.data)
    world = World(
        seed=options.seed,
        wallets=options.wallets,
        transactions=options.transactions,
        only_raw=options.only_raw,
        odd=options.odd,
    )
    return WorldArchive(world, crowd=options.crowd)


def faults_of(options: SandboxOptions) -> list[Fault]:
    """Return the faults that were asked for; raise ConfigurationError naming every one that cannot be read."""
    found, wrong = [], []
    for text in options.faults:
        try:
            found.append(fault_from_text(text))
        except ValueError as error:
            wrong.append(Misuse("fault", text, str(error)))
    if wrong:
        raise ConfigurationError(wrong)
    return found


def run_sandbox(options: SandboxOptions, *, started: Callable[[Sandbox], None]) -> None:
    """Serve until SIGINT or SIGTERM; `started` is called once the port is open."""
    faults, archive = faults_of(options), archive_of(options)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve_until_stopped(options, archive, faults, started))


async def _serve_until_stopped(
    options: SandboxOptions,
    archive: Archive,
    faults: list[Fault],
    started: Callable[[Sandbox], None],
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(
            NotImplementedError
        ):  # Windows: Ctrl-C raises KeyboardInterrupt instead
            loop.add_signal_handler(number, stopped.set)
    wallets = [wallet["address"] for wallet in archive.about()["wallets"]]
    async with serve(
        archive,
        host=options.host,
        port=options.port,
        latency_s=options.latency_s,
        rpc_rps=options.rpc_rps,
        enhanced_rps=options.enhanced_rps,
        faults=faults,
        prebuild=wallets if options.prebuilt else (),
        standard_only=options.standard_only,
        batch_max=options.batch_max,
    ) as sandbox:
        started(sandbox)
        await stopped.wait()
