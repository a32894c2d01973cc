"""Do many wallets that buy within minutes of each other belong together, or do they hear one caller?

Timing alone cannot say. What differs is the rest of their trades: a caller's followers each have a life of their own
beside what is called; one person's wallets do together nearly all that they do. And where one of them is first in
nearly everything, nobody unseen needs to call: the others follow that one.

Who follows one caller and does nothing else looks like one person's wallet; only what ties wallets together on the
chain tells these apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from streamproc.core.similarity.evidence.company import COMPANY_RANK
from streamproc.core.similarity.scores.components import components
from streamproc.core.similarity.scores.rows import NEVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamproc.core.similarity.evidence.orders import Orders
    from streamproc.core.similarity.evidence.trading import Trading
    from streamproc.core.similarity.scores.scores import Scores

    Flags = NDArray[np.bool_]

FEW: Final = 3  # wallets: of two nobody can say whether they hear a third
MANY: Final = 6  # wallets: one of fewer belongs to them by its own pairs alone
TOGETHER_S: Final = 300  # a caller is followed within minutes
SHARE_TOGETHER: Final = 2 / 3  # of a wallet's mints, in the median of the group
SHARE_FIRST: Final = 0.9  # of what the others bought at nearly the same time


def signals_of(
    is_found: Flags, is_close: Flags, scores: Scores, trading: Trading, orders: Orders
) -> tuple[Flags, Flags]:
    """Return which pairs hear a common signal, and which beside the found ones belong together, both (P,).

    `is_found`: more than chance, with the company's level; `is_close`: close in time, without that level.
    """
    a, b = scores.wallet_a, scores.wallet_b
    hears, belongs = ~is_found & is_close, np.zeros(len(a), dtype=np.bool_)
    close = np.flatnonzero(is_close)
    for group in components(trading.asked, a[close].tolist(), b[close].tolist()):
        if len(group) < FEW:
            continue
        inside = close[np.isin(a[close], group) & np.isin(b[close], group)]
        if _do_it_together(group, trading) or _has_leader(group, inside, scores, orders):
            if len(group) >= MANY:
                belongs[inside] = ~is_found[inside]
                hears[inside] = False
        elif len(group) <= 2 * COMPANY_RANK:  # the level is that of the least close of them
            hears[inside] = True
    return hears, belongs


def _do_it_together(group: Sequence[int], trading: Trading) -> bool:
    """Return whether most members buy most of their mints within minutes of another member."""
    member = np.isin(trading.wallet, group)
    bought = np.flatnonzero(member & (trading.bought != NEVER))
    order = bought[np.lexsort((trading.bought[bought], trading.mint[bought]))]
    after = (np.diff(trading.mint[order]) == 0) & (np.diff(trading.bought[order]) <= TOGETHER_S)
    is_near = np.append(after, False) | np.append(False, after)
    near = np.bincount(trading.wallet[order][is_near], minlength=trading.wallets)
    mints = np.bincount(trading.wallet[member], minlength=trading.wallets)
    return bool(np.median(near[list(group)] / mints[list(group)]) >= SHARE_TOGETHER)


def _has_leader(
    group: Sequence[int], pairs: NDArray[np.int64], scores: Scores, orders: Orders
) -> bool:
    """Return whether one member buys before the others nearly always."""
    a, b = scores.wallet_a[pairs], scores.wallet_b[pairs]
    wallets = max(group) + 1
    first_a, first_b = orders.first_a[pairs], orders.first_b[pairs]
    first = np.bincount(a, first_a, wallets) + np.bincount(b, first_b, wallets)
    met = np.bincount(a, first_a + first_b, wallets) + np.bincount(b, first_a + first_b, wallets)
    partners = np.bincount(a, minlength=wallets) + np.bincount(b, minlength=wallets)
    leads = (first >= SHARE_FIRST * met) & (partners >= len(group) - 2)
    return bool(leads.any())
