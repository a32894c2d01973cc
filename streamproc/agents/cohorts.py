"""The cohorts agent: the wallets of a cohort are chosen once, kept, and then the request is opened as any other."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamproc.agents.shared.handlers import public_error
from streamproc.agents.shared.openings import accepted_from
from streamproc.core.join.fan_out import fan_out
from streamproc.engine import failpoints
from streamproc.errors import RequestEndedError, RequestError, StreamprocError, TransientError
from streamproc.events import CohortFailed, CohortFound, CohortRequested, PublicError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.agents.lookups.lookups import Lookups
    from streamproc.agents.shared.cancellation import Cancellations
    from streamproc.agents.shared.handlers import Said
    from streamproc.serde import Codec
    from streamproc.store import Store, StoredRequest

log = logging.getLogger(__name__)


async def resolve_cohort(
    event: CohortRequested,
    *,
    store: Store,
    lookups: Lookups,
    cancellations: Cancellations,
    codec: Codec,
) -> AsyncIterator[Said]:
    """Choose the wallets of a request, keep the choice, and say what opens the work on them; or why there are none.

    What was kept is said again whenever the same is asked, and nobody is asked upstream then. Says nothing for a
    request that has ended.
    """
    del codec  # everything that is said takes the time of the question
    stored = await _running(event.request_id, store)
    if stored.chosen is None:
        stored = await _kept(event, store=store, lookups=lookups, cancellations=cancellations)
    assert stored.chosen is not None  # noqa: S101 - it has just been kept
    if (error := stored.chosen.get("error")) is not None:
        yield CohortFailed(request_id=event.request_id, **error)
        return
    for said in fan_out(accepted_from(stored)):
        yield said
    await failpoints.reach("after-fan-out")


async def _running(request_id: str, store: Store) -> StoredRequest:
    """The request's row; raises RequestEndedError when nobody listens any more."""
    stored = await store.request(request_id)
    if stored is None or stored.status != "running":
        raise RequestEndedError(f"request {request_id} has ended")
    return stored


async def _kept(
    event: CohortRequested, *, store: Store, lookups: Lookups, cancellations: Cancellations
) -> StoredRequest:
    """The request's row after the choice was kept, whoever made it first."""
    request_id = event.request_id
    with cancellations.watching(request_id):
        found = await _chosen(event, lookups)
    await failpoints.reach("mid-cohort")
    await store.settled([request_id])
    if isinstance(found, PublicError):
        wallets, chosen = [], {"error": found.model_dump()}
    else:
        wallets = [each.wallet for each in found.members]
        chosen = {"found": found.model_dump(mode="json")}
    stored = await store.choose_once(request_id, wallets, chosen)
    if stored is None or stored.chosen is None:
        raise RequestEndedError(f"request {request_id} has ended")
    await failpoints.reach("after-cohort-kept")
    return stored


async def _chosen(event: CohortRequested, lookups: Lookups) -> CohortFound | PublicError:
    """The cohort, or why there is none; raises RequestEndedError when nobody listens any more."""
    try:
        return await lookups.cohort(event)
    except (RequestEndedError, TransientError, failpoints.FailpointError):
        raise
    except RequestError as error:
        return public_error(error)
    except StreamprocError as error:
        return PublicError(code="cohort_failed", message=public_error(error).message)
    except Exception:
        log.exception("the cohort of request %s cannot be resolved", event.request_id)
        return PublicError(code="internal", message="a bug; the worker's log says more")
