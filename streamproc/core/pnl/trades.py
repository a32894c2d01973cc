"""Ledger entries -> trades: one for each transaction and token that was bought, sold or swapped."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from streamproc.core.chain.solana import WSOL
from streamproc.core.ledger.entries import TRADE_KINDS, canonical_order, quote_legs, token_deltas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamproc.core.ledger.entries import Entry


class Side(StrEnum):
    """Which way the token went, as the wallet sees it."""

    BUY = "buy"
    SELL = "sell"


class Rule(StrEnum):
    """How a trade's quotes were found."""

    QUOTE_LEGS = "quote_legs"  # one token against all quotes from dust upwards
    BELOW_DUST = "below_dust"  # a sale that brought less: every non-zero quote, or nothing at all
    ROUTED = "routed"  # one token for another through one quote, the same amount on both legs
    FORWARDED = "forwarded"  # one token sold, and most of what it brought went to somebody else
    JOINT = "joint"  # several tokens, or no such quote: the total of the whole transaction


class Confidence(StrEnum):
    """How far a trade's quotes can be relied on."""

    EXACT = "exact"
    SPLIT = "split"  # taken from what moved between two pools
    ESTIMATED = "estimated"  # priced, but read from transfers
    UNPRICED = "unpriced"  # the joint total stands there; nothing is guessed


class Trade(NamedTuple):
    """One token of one transaction changing hands. (wallet, signature, mint, side) names it."""

    wallet: str
    signature: str
    slot: int
    time: int | None  # unix seconds
    mint: str
    side: Side
    amount: int  # base units, > 0
    quotes: Mapping[str, int]  # quote mint -> signed base units, paid < 0
    fees: int  # lamports: this trade's share of network fee and tips
    rule: Rule
    confidence: Confidence

    @property
    def is_priced(self) -> bool:
        """Whether `quotes` belong to this trade alone."""
        return self.confidence is not Confidence.UNPRICED


def trades_from_entries(entries: Iterable[Entry], wallet: str) -> list[Trade]:
    """All trades in canonical order (slot, index, signature), those of one transaction by mint."""
    return [trade for entry in canonical_order(entries) for trade in trades_of(entry, wallet)]


def trades_of(entry: Entry, wallet: str) -> list[Trade]:
    """The trades of one entry by mint; none when it is no trade.

    Fees are shared equally; what does not divide goes to the first mints, one lamport each. Service and platform fees
    are part of the price.
    """
    if entry.kind not in TRADE_KINDS:
        return []
    tokens = token_deltas(entry)
    if not tokens:  # quotes against quotes, whatever the kind says: nothing that is owned
        return []
    rule, quotes = _quotes(entry, tokens)
    confidence = _confidence(entry, rule)
    share, left = divmod(entry.network_fee + entry.tips, len(tokens))
    return [
        Trade(
            wallet,
            entry.signature,
            entry.slot,
            entry.time,
            mint,
            Side.BUY if units > 0 else Side.SELL,
            abs(units),
            quotes[mint],
            share + (place < left),
            rule,
            confidence,
        )
        for place, (mint, units) in enumerate(tokens)
    ]


def _quotes(entry: Entry, tokens: list[tuple[str, int]]) -> tuple[Rule, dict[str, dict[str, int]]]:
    """The rule that holds, and mint -> quotes."""
    legs = quote_legs(entry.trade_sol, entry.deltas, is_mirrored=entry.is_mirrored)
    if len(tokens) == 1:
        mint, units = tokens[0]
        if entry.routed_quote is not None:
            return Rule.FORWARDED, {mint: _forwarded(entry.routed_quote, legs)}
        if units < 0 and not legs:
            small = quote_legs(entry.trade_sol, entry.deltas, dust=True)
            return Rule.BELOW_DUST, {mint: small or {WSOL: 0}}
        return Rule.QUOTE_LEGS, {mint: legs}
    if entry.routed_quote is not None and [units > 0 for _, units in tokens] in _ONE_FOR_ONE:
        return Rule.ROUTED, _routed(entry.routed_quote, tokens, legs)
    return Rule.JOINT, {mint: legs for mint, _ in tokens}


_ONE_FOR_ONE = ([True, False], [False, True])


def _routed(
    routed_quote: tuple[str, int], tokens: list[tuple[str, int]], legs: dict[str, int]
) -> dict[str, dict[str, int]]:
    """The routed quote received for the one token and paid for the other, with the wallet's own quotes."""
    quote, units = routed_quote
    bought = next(mint for mint, change in tokens if change > 0)
    sold = next(mint for mint, change in tokens if change < 0)
    paid = {**legs, quote: legs.get(quote, 0) - units}
    return {sold: {quote: units}, bought: paid}


def _forwarded(routed_quote: tuple[str, int], legs: dict[str, int]) -> dict[str, int]:
    """What the sale brought, the wallet's own share in it, and the SOL that the service took."""
    quote, units = routed_quote
    taken = min(0, legs.get(WSOL, 0))
    if quote == WSOL:
        return {WSOL: units + taken}
    return {WSOL: taken, quote: units} if taken else {quote: units}


_SPLIT = frozenset({Rule.ROUTED, Rule.FORWARDED})


def _confidence(entry: Entry, rule: Rule) -> Confidence:
    """Unpriced whatever the source; else estimated by the entry, split by the rule, or exact."""
    if rule is Rule.JOINT:
        return Confidence.UNPRICED
    if entry.estimated:
        return Confidence.ESTIMATED
    return Confidence.SPLIT if rule in _SPLIT else Confidence.EXACT
