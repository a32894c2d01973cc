"""What a transaction was for the wallet: the first rule that holds decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streamproc.core.entries import Kind
from streamproc.core.solana import QUOTES, WSOL
from streamproc.core.transactions import TokenChange

if TYPE_CHECKING:
    from collections.abc import Callable


class Evidence(msgspec.Struct, gc=False):
    """Everything that a kind is decided from; of a transaction that did not fail."""

    wallet: str
    trade_sol: int
    deltas: dict[str, int]  # mint -> units, none of them 0
    legs: dict[str, int]  # quote mint -> signed units, from dust upwards
    is_payer: bool
    tokens: list[TokenChange]

    def supply(self, mint: str) -> int:
        """How many units were minted (+) or burnt (-)."""
        return sum([change.units for change in self.tokens if change.mint == mint])

    def foreign(self, mint: str) -> int:
        """How many units all foreign accounts together gained (+) or lost (-)."""
        return sum(
            [
                change.units
                for change in self.tokens
                if change.mint == mint and change.owner != self.wallet
            ]
        )


class _Sides(msgspec.Struct, gc=False):
    """What came and what went, quotes and tokens apart."""

    tokens_in: list[str]
    tokens_out: list[str]
    quotes_in: list[str]
    quotes_out: list[str]


def kind_of(evidence: Evidence) -> Kind:
    """The kind of a transaction that did not fail; one that moved nothing of the wallet's is `other`."""
    if not evidence.deltas and not evidence.legs:
        return Kind.OTHER
    sides = _sides(evidence)
    if not sides.tokens_in and not sides.tokens_out:
        return _quotes_alone(sides)
    for kind, holds in _RULES:
        if holds(evidence, sides):
            return kind
    return Kind.OTHER


def _sides(evidence: Evidence) -> _Sides:
    """Assets by what they are and which way they went."""
    sides = _Sides([], [], [], [])
    for mint, units in evidence.deltas.items():
        if mint not in QUOTES:
            (sides.tokens_in if units > 0 else sides.tokens_out).append(mint)
    for mint, units in evidence.legs.items():
        (sides.quotes_in if units > 0 else sides.quotes_out).append(mint)
    return sides


def _quotes_alone(sides: _Sides) -> Kind:
    """Without tokens: one quote one way is a transfer, SOL against one stable a quote swap."""
    into, out = sides.quotes_in, sides.quotes_out
    if len(into) == 1 and len(out) == 1 and WSOL in {into[0], out[0]}:
        return Kind.QUOTE_SWAP
    if len(into) + len(out) == 1:
        return Kind.TRANSFER_IN if into else Kind.TRANSFER_OUT
    return Kind.OTHER


def _is_liquidity(evidence: Evidence, sides: _Sides) -> bool:
    """Two or more assets against a receipt minted for them, its mirror image, or a one-way deposit."""
    assets_in = len(sides.tokens_in) + len(sides.quotes_in)
    assets_out = len(sides.tokens_out) + len(sides.quotes_out)
    if assets_in < 2 and assets_out < 2:  # noqa: PLR2004 - both sides of a pool go the same way
        return False
    destroyed = [_is_destroyed(evidence, mint) for mint in sides.tokens_out]
    added = (
        assets_out >= 2  # noqa: PLR2004
        and bool(sides.tokens_in)
        and not sides.quotes_in
        and all(evidence.supply(mint) > 0 for mint in sides.tokens_in)
        and not any(destroyed)
    )
    removed = (
        assets_in >= 2  # noqa: PLR2004
        and bool(sides.tokens_out)
        and not sides.quotes_out
        and all(destroyed)
        and not any(evidence.supply(mint) > 0 for mint in sides.tokens_in)
    )
    return added or removed or _is_one_way_liquidity(evidence, sides)


def _is_one_way_liquidity(evidence: Evidence, sides: _Sides) -> bool:
    """A token and a quote go the same way, nothing comes back, and foreign accounts of the quote mirror it."""
    if not evidence.is_payer:
        return False
    if sides.tokens_out and sides.quotes_out and not sides.tokens_in and not sides.quotes_in:
        return any(evidence.foreign(mint) > 0 for mint in sides.quotes_out)
    if sides.tokens_in and sides.quotes_in and not sides.tokens_out and not sides.quotes_out:
        return any(evidence.foreign(mint) < 0 for mint in sides.quotes_in)
    return False


def _is_burn(evidence: Evidence, sides: _Sides) -> bool:
    """All tokens that leave are destroyed and no pool pays for them; SOL that comes in is rent."""
    return (
        bool(sides.tokens_out)
        and not sides.tokens_in
        and all(_is_destroyed(evidence, mint) for mint in sides.tokens_out)
        and not _foreign_quote_pays(evidence)
    )


def _is_destroyed(evidence: Evidence, mint: str) -> bool:
    """Whether of this token, which left the wallet, at least as much went out of existence.

    The sum over all accounts falls too when a fee is withheld from a transfer, but by less than what left.
    """
    return evidence.supply(mint) <= evidence.deltas[mint]


def _is_swap(_: Evidence, sides: _Sides) -> bool:
    """Tokens came and tokens went."""
    return bool(sides.tokens_in) and bool(sides.tokens_out)


def _is_buy(_: Evidence, sides: _Sides) -> bool:
    """Tokens came for a quote."""
    return bool(sides.tokens_in) and bool(sides.quotes_out)


def _is_sale(evidence: Evidence, sides: _Sides) -> bool:
    """Tokens went for a quote, however little: also when costs ate all that a pool paid."""
    if sides.tokens_in or not sides.tokens_out:
        return False
    below_dust = evidence.trade_sol > 0 and evidence.is_payer
    return bool(sides.quotes_in) or below_dust or _foreign_quote_pays(evidence)


def _is_mint(evidence: Evidence, sides: _Sides) -> bool:
    """Nothing but newly minted tokens came."""
    return (
        not sides.tokens_out
        and not evidence.legs
        and all(evidence.supply(mint) > 0 for mint in sides.tokens_in)
    )


def _is_transfer_in(evidence: Evidence, sides: _Sides) -> bool:
    """Only tokens, and all came."""
    return not sides.tokens_out and not evidence.legs


def _is_transfer_out(evidence: Evidence, sides: _Sides) -> bool:
    """Only tokens, and all went."""
    return not sides.tokens_in and not evidence.legs


def _foreign_quote_pays(evidence: Evidence) -> bool:
    """Whether a foreign token account of a quote loses units."""
    return any(
        change.units < 0 and change.mint in QUOTES and change.owner != evidence.wallet
        for change in evidence.tokens
    )


_RULES: tuple[tuple[Kind, Callable[[Evidence, _Sides], bool]], ...] = (
    (Kind.LIQUIDITY, _is_liquidity),
    (Kind.BURN, _is_burn),
    (Kind.TOKEN_SWAP, _is_swap),
    (Kind.BUY, _is_buy),
    (Kind.SELL, _is_sale),
    (Kind.MINT, _is_mint),
    (Kind.TRANSFER_IN, _is_transfer_in),
    (Kind.TRANSFER_OUT, _is_transfer_out),
)
