"""First buyers of a mint: who bought it first, by the ledger's own rules, from the mint's history oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc.core.ledger.entries import Kind, RpcError
from streamproc.core.ledger.ledger import entry_of
from streamproc.core.wire.raw import raw_transactions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.core.chain.transactions import Transaction

# What makes a trade; a fill of an order is none without the history that placed it.
_BUYS: Final = frozenset({Kind.BUY, Kind.TOKEN_SWAP})


class Purchase(NamedTuple):
    """A wallet's purchase of the mint: where on the chain, when, and how many base units."""

    wallet: str
    signature: str
    slot: int
    place: int  # in its block, 0 where that is not known
    at: int | None
    units: int


class PurchasePage(NamedTuple):
    """What one page of the mint's history says."""

    purchases: list[Purchase]
    transactions: int  # of the page, unreadable ones included
    unreadable: int
    last_slot: int | None
    next_token: str | None


def purchases_in(transaction: Transaction, signers: Iterable[str], mint: str) -> list[Purchase]:
    """The purchases of this mint in a transaction, by address: of those who signed it, for a pool does not sign.

    A purchase is what the ledger calls a buy, or a swap of tokens that ends with more of the mint.
    """
    gained = {each.owner for each in transaction.tokens if each.mint == mint and each.units > 0}
    found = []
    for wallet in sorted(gained.intersection(signers)):
        entry = entry_of(transaction, wallet)
        units = dict(entry.deltas).get(mint, 0)
        if entry.kind in _BUYS and units > 0:
            place = entry.signature, entry.slot, entry.index or 0, entry.time
            found.append(Purchase(wallet, *place, units))
    return found


def purchase_page(mint: str, body: bytes | bytearray) -> PurchasePage | RpcError:
    """The purchases of the mint in an answer of full transactions, in its order, or the JSON-RPC error that it is.

    Raises UpstreamUnavailableError as `raw_page` does.
    """
    page = raw_transactions(body)
    if isinstance(page, RpcError):
        return page
    read = [each.transaction for each in page.transactions]
    return PurchasePage(
        [
            purchase
            for each in page.transactions
            for purchase in purchases_in(each.transaction, each.signers, mint)
        ],
        len(read) + page.unreadable,
        page.unreadable,
        max((each.slot for each in read), default=None),
        page.next_token,
    )


class FirstBuyers:
    """Each wallet's first purchase, as pages come."""

    def __init__(self, before: int) -> None:
        """Purchases before this time count, in unix seconds; one of a block without a time counts too."""
        self._before = before
        self._first: dict[str, Purchase] = {}

    def __len__(self) -> int:
        """How many wallets have bought."""
        return len(self._first)

    def add(self, purchases: Iterable[Purchase]) -> None:
        """Take in purchases in any order."""
        for each in purchases:
            known = self._first.get(each.wallet)
            is_early = each.at is None or each.at < self._before
            if is_early and (known is None or _place(each) < _place(known)):
                self._first[each.wallet] = each

    def ranked(self) -> list[Purchase]:
        """Every buyer's first purchase, in the order of the chain."""
        return sorted(self._first.values(), key=_place)


def _place(purchase: Purchase) -> tuple[int, int, str, str]:
    """Where a purchase stands on the chain; of one transaction by address."""
    return purchase.slot, purchase.place, purchase.signature, purchase.wallet
