"""A sale whose proceeds went to somebody else: swap and bridge, swap and send, pay with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.core.solana import QUOTES, SERVICE_LAMPORTS, WSOL

if TYPE_CHECKING:
    from streamproc.core.evidence import Evidence
    from streamproc.core.transactions import TokenChange


def forwarded_quote(evidence: Evidence) -> tuple[str, int] | None:
    """The quote that a pool paid for the wallet's tokens, mostly to somebody else, and the smaller of both ends.

    Of a wallet that pays the fee, gives tokens and gets none. Exactly one foreign account of the quote pays P, one
    other, of another owner who gives nothing, gains G, and the wallet's share is at least 0 and below P / 2; no other
    quote of the wallet's moves but SOL that the service took. A pool pays 34.96 USDC, a bridge keeps 34.85 and the
    wallet gets 0.11: sold for 34.96. None when no quote, or more than one, moved so.
    """
    found = []
    for quote in {change.mint for change in evidence.changes if change.mint in QUOTES}:
        units = _forwarded_units(evidence, quote)
        if units is not None:
            found.append((quote, units))
    return found[0] if len(found) == 1 else None


def _forwarded_units(evidence: Evidence, quote: str) -> int | None:
    """What the sale brought of this quote, None when it did not move so."""
    moved = [change for change in evidence.changes if change.mint == quote]
    payers = [change for change in moved if change.units < 0]
    gainers = [change for change in moved if change.units > 0]
    if len(payers) != 1 or len(gainers) != 1:
        return None
    paid, gained = -payers[0].units, gainers[0].units
    share = evidence.trade_sol if quote == WSOL else evidence.deltas.get(quote, 0)
    if not 0 <= 2 * share < paid or not _is_elsewhere(evidence, payers[0], gainers[0]):
        return None
    others = {mint: units for mint, units in evidence.legs.items() if mint != quote}
    taken = others.pop(WSOL, 0)
    return min(paid, gained + share) if not others and -SERVICE_LAMPORTS <= taken <= 0 else None


def _is_elsewhere(evidence: Evidence, payer: TokenChange, gainer: TokenChange) -> bool:
    """Whether the gaining account is of another owner than the paying one, who gives nothing (no pool of a route)."""
    return (
        bool(gainer.owner)
        and gainer.owner != payer.owner
        and not any(
            change.units < 0 and change.owner == gainer.owner for change in evidence.changes
        )
    )
