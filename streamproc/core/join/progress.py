"""How far a request is, as a percentage that never falls, and the record that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.events import AnalysisProgressed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.events import Stage

TERMINAL = frozenset({"completed", "failed", "cancelled", "expired"})
WALLETS_SHARE = 50.0  # percent that all wallets together add while they are synced
SMALLEST_STEP = 0.01  # percent
BALANCES_SHARE = float(limits.PERCENT_SYNCED - limits.PERCENT_ACCEPTED) - WALLETS_SHARE


def percent_of(
    *,
    wallets_total: int,
    wallets_finished: int,
    fractions: Iterable[float],
    balances_done: bool,
) -> float:
    """Percent of a request whose wallets are being synced: 5 at the start, 60 only when both operations are done.

    Each finished wallet adds 50 / N, each running one its fraction of that; the balances add the other 5. Rounded to
    hundredths; `wallets_total` is at least 1.
    """
    if wallets_finished >= wallets_total and balances_done:
        return float(limits.PERCENT_SYNCED)
    finished = wallets_finished + sum(min(1.0, max(0.0, fraction)) for fraction in fractions)
    share = min(1.0, finished / wallets_total)
    balances = BALANCES_SHARE if balances_done else 0.0
    percent = round(limits.PERCENT_ACCEPTED + WALLETS_SHARE * share + balances, 2)
    return min(percent, limits.PERCENT_SYNCED - SMALLEST_STEP)


def progressed(
    *,
    request_id: str,
    seq: int,
    stage: Stage,
    percent: float,
    wallets_total: int,
    wallets_done: int,
    wallets_failed: int,
    balances_done: bool,
    message: str,
    at: int,
) -> AnalysisProgressed:
    """The record; `terminal` follows from the stage, and completed is 100 percent."""
    return AnalysisProgressed(
        request_id=request_id,
        seq=seq,
        stage=stage,
        percent=100.0 if stage == "completed" else percent,
        wallets_total=wallets_total,
        wallets_done=wallets_done,
        wallets_failed=wallets_failed,
        balances_done=balances_done,
        message=message[: limits.ERROR_TEXT_MAX_CHARACTERS],
        terminal=stage in TERMINAL,
        at=at,
    )
