"""A sale whose proceeds went to somebody else: swap and bridge, swap and send, pay with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.core.chain.solana import QUOTES, SERVICE_LAMPORTS, WSOL

if TYPE_CHECKING:
    from streamproc.core.chain.transactions import TokenChange
    from streamproc.core.ledger.wallet_view import WalletView


def forwarded_quote(view: WalletView) -> tuple[str, int] | None:
    """The quote that a pool paid for the wallet's tokens, mostly to somebody else, and the smaller of both ends.

    Of a wallet that pays the fee, gives tokens and gets none. Exactly one foreign account of the quote pays P, one
    other, of another owner who gives nothing, gains G, and the wallet's share is at least 0 and below P / 2; no other
    quote of the wallet's moves but SOL that the service took. A pool pays 34.96 USDC, a bridge keeps 34.85 and the
    wallet gets 0.11: sold for 34.96. None when no quote, or more than one, moved so.
    """
    quoted = [change for change in view.changes if change.mint in QUOTES]
    if len(quoted) < 2:  # noqa: PLR2004 - one pays, one gains
        return None
    moved: dict[str, list[TokenChange]] = {}
    for change in quoted:
        moved.setdefault(change.mint, []).append(change)
    found = []
    for quote, ends in moved.items():
        units = _forwarded_units(view, quote, ends)
        if units is not None:
            found.append((quote, units))
    return found[0] if len(found) == 1 else None


def _forwarded_units(view: WalletView, quote: str, ends: list[TokenChange]) -> int | None:
    """What the sale brought of this quote, None when it did not move so."""
    if len(ends) != 2:  # noqa: PLR2004 - one pays, one gains
        return None
    payer, gainer = sorted(ends, key=_units)
    share = view.trade_sol if quote == WSOL else view.deltas.get(quote, 0)
    if not (payer.units < 0 < gainer.units and 0 <= 2 * share < -payer.units):
        return None
    others = {mint: units for mint, units in view.legs.items() if mint != quote}
    taken = others.pop(WSOL, 0)
    if others or not -SERVICE_LAMPORTS <= taken <= 0 or not _is_elsewhere(view, payer, gainer):
        return None
    return min(-payer.units, gainer.units + share)


def _units(change: TokenChange) -> int:
    """What the account gained or lost."""
    return change.units


def _is_elsewhere(view: WalletView, payer: TokenChange, gainer: TokenChange) -> bool:
    """Whether the gaining account is of another owner than the paying one, who gives nothing (no pool of a route)."""
    return (
        bool(gainer.owner)
        and gainer.owner != payer.owner
        and not any(change.units < 0 and change.owner == gainer.owner for change in view.changes)
    )
