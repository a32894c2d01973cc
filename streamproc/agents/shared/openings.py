"""What opens a recorded request, from its row: the same whenever it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.core.join.fan_out import cohort_asked
from streamproc.events import AnalysisAccepted, Cohort, CohortFound, Options

if TYPE_CHECKING:
    from streamproc.events import CohortRequested
    from streamproc.store import StoredRequest


def accepted_from(stored: StoredRequest) -> AnalysisAccepted:
    """What was said, or should have been, when the request's wallets were known."""
    chosen = (stored.chosen or {}).get("found")
    return AnalysisAccepted(
        request_id=stored.request_id,
        wallets=stored.wallets,
        repeats_dropped=stored.repeats_dropped,
        requested_at_ms=stored.requested_at_ms,
        deadline_at=stored.deadline_at,
        options=Options.model_validate(stored.options),
        tenant=stored.tenant,
        cohort=None if chosen is None else CohortFound.model_validate(chosen),
    )


def opening_from(stored: StoredRequest) -> AnalysisAccepted | CohortRequested:
    """The same, or the question for the wallets of a cohort that is not resolved, or cannot be."""
    if stored.cohort is None or (stored.chosen is not None and "found" in stored.chosen):
        return accepted_from(stored)
    return cohort_asked(
        stored.request_id,
        Cohort.model_validate(stored.cohort),
        Options.model_validate(stored.options),
        requested_at_ms=stored.requested_at_ms,
        deadline_at=stored.deadline_at,
        tenant=stored.tenant,
    )
