"""The balances agent: the present balances of all wallets of a request, into the store, in parallel to the syncs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamproc.agents.shared.handlers import public_error
from streamproc.agents.shared.outputs import store_output, stored_output
from streamproc.engine import failpoints
from streamproc.errors import (
    RequestEndedError,
    RequestError,
    TransientError,
    WalletError,
)
from streamproc.events import BalanceFetchRequested, BalancesFetched, PublicError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from streamproc.agents.lookups.lookups import Lookups
    from streamproc.agents.shared.cancellation import Cancellations
    from streamproc.agents.shared.handlers import Said
    from streamproc.serde import Codec
    from streamproc.store import Store

log = logging.getLogger(__name__)

NAME = "balances"


async def fetch_balances(
    event: BalanceFetchRequested,
    *,
    store: Store,
    lookups: Lookups,
    cancellations: Cancellations,
    codec: Codec,
    clock_ms: Callable[[], int],
) -> AsyncIterator[Said]:
    """Fetch and store every wallet's balances; a wallet whose fetch failed is said to have failed, never to be empty.

    Says nothing for a request that has ended.
    """
    request_id = event.request_id
    said = await stored_output(store, request_id, NAME)
    if said is None:
        with cancellations.watching(request_id):
            fetched = await _fetched(event, store=store, lookups=lookups)
        await store.settled([request_id])
        record = codec.encode(fetched, time_ms=clock_ms())
        said = await store_output(store, request_id, NAME, record)
    yield said


async def _fetched(
    event: BalanceFetchRequested, *, store: Store, lookups: Lookups
) -> BalancesFetched:
    """What is to be said; raises RequestEndedError when nobody listens any more."""
    try:
        found = await lookups.balances(event)
        await store.settled([event.request_id])
        await store.put_balances(event.request_id, found.records)
    except (RequestEndedError, TransientError, failpoints.FailpointError):
        raise
    except RequestError as error:
        return BalancesFetched(request_id=event.request_id, wallets={}, fatal=public_error(error))
    except WalletError as error:
        why = PublicError(code="balances_failed", message=public_error(error).message)
        return BalancesFetched(request_id=event.request_id, wallets={}, fatal=why)
    except Exception:
        log.exception("the balances of request %s failed", event.request_id)
        why = PublicError(code="internal", message="a bug; the worker's log says more")
        return BalancesFetched(request_id=event.request_id, wallets={}, fatal=why)
    return BalancesFetched(
        request_id=event.request_id,
        wallets={wallet: record["state"] for wallet, record in found.records.items()},
        errors=found.errors,
    )
