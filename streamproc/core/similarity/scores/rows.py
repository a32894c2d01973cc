"""Wallet rows as sorted, sparse wallets x mints matrices.

Wallets are sorted by address and mints by address, so that nothing downstream depends on the order of the input.
Matrices are kept by columns (one per mint), because all pair scores add up over the wallets that share a mint.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamproc.core.comparison_inputs import SimilarityInputs, TradedMint, WalletRow

NEVER = -1  # the first buy of a mint that was sold or received but never bought


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The pattern of a wallets x mints matrix: entries ordered by mint, inside a mint by wallet.

    The wallets of mint m are `wallet[start[m]:start[m + 1]]`, ascending.
    """

    mints: tuple[str, ...]
    start: NDArray[np.int64]  # (mints + 1,)
    wallet: NDArray[np.int64]  # (entries,) row numbers

    def mint(self) -> NDArray[np.int64]:
        """Column number of every entry, (entries,)."""
        return np.repeat(np.arange(len(self.mints)), np.diff(self.start))


@dataclass(frozen=True, slots=True, eq=False)
class Traded:
    """What was traded. All arrays but the pattern's own are (entries,)."""

    columns: Columns
    capital: NDArray[np.float64]  # share of the wallet's priced buy cost, 0..1; 0 where unpriced
    bought_at: NDArray[np.int64]  # unix seconds of the first buy, NEVER if none
    bought_slot: NDArray[np.int64]
    bought_signature: tuple[str | None, ...]
    traded_at: NDArray[np.int64]  # unix seconds of the first trade of any side, NEVER if unknown
    sold_at: NDArray[np.int64]  # unix seconds of the first sale, NEVER if none or unknown


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What is held now by the wallets whose balances are known. All arrays but the pattern's own are (entries,)."""

    columns: Columns
    traded: NDArray[np.bool_]  # the wallet also traded it
    value: NDArray[np.float64]  # USD value over the wallet's largest, 0..1; 0 where unpriced


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """All wallets of a comparison; W of them. Arrays over wallets are (W,)."""

    wallets: tuple[str, ...]
    traded: Traded
    held: Held
    has_balances: NDArray[np.bool_]
    is_complete: NDArray[np.bool_]  # the wallet's coverage is complete


def rows_from_inputs(inputs: SimilarityInputs) -> Rows:
    """Return the sorted matrices of all wallets without excluded mints and quotes.

    Wallets without trades or holdings keep an empty row. Raises ValueError when an address, or a mint of one wallet,
    comes twice.
    """
    wallets = sorted(inputs.wallets, key=lambda wallet: wallet.address)
    addresses = tuple(wallet.address for wallet in wallets)
    _refuse_repeats(addresses, "wallets")
    return Rows(
        wallets=addresses,
        traded=_traded(wallets, inputs.left_out),
        held=_held(wallets, inputs.left_out),
        has_balances=np.array([wallet.held is not None for wallet in wallets], dtype=np.bool_),
        is_complete=np.array([wallet.coverage_complete for wallet in wallets], dtype=np.bool_),
    )


def capital_shares(costs: Sequence[int]) -> list[float]:
    """Return each cost's share of their sum, each correctly rounded; zeros when nothing was priced.

    Costs are lamports >= 0, else ValueError. Rounded correctly, proportional wallets have shares equal to the bit.
    """
    if any(cost < 0 for cost in costs):
        raise ValueError("a buy cost is never negative")
    total = sum(costs)
    return [cost / total if total else 0.0 for cost in costs]


def value_shares(values: Sequence[float | None]) -> list[float]:
    """Return each USD value over the largest, 0..1; 0 for what has no usable price.

    A cosine does not feel the scale, and squares of absurd prices no longer overflow.
    """
    usable = [
        value if value is not None and isfinite(value) and value > 0 else 0.0 for value in values
    ]
    largest = max(usable, default=0.0)
    return [value / largest if largest else 0.0 for value in usable]


def _traded(wallets: Sequence[WalletRow], excluded: frozenset[str]) -> Traded:
    by_wallet = [
        [row for row in wallet.traded if row.trades > 0 and row.mint not in excluded]
        for wallet in wallets
    ]
    for wallet, found in zip(wallets, by_wallet, strict=True):
        _refuse_repeats([row.mint for row in found], f"mints traded by {wallet.address}")
    shares = [capital_shares([row.buy_cost_lamports for row in found]) for found in by_wallet]
    rows = [row for found in by_wallet for row in found]
    columns, order = _columns([row.mint for row in rows], [len(found) for found in by_wallet])
    signatures = [row.first_buy_signature for row in rows]
    return Traded(
        columns=columns,
        capital=np.array(list(chain.from_iterable(shares)), dtype=np.float64)[order],
        bought_at=_whole([row.first_buy_at for row in rows])[order],
        bought_slot=_whole([row.first_buy_slot for row in rows])[order],
        bought_signature=tuple(signatures[place] for place in order.tolist()),
        traded_at=_whole([_first_trade_at(row) for row in rows])[order],
        sold_at=_whole([row.first_sell_at for row in rows])[order],
    )


def _held(wallets: Sequence[WalletRow], excluded: frozenset[str]) -> Held:
    by_wallet = [
        [token for token in wallet.held or () if token.mint not in excluded] for wallet in wallets
    ]
    both: list[bool] = []
    for wallet, found in zip(wallets, by_wallet, strict=True):
        _refuse_repeats([token.mint for token in found], f"mints held by {wallet.address}")
        traded = {row.mint for row in wallet.traded if row.trades > 0}
        both += [token.mint in traded for token in found]
    shares = [value_shares([token.value_usd for token in found]) for found in by_wallet]
    mints = [token.mint for found in by_wallet for token in found]
    columns, order = _columns(mints, [len(found) for found in by_wallet])
    return Held(
        columns=columns,
        traded=np.array(both, dtype=np.bool_)[order],
        value=np.array(list(chain.from_iterable(shares)), dtype=np.float64)[order],
    )


def _columns(entries: Sequence[str], counts: Sequence[int]) -> tuple[Columns, NDArray[np.int64]]:
    """Return the pattern of entries given wallet by wallet (so many each), and their order in it."""
    mints = sorted(set(entries))
    number = {mint: place for place, mint in enumerate(mints)}
    mint = np.array([number[entry] for entry in entries], dtype=np.int64)
    order = np.argsort(mint, kind="stable").astype(np.int64)
    per_mint = np.bincount(mint, minlength=len(mints))
    columns = Columns(
        mints=tuple(mints),
        start=np.concatenate([[0], np.cumsum(per_mint)]).astype(np.int64),
        wallet=np.repeat(np.arange(len(counts)), counts)[order],
    )
    return columns, order


def _first_trade_at(row: TradedMint) -> int | None:
    known = (row.first_trade_at, row.first_buy_at, row.first_sell_at)
    return min((at for at in known if at is not None), default=None)


def _whole(values: Sequence[int | None]) -> NDArray[np.int64]:
    return np.array([NEVER if value is None else value for value in values], dtype=np.int64)


def _refuse_repeats(names: Sequence[str], what: str) -> None:
    if len(set(names)) != len(names):
        raise ValueError(f"{what}: an address comes twice")
