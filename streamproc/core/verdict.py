"""Whether a request can still complete, or is cancelled, late, met by a fatal error, or hopeless."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from streamproc import limits

if TYPE_CHECKING:
    from streamproc.core.join import JoinState


Verdict = tuple[Literal["failed", "cancelled", "expired"], str, str]


def verdict_on(state: JoinState) -> Verdict | None:
    """Why the request cannot complete, None while it can: cancelled, late, or hopeless."""
    if state.opened is None:
        return None
    if state.cancelled is not None:
        because = f": {state.cancelled}" if state.cancelled else ""
        return "cancelled", "cancelled", f"cancelled by request{because}"
    if state.expired_at >= state.opened.deadline_at:
        return "expired", "deadline_passed", "the deadline passed before the analysis was complete"
    if state.phase != "waiting":
        return None
    return _fatal(state) or _hopeless(state)


def _fatal(state: JoinState) -> Verdict | None:
    """An error that ends the whole request, by the smallest address that met it."""
    if state.fetched is not None and state.fetched.fatal is not None:
        return "failed", *state.fetched.fatal
    first = min((wallet for wallet, seen in state.seen.items() if seen.fatal), default=None)
    if first is None:
        return None
    seen = state.seen[first]
    return "failed", seen.code or "internal", seen.message or ""


def _hopeless(state: JoinState) -> Verdict | None:
    """Too many wallets failed for the asked ratio, or too few are wallets at all. Never becomes untrue."""
    assert state.opened is not None  # noqa: S101 - verdict_on asked
    excluded = {wallet for wallet, seen in state.seen.items() if seen.outcome == "excluded"}
    eligible = len(state.opened.wallets) - len(excluded.intersection(state.opened.wallets))
    if eligible < limits.WALLETS_MIN:
        return "failed", "too_few_wallets", f"{eligible} of the addresses can be compared"
    failed = failed_wallets(state)
    if eligible - len(failed) >= state.opened.min_success_ratio * eligible:
        return None
    only_balances = all(
        wallet not in state.seen or state.seen[wallet].outcome != "failed" for wallet in failed
    )
    code = "balances_failed" if only_balances else "wallets_failed"
    named = ", ".join(list(failed)[:3]) + (", ..." if len(failed) > 3 else "")  # noqa: PLR2004
    return "failed", code, f"{len(failed)} of {eligible} wallets failed: {named}"


def _is_excluded(state: JoinState, wallet: str) -> bool:
    """Whether this address turned out to be no wallet, or stands on the operator's list."""
    seen = state.seen.get(wallet)
    return seen is not None and seen.outcome == "excluded"


def failed_wallets(state: JoinState) -> dict[str, tuple[str, str]]:
    """The wallets that cannot be analyzed, sorted by address, each with its code and message."""
    failed = {
        wallet: (seen.code or "internal", seen.message or "")
        for wallet, seen in state.seen.items()
        if seen.outcome == "failed"
    }
    if state.fetched is not None:
        for wallet, balances in state.fetched.wallets.items():
            if balances == "failed" and not _is_excluded(state, wallet):
                why = state.fetched.errors.get(wallet, ("internal", "balances failed"))
                failed.setdefault(wallet, why)
    return dict(sorted(failed.items()))
