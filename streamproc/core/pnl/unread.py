"""What is not read as a trader would wish, counted, so that a reader of the figures knows how much of it there is."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from streamproc.core.chain.solana import STABLE_UNIT, STABLES
from streamproc.core.ledger.entries import TRANSFER_KINDS, Kind, quote_legs, token_deltas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamproc.core.ledger.entries import Entry
    from streamproc.core.pnl.window import Step


class Unread(StrEnum):
    """A key of `unread`. Each says what a trader would wish, and what the figures do instead."""

    LIQUIDITY = "liquidity"  # no yield: deposits leave at cost, withdrawals come without basis
    OTHER = "other"  # assets moved in no known way: perpetuals, lending, loops; no profit
    TOKEN_TRANSFERS = "token_transfers"  # noqa: S105 - a second wallet's basis stays behind
    QUOTE_TRANSFERS = "quote_transfers"  # collateral, bids, a second wallet's SOL: no profit
    EXCHANGES_WITHOUT_RATE = (
        "exchanges_without_rate"  # shaped like one: a deposit and a loan, a bridge
    )
    UNPRICED_TRADES = (
        "unpriced_trades"  # several tokens, or no quote: lots at cost and without basis
    )
    UNPRICED_ROUND_TRIPS = "unpriced_round_trips"  # of a stable, without a rate: not in net


def unread_in(step: Step) -> Iterator[Unread]:
    """The keys that an entry counts for, one as often as it counts."""
    entry = step.entry
    if entry.kind is Kind.LIQUIDITY:
        yield Unread.LIQUIDITY
    elif entry.kind is Kind.OTHER:
        if entry.deltas or _legs(entry):
            yield Unread.OTHER
    elif entry.kind in TRANSFER_KINDS:
        yield Unread.TOKEN_TRANSFERS if token_deltas(entry) else Unread.QUOTE_TRANSFERS
    elif entry.kind is Kind.QUOTE_SWAP and not step.is_rate:
        if any(
            mint in STABLES and abs(units) >= STABLE_UNIT for mint, units in _legs(entry).items()
        ):
            yield Unread.EXCHANGES_WITHOUT_RATE
    elif step.round_trip is not None and step.round_trip.lamports is None:
        yield Unread.UNPRICED_ROUND_TRIPS
    for trade in step.trades:
        if not trade.is_priced:
            yield Unread.UNPRICED_TRADES


def _legs(entry: Entry) -> dict[str, int]:
    """What of quotes went and came."""
    return quote_legs(entry.trade_sol, entry.deltas, is_mirrored=entry.is_mirrored)
