"""What a transaction was for the wallet: the first rule that holds decides."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc.core.chain.solana import QUOTES, SERVICE_LAMPORTS, WSOL, is_rent
from streamproc.core.ledger.entries import Kind
from streamproc.core.ledger.forwarded import forwarded_quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.core.ledger.wallet_view import WalletView

_TRADES: Final = frozenset({Kind.BUY, Kind.SELL, Kind.TOKEN_SWAP})


class _Shape(IntFlag):
    """What came to the wallet, and what went."""

    TOKEN_IN = 1
    TOKEN_OUT = 2
    QUOTE_IN = 4
    QUOTE_OUT = 8
    POOL = 16  # tokens went, none came, and a pool pays a quote, to whomever
    SEVERAL = 32  # there may be more than two assets
    INDIVISIBLE = 64  # a token without decimals is among them


# Plain numbers: flags are combined by calls into Python.
_TOKEN_IN, _TOKEN_OUT, _QUOTE_IN, _QUOTE_OUT, _POOL, _SEVERAL, _INDIVISIBLE = map(int, _Shape)
_TOKENS = _TOKEN_IN | _TOKEN_OUT
_QUOTES = _QUOTE_IN | _QUOTE_OUT


def kind_of(view: WalletView) -> Kind:
    """The kind of a transaction that did not fail; one that moved nothing of the wallet's is `other`.

    When goods moved that an order holds, what would be a trade is `order_filled`, and what cost nothing but a service's
    SOL is `order_placed` or `order_cancelled`.
    """
    kind = _plain_kind(view)
    return _order_kind(view, kind) if view.goods else kind


def _plain_kind(view: WalletView) -> Kind:
    """The kind, orders left out."""
    for kind, holds in _RULES_OF[_shape(view)]:
        if holds(view):
            return kind
    return Kind.OTHER


def _shape(view: WalletView) -> int:
    """What came and what went."""
    deltas, legs = view.deltas, view.legs
    shape = _INDIVISIBLE if view.has_indivisible else 0
    for mint, units in deltas.items():
        if mint not in QUOTES:
            shape |= _TOKEN_IN if units > 0 else _TOKEN_OUT
    for units in legs.values():
        shape |= _QUOTE_IN if units > 0 else _QUOTE_OUT
    if len(deltas) + len(legs) > 2:  # noqa: PLR2004 - one for one
        shape |= _SEVERAL
    if shape & _TOKENS == _TOKEN_OUT and _pool_pays(view):
        shape |= _POOL
    return shape


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


def _tokens(view: WalletView, way: int) -> list[str]:
    """The tokens that came (1) or went (-1)."""
    return [mint for mint, units in view.deltas.items() if units * way > 0 and mint not in QUOTES]


def _quotes(view: WalletView, way: int) -> list[str]:
    """The quotes that came (1) or went (-1)."""
    return [mint for mint, units in view.legs.items() if units * way > 0]


def _is_quote_swap(view: WalletView) -> bool:
    """SOL against one stable."""
    return len(view.legs) == 2 and WSOL in view.legs  # noqa: PLR2004 - a pair


def _is_round_trip(view: WalletView) -> bool:
    """The wallet paid the fee, and every quote of its, one at least, went round, as some other mint did: arbitrage.

    An NFT sold out of an escrow moves a mint but not the quote; a leveraged deposit moves the quote but keeps much.
    """
    if not (view.is_payer and view.legs):
        return False
    if not all(map(view.went_round, view.legs)):
        return False
    others = {change.mint for change in view.changes} - view.legs.keys()
    return any(map(view.went_round, others))


def _is_one_quote(view: WalletView) -> bool:
    """One quote moved, and no other."""
    return len(view.legs) == 1


def _is_forwarded(view: WalletView) -> bool:
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


def _is_put_in(view: WalletView) -> bool:
    """A token and a quote went, nothing came, and foreign accounts of the quote gained: into a pool, for no receipt."""
    return view.is_payer and any(sum(view.moved(mint)) > 0 for mint in _quotes(view, -1))


def _is_taken_out(view: WalletView) -> bool:
    """A token and a quote came, nothing went, and foreign accounts of the quote lost: out of a pool."""
    return view.is_payer and any(sum(view.moved(mint)) < 0 for mint in _quotes(view, 1))


def _is_added(view: WalletView) -> bool:
    """Nothing but newly minted tokens in for two or more assets, none of them burnt."""
    burnt = _tokens(view, -1)
    return (
        len(burnt) + len(_quotes(view, -1)) > 1
        and all(view.supply(mint) > 0 for mint in _tokens(view, 1))
        and not any(map(view.is_destroyed, burnt))
    )


def _is_removed(view: WalletView) -> bool:
    """Nothing but burnt tokens out for two or more assets, none of them minted."""
    minted = _tokens(view, 1)
    return (
        len(minted) + len(_quotes(view, 1)) > 1
        and _are_destroyed(view)
        and not any(view.supply(mint) > 0 for mint in minted)
    )


def _is_position_opened(view: WalletView) -> bool:
    """Assets went, a position was minted for them, and a foreign token account gained of one.

    An NFT that is minted for SOL paid natively stays a buy.
    """
    coming, going = _tokens(view, 1), _tokens(view, -1) + _quotes(view, -1)
    return (
        len(coming) == 1
        and _is_position(view, coming[0], 1)
        and any(units > 0 for mint in going for units in view.moved(mint))
    )


def _is_position_closed(view: WalletView) -> bool:
    """Assets came, the position was burnt for them, and a foreign token account lost of one."""
    coming, going = _tokens(view, 1) + _quotes(view, 1), _tokens(view, -1)
    return (
        len(going) == 1
        and _is_position(view, going[0], -1)
        and any(units < 0 for mint in coming for units in view.moved(mint))
    )


def _is_position(view: WalletView, mint: str, made: int) -> bool:
    """Whether a token is one of its kind, and exactly it was minted (1) or burnt (-1)."""
    return view.supply(mint) == made and view.decimals(mint) == 0


def _is_redeemed(view: WalletView) -> bool:
    """Tokens are destroyed, and a reserve pays at least half of the SOL for them: liquid staking given back.

    What accounts kept (an NFT's metadata) is no such price.
    """
    paid = view.legs.get(WSOL, 0)
    if paid <= 0 or is_rent(paid):
        return False
    return _are_destroyed(view) and 2 * view.reserves_paid() >= paid


def _are_destroyed(view: WalletView) -> bool:
    """All tokens that leave are destroyed; SOL that comes in is rent."""
    return all(map(view.is_destroyed, _tokens(view, -1)))


def _is_sold_for_dust(view: WalletView) -> bool:
    """Tokens went for less SOL than a quote is."""
    return view.trade_sol > 0 and view.is_payer


def _is_minted(view: WalletView) -> bool:
    """Nothing but newly minted tokens came."""
    return all(view.supply(mint) > 0 for mint in _tokens(view, 1))


def _always(_: WalletView) -> bool:
    """The shape says it all."""
    return True


class _Rule(NamedTuple):
    """One of the rules: it is asked about shapes that have all of `has`, and none of `lacks`."""

    kind: Kind
    has: int
    lacks: int
    holds: Callable[[WalletView], bool]


# The order of kinds: the first that holds decides, of those whose shape is the transaction's.
_RULES: Final = (
    _Rule(Kind.SELL, _POOL, 0, _is_forwarded),
    _Rule(Kind.LIQUIDITY, _TOKEN_OUT | _QUOTE_OUT, _TOKEN_IN | _QUOTE_IN, _is_put_in),
    _Rule(Kind.LIQUIDITY, _TOKEN_IN | _QUOTE_IN, _TOKEN_OUT | _QUOTE_OUT, _is_taken_out),
    _Rule(Kind.LIQUIDITY, _SEVERAL | _TOKEN_IN, _QUOTE_IN, _is_added),
    _Rule(Kind.LIQUIDITY, _SEVERAL | _TOKEN_OUT, _QUOTE_OUT, _is_removed),
    _Rule(Kind.LIQUIDITY, _INDIVISIBLE | _TOKEN_IN, _QUOTE_IN, _is_position_opened),
    _Rule(Kind.LIQUIDITY, _INDIVISIBLE | _TOKEN_OUT, _QUOTE_OUT, _is_position_closed),
    _Rule(Kind.SELL, _TOKEN_OUT | _QUOTE_IN, _TOKEN_IN | _POOL, _is_redeemed),
    _Rule(Kind.BURN, _TOKEN_OUT, _TOKEN_IN | _POOL, _are_destroyed),
    _Rule(Kind.TOKEN_SWAP, _TOKEN_IN | _TOKEN_OUT, 0, _always),
    _Rule(Kind.SELL, _POOL, 0, _always),  # also when costs ate all that the pool paid
    _Rule(Kind.BUY, _TOKEN_IN | _QUOTE_OUT, 0, _always),
    _Rule(Kind.SELL, _TOKEN_OUT | _QUOTE_IN, 0, _always),
    _Rule(Kind.SELL, _TOKEN_OUT, 0, _is_sold_for_dust),
    _Rule(Kind.QUOTE_SWAP, _QUOTE_IN | _QUOTE_OUT, _TOKENS, _is_quote_swap),
    _Rule(Kind.ROUND_TRIP, 0, _TOKENS, _is_round_trip),
    _Rule(Kind.MINT, _TOKEN_IN, _TOKEN_OUT | _QUOTES, _is_minted),
    _Rule(Kind.TRANSFER_IN, _TOKEN_IN, _TOKEN_OUT | _QUOTES, _always),
    _Rule(Kind.TRANSFER_IN, _QUOTE_IN, _TOKENS | _QUOTE_OUT, _is_one_quote),
    _Rule(Kind.TRANSFER_OUT, _TOKEN_OUT, _TOKEN_IN | _QUOTES, _always),
    _Rule(Kind.TRANSFER_OUT, _QUOTE_OUT, _TOKENS | _QUOTE_IN, _is_one_quote),
)
_RULES_OF: Final = [
    tuple(
        (kind, holds)
        for kind, has, lacks, holds in _RULES
        if shape & has == has and not shape & lacks
    )
    for shape in range(sum(_Shape) + 1)
]
