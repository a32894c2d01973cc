"""What a transaction was for the wallet: the first rule that holds decides."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.chain.solana import QUOTES, SERVICE_LAMPORTS, WSOL, is_rent
from streamproc.core.ledger.entries import Kind
from streamproc.core.ledger.forwarded import forwarded_quote

if TYPE_CHECKING:
    from streamproc.core.ledger.wallet_view import WalletView

_TRADES: Final = frozenset({Kind.BUY, Kind.SELL, Kind.TOKEN_SWAP})


class _Sides(msgspec.Struct, gc=False):
    """What came and what went, quotes and tokens apart."""

    tokens_in: tuple[str, ...]
    tokens_out: tuple[str, ...]
    quotes_in: tuple[str, ...]
    quotes_out: tuple[str, ...]
    are_destroyed: bool | None = None  # all of `tokens_out`, as soon as somebody asked

    @property
    def coming(self) -> tuple[str, ...]:
        """All assets that came."""
        return self.tokens_in + self.quotes_in

    @property
    def going(self) -> tuple[str, ...]:
        """All assets that went."""
        return self.tokens_out + self.quotes_out


def kind_of(view: WalletView) -> Kind:
    """The kind of a transaction that did not fail; one that moved nothing of the wallet's is `other`.

    When goods moved that an order holds, what would be a trade is `order_filled`, and what cost nothing but a service's
    SOL is `order_placed` or `order_cancelled`.
    """
    kind = _plain_kind(view)
    return _order_kind(view, kind) if view.goods else kind


def _plain_kind(view: WalletView) -> Kind:
    """The kind, orders left out."""
    if not view.deltas and not view.legs:
        return Kind.OTHER
    sides = _sides(view)
    if sides.tokens_in:
        rules = _RULES_OF_BOTH if sides.tokens_out else _RULES_OF_IN
    elif sides.tokens_out:
        rules = _RULES_OF_POOL if _pool_pays(view) else _RULES_OF_OUT
    else:
        rules = _RULES_OF_NONE
    for kind, holds in rules:
        if holds(view, sides):
            return kind
    return Kind.OTHER


def _order_kind(view: WalletView, kind: Kind) -> Kind:
    """The kind when accounts that hold the wallet's goods gained or lost some."""
    has_lost = any(change.units < 0 for change in view.goods)
    if kind in _TRADES:
        return Kind.ORDER_FILLED if has_lost else kind
    is_cost = all(
        mint == WSOL and -SERVICE_LAMPORTS <= units < 0 for mint, units in view.legs.items()
    )
    if not is_cost or any(mint not in QUOTES for mint in view.deltas):
        return kind
    has_gained = any(change.units > 0 for change in view.goods)
    return Kind.ORDER_PLACED if has_gained else Kind.ORDER_CANCELLED


def _sides(view: WalletView) -> _Sides:
    """Assets by what they are and which way they went."""
    tokens_in: tuple[str, ...] = ()
    tokens_out: tuple[str, ...] = ()
    quotes_in: tuple[str, ...] = ()
    quotes_out: tuple[str, ...] = ()
    for mint, units in view.deltas.items():
        if mint not in QUOTES:
            if units > 0:
                tokens_in += (mint,)
            else:
                tokens_out += (mint,)
    for mint, units in view.legs.items():
        if units > 0:
            quotes_in += (mint,)
        else:
            quotes_out += (mint,)
    return _Sides(tokens_in, tokens_out, quotes_in, quotes_out)


def _is_quote_swap(_: WalletView, sides: _Sides) -> bool:
    """SOL against one stable."""
    into, out = sides.quotes_in, sides.quotes_out
    return len(into) == 1 and len(out) == 1 and WSOL in {into[0], out[0]}


def _is_round_trip(view: WalletView, _: _Sides) -> bool:
    """The wallet paid the fee, and every quote of its, one at least, went round, as some other mint did: arbitrage.

    An NFT sold out of an escrow moves a mint but not the quote; a leveraged deposit moves the quote but keeps much.
    """
    if not (view.is_payer and view.legs):
        return False
    if not all(map(view.went_round, view.legs)):
        return False
    others = {change.mint for change in view.changes} - view.legs.keys()
    return any(map(view.went_round, others))


def _is_quote_in(_: WalletView, sides: _Sides) -> bool:
    """One quote came, and nothing went."""
    return len(sides.quotes_in) == 1 and not sides.quotes_out


def _is_quote_out(_: WalletView, sides: _Sides) -> bool:
    """One quote went, and nothing came."""
    return len(sides.quotes_out) == 1 and not sides.quotes_in


def _is_forwarded(view: WalletView, _: _Sides) -> bool:
    """Tokens went into a pool, and most of what it paid to somebody else: swap and bridge, swap and send, pay with."""
    if view.is_payer:
        view.forwarded = forwarded_quote(view)
    return view.forwarded is not None


def _pool_pays(view: WalletView) -> bool:
    """Whether a foreign token account of a quote loses units."""
    for change in view.changes:  # noqa: SIM110 - a generator would be made for each sale
        if change.units < 0 and change.mint in QUOTES:
            return True
    return False


def _is_liquidity(view: WalletView, sides: _Sides) -> bool:
    """Assets against a receipt or a position, either way, or a token and a quote one way into a pool."""
    coming = len(sides.tokens_in) + len(sides.quotes_in)
    going = len(sides.tokens_out) + len(sides.quotes_out)
    if not coming or not going:
        return view.is_payer and _is_one_way_liquidity(view, sides)
    if going > 1 and sides.tokens_in and _is_added(view, sides):
        return True
    if coming > 1 and sides.tokens_out and _is_removed(view, sides):
        return True
    return view.has_indivisible and (
        _is_position_opened(view, sides) or _is_position_closed(view, sides)
    )


def _is_added(view: WalletView, sides: _Sides) -> bool:
    """Nothing but newly minted tokens in for two or more assets, none of them burnt."""
    return (
        not sides.quotes_in
        and all(view.supply(mint) > 0 for mint in sides.tokens_in)
        and not any(map(view.is_destroyed, sides.tokens_out))
    )


def _is_removed(view: WalletView, sides: _Sides) -> bool:
    """Nothing but burnt tokens out for two or more assets, none of them minted."""
    return (
        not sides.quotes_out
        and all(map(view.is_destroyed, sides.tokens_out))
        and not any(view.supply(mint) > 0 for mint in sides.tokens_in)
    )


def _is_position_opened(view: WalletView, sides: _Sides) -> bool:
    """Assets went, a position was minted for them, and a foreign token account gained of one.

    An NFT that is minted for SOL paid natively stays a buy.
    """
    return (
        len(sides.coming) == len(sides.tokens_in) == 1
        and _is_position(view, sides.tokens_in[0], 1)
        and any(units > 0 for mint in sides.going for units in view.moved(mint))
    )


def _is_position_closed(view: WalletView, sides: _Sides) -> bool:
    """Assets came, the position was burnt for them, and a foreign token account lost of one."""
    return (
        len(sides.going) == len(sides.tokens_out) == 1
        and _is_position(view, sides.tokens_out[0], -1)
        and any(units < 0 for mint in sides.coming for units in view.moved(mint))
    )


def _is_position(view: WalletView, mint: str, made: int) -> bool:
    """Whether a token is one of its kind, and exactly it was minted (1) or burnt (-1)."""
    return view.supply(mint) == made and view.decimals(mint) == 0


def _is_one_way_liquidity(view: WalletView, sides: _Sides) -> bool:
    """A token and a quote went one way, nothing came back, and foreign accounts of the quote mirror it."""
    if sides.tokens_out:
        return any(sum(view.moved(mint)) > 0 for mint in sides.quotes_out)
    return any(sum(view.moved(mint)) < 0 for mint in sides.quotes_in)


def _is_redeemed(view: WalletView, sides: _Sides) -> bool:
    """Tokens are destroyed, and a reserve pays at least half of the SOL for them: liquid staking given back.

    What accounts kept (an NFT's metadata) is no such price.
    """
    paid = view.legs.get(WSOL, 0)
    if paid <= 0 or is_rent(paid):
        return False
    return _are_destroyed(view, sides) and 2 * view.reserves_paid() >= paid


def _are_destroyed(view: WalletView, sides: _Sides) -> bool:
    """All tokens that leave are destroyed; SOL that comes in is rent."""
    if sides.are_destroyed is None:
        sides.are_destroyed = all(map(view.is_destroyed, sides.tokens_out))
    return sides.are_destroyed


def _always(_: WalletView, __: _Sides) -> bool:
    """The shape says it all."""
    return True


def _pays_quotes(_: WalletView, sides: _Sides) -> bool:
    """Tokens came for a quote."""
    return bool(sides.quotes_out)


def _is_sale(view: WalletView, sides: _Sides) -> bool:
    """Tokens went for a quote, however little."""
    return bool(sides.quotes_in) or (view.trade_sol > 0 and view.is_payer)


def _is_mint(view: WalletView, sides: _Sides) -> bool:
    """Nothing but newly minted tokens came."""
    return not view.legs and all(view.supply(mint) > 0 for mint in sides.tokens_in)


def _has_no_quotes(view: WalletView, _: _Sides) -> bool:
    """Only tokens, and all one way."""
    return not view.legs


class _Shape(Enum):
    """Which way the wallet's tokens moved."""

    IN = "tokens came"
    POOL = "tokens went, and a pool pays a quote"  # to whomever
    OUT = "tokens went otherwise"
    BOTH = "tokens came and went"
    NONE = "no token moved"


_IN, _POOL, _OUT, _BOTH, _NONE = _Shape
_Rule = Callable[["WalletView", _Sides], bool]

# The order of kinds: the first that holds decides, of those whose shape is the transaction's.
_RULES: Final[tuple[tuple[Kind, _Rule, frozenset[_Shape]], ...]] = (
    (Kind.SELL, _is_forwarded, frozenset({_POOL})),
    (Kind.LIQUIDITY, _is_liquidity, frozenset({_IN, _POOL, _OUT, _BOTH})),
    (Kind.SELL, _is_redeemed, frozenset({_OUT})),
    (Kind.BURN, _are_destroyed, frozenset({_OUT})),
    (Kind.TOKEN_SWAP, _always, frozenset({_BOTH})),
    (Kind.SELL, _always, frozenset({_POOL})),  # also when costs ate all that the pool paid
    (Kind.BUY, _pays_quotes, frozenset({_IN})),
    (Kind.SELL, _is_sale, frozenset({_OUT})),
    (Kind.QUOTE_SWAP, _is_quote_swap, frozenset({_NONE})),
    (Kind.ROUND_TRIP, _is_round_trip, frozenset({_NONE})),
    (Kind.MINT, _is_mint, frozenset({_IN})),
    (Kind.TRANSFER_IN, _has_no_quotes, frozenset({_IN})),
    (Kind.TRANSFER_IN, _is_quote_in, frozenset({_NONE})),
    (Kind.TRANSFER_OUT, _has_no_quotes, frozenset({_OUT})),
    (Kind.TRANSFER_OUT, _is_quote_out, frozenset({_NONE})),
)
_RULES_OF: Final = {
    shape: tuple((kind, holds) for kind, holds, shapes in _RULES if shape in shapes)
    for shape in _Shape
}
_RULES_OF_IN, _RULES_OF_POOL, _RULES_OF_OUT, _RULES_OF_BOTH, _RULES_OF_NONE = _RULES_OF.values()
