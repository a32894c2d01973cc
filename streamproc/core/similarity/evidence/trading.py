"""Who traded what, and when first: the request's wallets, and those of the background that traded in the same weeks.

What nobody of the request could have bought, and who was not there, says nothing about them: a background's trades in
other weeks are left out, so that it changes nothing how many other seasons the store has seen. Of a week only the
span in which the request traded counts, unless that leaves too few wallets to say what is popular: then all of it does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from streamproc import limits
from streamproc.core.comparison_inputs import WEEK_S
from streamproc.core.similarity.evidence.chance import WALLETS_MIN
from streamproc.core.similarity.scores.rows import NEVER

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from streamproc.core.comparison_inputs import Background
    from streamproc.core.similarity.scores.rows import Rows

    Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Trading:
    """One cell per wallet and mint. Wallets 0 to W - 1 are the request's, then the background's; times in seconds."""

    asked: int  # W
    wallets: int  # N >= W: all that traded in a week of the request
    mints: int
    wallet: Whole  # (cells,) 0..N-1
    mint: Whole  # (cells,)
    at: Whole  # (cells,) the first trade, NEVER where it has no time
    bought: Whole  # (cells,) the first purchase, NEVER for none
    sold: Whole  # (cells,) the first sale, NEVER for none or one of the background

    @property
    def company(self) -> int:
        """How many of the wallets a pair's level is taken from: the request's and some of the background."""
        return max(self.asked, min(self.wallets, limits.COMPANY_WALLETS))


def chosen_alike(background: Background | None, mint: str | None) -> Background | None:
    """Return those of the background that were chosen as the request's wallets: who traded the mint; all for None.

    Wallets that hold or bought one token share its season and its company: strangers to it are no measure for them.
    """
    if background is None or mint is None:
        return background
    numbers = [number for number, name in enumerate(background.mints) if name == mint]
    alike = background.wallet_numbers[np.isin(background.mint_numbers, numbers)]
    kept = np.isin(background.wallet_numbers, alike)
    times = background.times
    return replace(
        background,
        wallet_numbers=background.wallet_numbers[kept],
        mint_numbers=background.mint_numbers[kept],
        times=None if times is None else times[kept],
    )


def trading_of(rows: Rows, background: Background | None, excluded: AbstractSet[str]) -> Trading:
    """Return the cells of the request, and of the background those of the same weeks."""
    traded, asked = rows.traded, len(rows.wallets)
    own = traded.columns.mint()
    wallet, mint, at = _others(rows, background, excluded)
    counted = _in_season(traded.traded_at, at, whole_weeks=False)
    if asked + len(np.unique(wallet[counted])) < WALLETS_MIN:
        counted = _in_season(traded.traded_at, at, whole_weeks=True)
    wallet, mint, at = wallet[counted], mint[counted], at[counted]
    names = background.mints if background is not None else ()
    different = dict.fromkeys((*traded.columns.mints, *names))
    number = dict(zip(different, range(len(different)), strict=True))
    mint = np.fromiter(map(number.__getitem__, names), np.int64, len(names))[mint]
    present, wallet = np.unique(wallet, return_inverse=True)
    return Trading(
        asked=asked,
        wallets=asked + len(present),
        mints=len(number),
        wallet=np.concatenate([traded.columns.wallet, asked + wallet]),
        mint=np.concatenate([own, mint]),
        at=np.concatenate([traded.traded_at, at]),
        bought=np.concatenate([traded.bought_at, at]),
        sold=np.concatenate([traded.sold_at, np.full(len(at), NEVER)]),
    )


def _others(
    rows: Rows, background: Background | None, excluded: AbstractSet[str]
) -> tuple[Whole, Whole, Whole]:
    """Return the background's cells by wallet and mint: wallets by address, the background's numbers of mints, times.

    Wallets of the request and excluded mints are left out; of repeats the earliest stays.
    """
    if background is None or not len(background.wallet_numbers):
        return (np.zeros(0, dtype=np.int64),) * 3
    asked = set(rows.wallets)
    other = np.array([wallet not in asked for wallet in background.wallets], dtype=np.bool_)
    token = np.array([mint not in excluded for mint in background.mints], dtype=np.bool_)
    wallet, mint = background.wallet_numbers, background.mint_numbers
    at = background.times if background.times is not None else np.full(len(wallet), NEVER)
    counted = other[wallet] & token[mint]
    cells, at = wallet[counted] * np.int64(len(token)) + mint[counted], at[counted]
    if (np.diff(cells) <= 0).any():  # what is kept with a request is in order and has no repeats
        order = np.lexsort((at, cells))
        cells, first = np.unique(cells[order], return_index=True)
        at = at[order][first]
    by_address = np.argsort(np.argsort(np.array(background.wallets, dtype=np.str_), kind="stable"))
    return by_address[cells // len(token)], cells % len(token), at


def _in_season(own: Whole, others: Whole, *, whole_weeks: bool) -> NDArray[np.bool_]:
    """Return which trades lie in the request's weeks, or among its trades of the same week.

    Trades of no time count where the request has such trades too.
    """
    found = np.asarray((others == NEVER) & (own == NEVER).any(), dtype=np.bool_)
    known = own[own != NEVER]
    weeks, place = np.unique(known // WEEK_S, return_inverse=True)
    if not len(weeks):
        return found
    first, last = np.full((2, len(weeks)), [[np.iinfo(np.int64).max], [NEVER]])
    np.minimum.at(first, place, known)
    np.maximum.at(last, place, known)
    week = np.minimum(np.searchsorted(weeks, others // WEEK_S), len(weeks) - 1)
    is_there = weeks[week] == others // WEEK_S
    if not whole_weeks:
        is_there &= (others >= first[week]) & (others <= last[week])
    return np.asarray(found | ((others != NEVER) & is_there), dtype=np.bool_)
