"""Both embedded servers on one folder: started together, gone together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn, Self

from streamproc import limits
from streamproc.local.broker import EmbeddedBroker
from streamproc.local.folder import FolderLock, sweep
from streamproc.local.guarded import LocalStackError
from streamproc.local.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType


def say_nothing(_: str) -> None:
    """The listener for whom no progress needs to be said."""


class LocalStack:
    """Kafka and Postgres with their data in `data_dir`; a context manager, also an asynchronous one.

    `broker` and `postgres` can each be stopped, killed and restarted; `bootstrap` and `dsn` stay the same meanwhile.
    Both servers end with this process, also when it is killed. A second stack on the same folder raises
    ConfigurationError. What is being done is told to `say`, one sentence at a time.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        say: Callable[[str], None] = say_nothing,
        broker_port: int = 0,
        broker_properties: Mapping[str, str] | None = None,
        postgres_settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.broker = EmbeddedBroker(
            self.data_dir / "kafka", say=say, port=broker_port, properties=broker_properties
        )
        self.postgres = EmbeddedPostgres(
            self.data_dir / "postgres", say=say, settings=postgres_settings
        )
        self._lock: FolderLock | None = None
        self._is_leaving = False

    @property
    def bootstrap(self) -> str:
        """The broker's address, `host:port`."""
        return self.broker.bootstrap

    @property
    def dsn(self) -> str:
        """The address of Postgres."""
        return self.postgres.dsn

    def start(self) -> None:
        """Start both servers and return when both take connections.

        Raises ConfigurationError when the folder is in use, LocalStackError when a server cannot start or when
        another thread says `stop` meanwhile; nothing is left running then.
        """
        self._is_leaving = False
        self._lock = FolderLock(self.data_dir)
        try:
            for folder in (self.broker.folder, self.postgres.folder):
                sweep(folder)
            self._start_servers(keep_open=(self._lock.descriptor,))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both servers and give the folder up; harmless when they are not running."""
        self._is_leaving = True
        self.broker.stop()
        self.postgres.stop()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    async def ended(self) -> NoReturn:
        """Wait until a server ends by itself, then raise LocalStackError; without limit when none does."""
        while True:
            for server in (self.broker, self.postgres):
                if server.pid is None:
                    raise LocalStackError(f"{server.name} has ended; its log is in {server.folder}")
            await asyncio.sleep(limits.SERVER_LOOK_S)

    def _start_servers(self, keep_open: tuple[int, ...]) -> None:
        """Start one after the other; Postgres needs too little time to make it worth doing both at once."""
        for server in (self.postgres, self.broker):
            server.keep_open = keep_open
            server.start()
            if self._is_leaving:
                raise LocalStackError("stopped while starting")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._is_leaving = True
            await asyncio.to_thread(self.stop)
            await asyncio.gather(starting, return_exceptions=True)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)
