"""The ledger entry: what one transaction did to one wallet, in integers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec import structs

from streamproc.core.chain.solana import (
    QUOTES,
    SOL_DUST_LAMPORTS,
    STABLE_DUST_UNITS,
    STABLES,
    WSOL,
    is_rent,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


class Kind(StrEnum):
    """What a transaction was for the wallet; only buy, sell, token_swap and order_filled make trades."""

    FAILED = "failed"
    LIQUIDITY = "liquidity"
    BURN = "burn"
    TOKEN_SWAP = "token_swap"  # noqa: S105 - a word, no password
    BUY = "buy"
    SELL = "sell"
    MINT = "mint"
    TRANSFER_IN = "transfer_in"
    TRANSFER_OUT = "transfer_out"
    QUOTE_SWAP = "quote_swap"
    OTHER = "other"
    ROUND_TRIP = "round_trip"
    ORDER_PLACED = "order_placed"  # goods put where an order holds them: only its costs are gone
    ORDER_CANCELLED = "order_cancelled"  # goods taken back
    ORDER_FILLED = "order_filled"  # what a buy, a sale or a swap is, out of such goods

    __hash__ = (
        str.__hash__
    )  # equal to the word; Enum's own is a call into Python, a few per transaction


TRADE_KINDS: Final = frozenset({Kind.BUY, Kind.SELL, Kind.TOKEN_SWAP, Kind.ORDER_FILLED})
TRANSFER_KINDS: Final = frozenset({Kind.TRANSFER_IN, Kind.TRANSFER_OUT})


class Moves(NamedTuple):
    """All that a transaction moved: enough to read it once more when it is known who holds goods of the wallet's."""

    fee: int  # lamports, whoever paid it
    names_owners: bool  # whether accounts that kept their amount are named by their owner too
    lamports: tuple[tuple[str, int], ...]  # (account, change), none of them 0, by account
    tokens: tuple[tuple[str, str, str, int, int], ...]  # account, owner, mint, units, decimals


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One transaction as one wallet's books have it. Lamports and base units are plain integers of any size.

    A failed transaction keeps its fee and nothing else: `sol_delta` is then `-network_fee`, so `trade_sol` is 0.
    """

    signature: str  # base58 of 64 bytes
    slot: int  # 0 when the record has none
    # Place in the block, >= 0. Negative: only the order of an enhanced list, newer is larger. None: not known.
    index: int | None
    time: int | None  # unix seconds; None: the block has none
    failed: bool
    estimated: bool  # read from transfers, because the balances of the record were trimmed
    fee_payer: str
    network_fee: int  # lamports, 0 when another one pays
    sol_delta: int  # lamports over the wallet's own accounts, fee, tips and rent included
    tips: (
        int  # lamports to tip accounts, 0 when another one pays the fee; small SOL beside a stable
    )
    rent: (
        int  # lamports: + paid for others or tied up, - paid by others for own accounts or released
    )
    kind: Kind
    deltas: tuple[tuple[str, int], ...]  # (mint, base units) by mint; stables are in it, WSOL never
    # (quote, units > 0). token_swap: what went from one pool to the other; sell: what it brought, most of which went
    # to somebody else (swap and bridge, pay with).
    routed_quote: tuple[str, int] | None
    counterparty: str | None  # transfers only: who moved the opposite way most
    is_remainder: bool = (
        False  # quote_swap only: most of its stable came from or went elsewhere, so it is no rate
    )
    is_mirrored: bool = (
        False  # the SOL that went is a rent by its amount, and a pool's gain proves it a price
    )
    # Kept where an order's goods may have moved, which only the history before it can tell: see `core.ledger.custody`.
    # None for nearly all, and for all of a history that was read through.
    moves: Moves | None = None

    @property
    def trade_sol(self) -> int:
        """Lamports that the exchange itself brought (+) or cost (-)."""
        return self.sol_delta + self.network_fee + self.tips + self.rent

    @property
    def round_trips(self) -> dict[str, int]:
        """Quote mint -> what a round trip gained (+) or lost (-) of it; empty for all other kinds."""
        if self.kind is not Kind.ROUND_TRIP:
            return {}
        return quote_legs(self.trade_sol, self.deltas, is_mirrored=self.is_mirrored)


def same_facts(one: Entry, other: Entry) -> bool:
    """Whether two entries are equal but for what the forms know unequally: the block index, and all that moved."""
    return structs.replace(one, index=None, moves=None) == structs.replace(
        other, index=None, moves=None
    )


def quote_legs(
    trade_sol: int,
    deltas: Collection[tuple[str, int]],
    *,
    is_mirrored: bool = False,
    dust: bool = False,
) -> dict[str, int]:
    """Quote mint -> signed base units of what was paid (-) or received (+), from dust upwards.

    SOL that goes out and is as a whole a rent is no quote, unless a pool's gain mirrors it. With `dust` every non-zero
    amount counts.
    """
    least_sol, least_stable = (1, 1) if dust else (SOL_DUST_LAMPORTS, STABLE_DUST_UNITS)
    legs: dict[str, int] = {}
    if deltas:
        legs = {mint: n for mint, n in deltas if mint in STABLES and abs(n) >= least_stable}
    if abs(trade_sol) >= least_sol and (is_mirrored or not is_rent(-trade_sol)):
        legs[WSOL] = trade_sol
    return legs


def token_deltas(entry: Entry) -> list[tuple[str, int]]:
    """The entry's changes of tokens, quotes left out, by mint."""
    return [change for change in entry.deltas if change[0] not in QUOTES]


def mints_of(entry: Entry, wallet: str) -> list[str]:
    """The mints whose decimals the entry's amounts need, goods that an order may hold among them."""
    mints = [mint for mint, _ in entry.deltas]
    if entry.moves is not None:
        own = {mint for _, owner, mint, units, _ in entry.moves.tokens if owner == wallet and units}
        mints += sorted(own - {*mints, WSOL})
    return mints


def canonical_order(entries: Iterable[Entry]) -> list[Entry]:
    """The entries by (slot, index, signature), each signature once.

    Inside a slot an entry without an index comes after those with one: what only brings tokens first, then what moves
    them both ways or not at all, then what only takes them, so that a sale finds what it sells.
    """
    distinct = {entry.signature: entry for entry in entries}
    return sorted(distinct.values(), key=_order)


def _order(entry: Entry) -> tuple[int, bool, int, int, str]:
    """The sort key of `canonical_order`."""
    if entry.index is not None:
        return entry.slot, False, entry.index, 0, entry.signature
    ways = {units > 0 for _, units in token_deltas(entry)}
    rank = 1 if len(ways) != 1 else 0 if True in ways else 2
    return entry.slot, True, 0, rank, entry.signature


class Unreadable(NamedTuple):
    """A transaction of an answer that cannot be read: it costs itself, not its page."""

    signature: str | None  # as far as the answer says
    slot: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of the upstream, read for one wallet."""

    entries: tuple[Entry, ...]  # in the order of the answer, one for every readable transaction
    decimals: Mapping[str, int] = field(default_factory=dict)  # of the wallet's mints in it
    next_token: str | None = None  # raw form: where the next page starts; None ends the history
    foreign: tuple[str, ...] = ()  # signatures of transactions that do not name the wallet anywhere
    unknown_decimals: tuple[
        str, ...
    ] = ()  # mints whose transfers could not be read for lack of them
    unreadable: tuple[Unreadable, ...] = ()  # what the answer has beside `entries`, in its order


@dataclass(frozen=True, slots=True)
class RpcError:
    """The error of a JSON-RPC answer, which comes as HTTP 200."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class EntryCounts:
    """What a set of entries covers; slots and times are None without entries (or without any known time)."""

    transactions: int  # distinct signatures, failed ones included
    failed_transactions: int
    estimated_entries: int
    first_slot: int | None
    last_slot: int | None
    first_time: int | None
    last_time: int | None


def entry_counts(entries: Iterable[Entry]) -> EntryCounts:
    """The summary of all entries of one wallet; an entry that is given twice counts once."""
    distinct = {entry.signature: entry for entry in entries}.values()
    slots = [entry.slot for entry in distinct if entry.slot]
    times = [entry.time for entry in distinct if entry.time is not None]
    return EntryCounts(
        transactions=len(distinct),
        failed_transactions=sum(entry.failed for entry in distinct),
        estimated_entries=sum(entry.estimated for entry in distinct),
        first_slot=min(slots, default=None),
        last_slot=max(slots, default=None),
        first_time=min(times, default=None),
        last_time=max(times, default=None),
    )
