"""What `streamproc up` does: both servers in the foreground, ready to be used by others, until told to stop."""

from __future__ import annotations

import asyncio
import shlex
import signal
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from streamproc.errors import ConfigurationError
from streamproc.kafka import admin
from streamproc.local.stack import LocalStack
from streamproc.safety.own_files import private_folder
from streamproc.settings import ENV_FILE, PREFIX
from streamproc.store.postgres.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from streamproc.topics import Topology

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def run_up(
    data_dir: Path,
    *,
    topology: Topology,
    say: Callable[[str], None],
    prefix: str = "",
    app_id: str = "streamproc",
    broker_port: int = 0,
    env_file: Path = ENV_FILE,
    sandbox: AbstractAsyncContextManager[Mapping[str, str]] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then stop everything and return.

    `sandbox` is entered once the servers run and yields further settings by field name (`helius_rpc_url` ...). Raises
    ConfigurationError when the folder is in use or its topics differ from the declaration, LocalStackError when a
    server cannot start or ends.
    """
    ready = prepared_stack(
        LocalStack(data_dir, say=say, broker_port=broker_port),
        topology=topology,
        say=say,
        prefix=prefix,
        app_id=app_id,
    )
    async with until_signalled(say), AsyncExitStack() as running:
        stack = await running.enter_async_context(ready)
        settings = stack_settings(stack, prefix=prefix, app_id=app_id)
        if sandbox is not None:
            settings |= await running.enter_async_context(sandbox)
        lines = env_lines(settings)
        running.enter_context(written(env_file, lines))
        say(f"ready; the settings for workers and clients are in {env_file}:\n{lines}")
        say("Ctrl-C stops everything")
        await stack.ended()


@asynccontextmanager
async def prepared_stack(
    stack: LocalStack,
    *,
    topology: Topology,
    say: Callable[[str], None],
    prefix: str,
    app_id: str,
) -> AsyncIterator[LocalStack]:
    """The stack, running, with all topics and the schema applied; stopped at the end of the block."""
    async with stack:
        done = await admin.apply(stack.bootstrap, topology, prefix=prefix, app_id=app_id)
        if done.differing:
            raise ConfigurationError(list(done.differing))
        say(f"topics: {len(done.missing)} created, the others were there")
        migrations = await migrate(stack.dsn)
        say(f"schema: {len(migrations)} migrations applied, the others were there")
        yield stack


def stack_settings(stack: LocalStack, *, prefix: str, app_id: str) -> dict[str, str]:
    """The settings, by field name, that a worker or client needs to use this stack."""
    return {
        "kafka_brokers": stack.bootstrap,
        "postgres_dsn": stack.dsn,
        "topic_prefix": prefix,
        "app_id": app_id,
    }


def env_lines(settings: Mapping[str, str]) -> str:
    """Settings as lines that a shell and a `.env` reader understand; empty ones are left out."""
    return "".join(
        f"{PREFIX}{name.upper()}={shlex.quote(value)}\n"
        for name, value in settings.items()
        if value
    )


@contextmanager
def written(path: Path, text: str) -> Iterator[None]:
    """Keep a file with this text during the block: put there whole, and removed again if it is still ours."""
    private_folder(path.parent)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}-", delete=False
    ) as part:
        part.write(text)
    Path(part.name).replace(path)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            if path.read_text(encoding="utf-8") == text:
                path.unlink()


@asynccontextmanager
async def until_signalled(say: Callable[[str], None]) -> AsyncIterator[None]:
    """Run the block until its end or the first stop signal, which cancels it and counts as a good end."""
    loop, block = asyncio.get_running_loop(), asyncio.current_task()
    signalled = False

    def stop() -> None:
        nonlocal signalled
        if not signalled and block is not None:
            signalled = True
            say("stopping")
            block.cancel()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not signalled or block is None:
            raise
        block.uncancel()
        say("stopped")
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
