"""Whether a request can still complete, or is cancelled, late, met by a fatal error, or hopeless."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from streamproc import limits

if TYPE_CHECKING:
    from streamproc.core.join.state import JoinState, WalletOutcome


FailureReason = tuple[Literal["failed", "cancelled", "expired"], str, str]


def failure_of(state: JoinState) -> FailureReason | None:
    """Why the request cannot complete, None while it can: cancelled, late, or hopeless."""
    if state.opened is None:
        return None
    if state.is_broken:
        return "failed", "internal", "a bug; the worker's log says more"
    if state.cancelled is not None:
        because = f": {state.cancelled}" if state.cancelled else ""
        return "cancelled", "cancelled", f"cancelled by request{because}"
    if state.expired_at >= state.opened.deadline_at:
        return "expired", "deadline_passed", "the deadline passed before the analysis was complete"
    if state.phase != "waiting":
        return None
    return _unresolved(state) if state.opened.resolving else _fatal(state) or _hopeless(state)


def _unresolved(state: JoinState) -> FailureReason | None:
    """Why the wallets of a cohort cannot be chosen, if that is known."""
    return None if state.unresolved is None else ("failed", *state.unresolved)


def _fatal(state: JoinState) -> FailureReason | None:
    """An error that ends the whole request, by the smallest address that met it."""
    if state.balances is not None and state.balances.fatal is not None:
        return "failed", *state.balances.fatal
    first = min((wallet for wallet, each in outcomes_of(state).items() if each.fatal), default=None)
    if first is None:
        return None
    outcome = state.outcomes[first]
    return "failed", outcome.code or "internal", outcome.message or ""


def _hopeless(state: JoinState) -> FailureReason | None:
    """Too many wallets failed for the asked ratio, or too few are wallets at all. Never becomes untrue."""
    assert state.opened is not None  # noqa: S101 - verdict_on asked
    total = len(state.opened.wallets)
    eligible = total - sum(each.outcome == "excluded" for each in outcomes_of(state).values())
    if eligible < min(total, limits.COMPARED_MIN):
        return "failed", "too_few_wallets", f"{eligible} of the addresses can be compared"
    failed = failed_wallets(state)
    if eligible - len(failed) >= as_written(state.opened.min_success_ratio) * eligible:
        return None
    only_balances = all(
        wallet not in state.outcomes or state.outcomes[wallet].outcome != "failed"
        for wallet in failed
    )
    code = "balances_failed" if only_balances else "wallets_failed"
    named = ", ".join(list(failed)[:3]) + (", ..." if len(failed) > 3 else "")  # noqa: PLR2004
    return "failed", code, f"{len(failed)} of {eligible} wallets failed: {named}"


def as_written(ratio: float) -> Fraction:
    """The decimal that a float was read from, exactly: 7 of 25 are 0.28, though no float is.

    The shortest decimal that reads as this float is the one that somebody wrote, up to 15 digits.
    """
    return Fraction(repr(ratio))


def outcomes_of(state: JoinState) -> dict[str, WalletOutcome]:
    """What was said about the wallets that were asked for; what is said about others counts for nothing."""
    assert state.opened is not None  # noqa: S101 - nobody asks before
    return {
        wallet: state.outcomes[wallet]
        for wallet in state.opened.wallets
        if wallet in state.outcomes
    }


def failed_wallets(state: JoinState) -> dict[str, tuple[str, str]]:
    """The wallets that cannot be analyzed, sorted by address, each with its code and message."""
    outcomes = outcomes_of(state)
    balances, errors = (
        ({}, {}) if state.balances is None else (state.balances.wallets, state.balances.errors)
    )
    failed = {
        wallet: (each.code or "internal", each.message or "")
        for wallet, each in outcomes.items()
        if each.outcome == "failed"
    }
    assert state.opened is not None  # noqa: S101 - as above
    for wallet in state.opened.wallets:
        is_wallet = wallet not in outcomes or outcomes[wallet].outcome != "excluded"
        if balances.get(wallet) == "failed" and is_wallet:
            why = errors.get(wallet, ("internal", "balances failed"))
            failed.setdefault(wallet, why)
    return dict(sorted(failed.items()))


def done_wallets(state: JoinState) -> int:
    """How many wallets are done for good: excluded, or analyzed with balances; what failed is counted apart.

    A wallet whose balances are awaited is not done: they may fail yet, and then the count would fall.
    """
    failed, balances = failed_wallets(state), state.balances
    is_known = balances is not None and balances.fatal is None
    return sum(
        each.outcome == "excluded" or (each.outcome == "analyzed" and is_known)
        for wallet, each in outcomes_of(state).items()
        if wallet not in failed
    )
