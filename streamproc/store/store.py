"""The store: Postgres behind one object whose methods are the questions that agents have."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.core.formats import PRESENT
from streamproc.errors import ConfigurationError, Fault, StreamprocError
from streamproc.store.analyses import Analyses
from streamproc.store.balances import Balances
from streamproc.store.cancels import Cancels
from streamproc.store.enrichment import Enrichment
from streamproc.store.history import History
from streamproc.store.listing import Listing
from streamproc.store.postgres.database import open_database
from streamproc.store.postgres.migrate import pending
from streamproc.store.quotas import QuotaUse
from streamproc.store.relations import Relations
from streamproc.store.retention import Retention
from streamproc.store.snapshots import Snapshots
from streamproc.store.wallets import Wallets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.core.formats import Formats


log = logging.getLogger(__name__)


class Store(
    Analyses,
    Snapshots,
    History,
    Wallets,
    Balances,
    Cancels,
    Enrichment,
    Listing,
    Relations,
    Retention,
    QuotaUse,
):
    """Everything that is kept; every method raises StoreUnavailableError while Postgres is away."""


@asynccontextmanager
async def open_store(
    dsn: str, *, pool_size: int, formats: Formats = PRESENT, read_only: bool = False
) -> AsyncIterator[Store]:
    """The store as long as the block runs; what is kept in other formats is as if it were not there.

    With `read_only` the server refuses every statement that would change something.

    Raises ConfigurationError when the schema is older than this program, StoreUnavailableError when Postgres is away.
    """
    waiting = await pending(dsn)
    if waiting:
        rule = "must be applied first: streamproc db migrate"
        raise ConfigurationError([Fault("schema", name, rule) for name in waiting])
    async with open_database(
        dsn, pool_size=pool_size, formats=formats, read_only=read_only
    ) as database:
        store = Store(database)
        try:
            yield store
        finally:
            await _settle_rest(store)


async def _settle_rest(store: Store) -> None:
    """Count the credits that are still to be counted, if the store answers soon."""
    try:
        async with asyncio.timeout(limits.POOL_CLOSE_S):
            await store.settle_all()
    except (TimeoutError, StreamprocError) as error:
        log.warning("credits of calls just made are not counted: %s", error)
