"""What a comparison is made from: plain, frozen, picklable data that the caller fills from stored analyses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc import limits
from streamproc.core.chain.solana import QUOTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from streamproc.events import RankBy

WEEK_S: Final = 7 * 86_400


@dataclass(frozen=True, slots=True)
class TradedMint:
    """One row of a wallet's token PnL. Rows without a trade (received or sent only) may be in it and do not count."""

    mint: str
    trades: int  # trades of the mint: buys, sells and both sides of swaps
    buy_cost_lamports: int  # SOL view of the priced buys alone, >= 0; an unpriced buy adds nothing
    first_buy_at: int | None = None  # unix seconds; None: never bought
    first_buy_slot: int | None = None
    first_buy_signature: str | None = None
    first_trade_at: int | None = None  # unix seconds of the first trade of any side
    first_sell_at: int | None = None  # None: never sold


@dataclass(frozen=True, slots=True)
class HeldMint:
    """One mint that a wallet holds now (amount > 0)."""

    mint: str
    value_usd: float | None = None  # None: no price. Negative or not finite counts as no price


@dataclass(frozen=True, slots=True)
class Witness:
    """An address that has to do with a wallet, and one transaction that shows it."""

    address: str
    signature: str


@dataclass(frozen=True, slots=True)
class WalletRow:
    """All that is compared of one analyzed wallet, trader or not."""

    address: str
    traded: tuple[TradedMint, ...] = ()
    held: tuple[HeldMint, ...] | None = (
        None  # None: balances failed or oversized, so nothing is known
    )
    coverage_complete: bool = True  # False: the pair scores rest on a part of the history
    first_funder: Witness | None = None  # who sent the wallet its first SOL
    fee_payers: tuple[Witness, ...] = ()  # others who paid fees of the wallet's transactions


@dataclass(frozen=True, slots=True)
class Transfer:
    """A direct transfer between two addresses, as one of them has it in its stored entries: SOL, or one mint."""

    sender: str
    receiver: str
    signature: str
    slot: int
    lamports: int = 0  # >= 0; 0 when a mint moved
    mint: str | None = None  # the first one by address, None when SOL moved
    units: int = 0  # base units of the mint, >= 0


class Met(NamedTuple):
    """Whom an address met in the stored entries: by a transfer, or by paying a fee for them."""

    others: int  # any addresses; counting stops above what makes a hub
    wallets: int  # those of them that are stored wallets


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Stored wallets that are not asked about, which tokens each traded, and when first.

    What was popular when is taken from it, and what wallets of one company have in common.

    Columns: entry k says that wallet `wallets[wallet_numbers[k]]` traded `mints[mint_numbers[k]]`. Repeats count once;
    wallets of the request and excluded mints may be in it and are left out.
    """

    wallets: tuple[str, ...]
    mints: tuple[str, ...]
    wallet_numbers: NDArray[np.int64]  # (entries,)
    mint_numbers: NDArray[np.int64]  # (entries,)
    times: NDArray[np.int64] | None = None  # (entries,) unix seconds of the first trade, -1 unknown


@dataclass(frozen=True, slots=True)
class SimilarityInputs:
    """A whole comparison's inputs.

    `inputs_digest` names these inputs (wallets, options, watermarks, balances, prices, background); every seed comes
    from it. `counterparties` says of funders, fee payers and wallets whom they met in the stored entries;
    an address that is not in it counts as no hub. `known_wallets` is how many wallets the store knew then.
    """

    wallets: tuple[WalletRow, ...]
    inputs_digest: str
    excluded_mints: frozenset[str] = frozenset()  # beside the quotes, which are no tokens
    rank_by: RankBy = "idf"
    max_pairs: int = limits.PAIRS_DEFAULT
    background: Background | None = None
    transfers: tuple[Transfer, ...] = ()
    counterparties: Mapping[str, Met] = field(default_factory=dict)
    known_wallets: int = 0
    chosen_by: str | None = None  # the mint that the wallets were chosen by, which is excluded too

    @property
    def left_out(self) -> frozenset[str]:
        """The mints that never count: the excluded ones and the quotes."""
        return self.excluded_mints | QUOTES
