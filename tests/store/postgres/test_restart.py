"""While Postgres is away, every call says so, and after it is back every call works again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamproc.errors import StoreUnavailableError
from streamproc.local.postgres import EmbeddedPostgres
from streamproc.store import NewRequest, Store, open_store
from streamproc.store.postgres.migrate import migrate

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real


async def _answers(store: Store) -> list[object]:
    """What ten different calls at once come to."""
    new = NewRequest("a-1", b"", "t/0/0", [], {}, 0, 1)
    calls = [store.now_ms(), store.record_request(new), store.ranges("W"), store.balances("a-1")]
    calls += [store.lease("k", "rpc", permits=1, rate=1000.0) for _ in range(6)]
    return list(await asyncio.gather(*calls, return_exceptions=True))


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_restart_is_only_ever_unavailable(stack_dir: Path, how: str) -> None:
    server = EmbeddedPostgres(stack_dir / "postgres", say=lambda _: None)
    await asyncio.to_thread(server.start)
    try:
        await migrate(server.dsn)
        async with open_store(server.dsn, pool_size=4) as store:
            await _answers(store)
            running = [asyncio.create_task(_answers(store)) for _ in range(20)]
            await asyncio.to_thread(server.stop if how == "stop" else server.kill)
            seen = [each for answers in await asyncio.gather(*running) for each in answers]
            seen += (away := await _answers(store))
            assert all(isinstance(each, StoreUnavailableError) for each in away)
            errors = [each for each in seen if isinstance(each, BaseException)]
            assert {type(each) for each in errors} == {StoreUnavailableError}
            await asyncio.to_thread(server.start)
            back = [each for _ in range(2) for each in await _answers(store)][10:]
            assert not [each for each in back if isinstance(each, BaseException)]
    finally:
        await asyncio.to_thread(server.stop)
