"""What the store knows of a request's end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from streamproc.settings import Settings
    from streamproc.store import Ending


class Stored(NamedTuple):
    """What the store knows of a request's end: the whole result's JSON, or how else it ended, or nothing."""

    result: bytes | None
    ending: Ending | None
    pairs: bytes | None = None  # every pair, see core/result/pair_columns.py


async def stored_result(settings: Settings, request_id: str) -> Stored:
    """What the store knows of a request's end; raises ConfigurationError when its schema is not current."""
    from streamproc.store import open_store

    dsn = settings.postgres_dsn.get_secret_value()
    async with open_store(dsn, pool_size=1) as store:
        found = await store.result(request_id)
        if found is None:
            return Stored(None, await store.ending(request_id))
        return Stored(found, None, await store.pair_columns(request_id))
