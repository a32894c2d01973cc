"""What is asked of the other agents for one request; the join asks again in the very same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.events import BalanceFetchRequested, CohortRequested, WalletSyncRequested

if TYPE_CHECKING:
    from streamproc.events import AnalysisAccepted, Cohort, Event, Options


def fan_out(accepted: AnalysisAccepted) -> list[Event]:
    """The events that start the work on a request whose wallets are known, the opening first; always the same."""
    balances = balances_asked(
        accepted.request_id,
        accepted.wallets,
        accepted.options,
        deadline_at=accepted.deadline_at,
        tenant=accepted.tenant,
    )
    syncs = [
        wallet_asked(
            accepted.request_id,
            wallet,
            accepted.options,
            requested_at_ms=accepted.requested_at_ms,
            deadline_at=accepted.deadline_at,
            tenant=accepted.tenant,
        )
        for wallet in accepted.wallets
    ]
    return [accepted, balances, *syncs]


def cohort_asked(
    request_id: str,
    cohort: Cohort,
    options: Options,
    *,
    requested_at_ms: int,
    deadline_at: int,
    tenant: str,
) -> CohortRequested:
    """The question for the wallets of a cohort, as below."""
    return CohortRequested(
        request_id=request_id,
        cohort=cohort,
        options=options.of_a_part(),
        requested_at_ms=requested_at_ms,
        deadline_at=deadline_at,
        tenant=tenant,
    )


def wallet_asked(
    request_id: str,
    wallet: str,
    options: Options,
    *,
    requested_at_ms: int,
    deadline_at: int,
    tenant: str,
) -> WalletSyncRequested:
    """The question for one wallet; a repeat is this event again, field by field."""
    return WalletSyncRequested(
        request_id=request_id,
        wallet=wallet,
        options=options.of_a_part(),
        requested_at_ms=requested_at_ms,
        deadline_at=deadline_at,
        tenant=tenant,
    )


def balances_asked(
    request_id: str, wallets: list[str], options: Options, *, deadline_at: int, tenant: str
) -> BalanceFetchRequested:
    """The question for the balances of all wallets, as above."""
    return BalanceFetchRequested(
        request_id=request_id,
        wallets=wallets,
        options=options.of_a_part(),
        deadline_at=deadline_at,
        tenant=tenant,
    )
