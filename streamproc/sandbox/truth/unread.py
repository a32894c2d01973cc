"""How much of a generated wallet's life is told otherwise than a trader would: counted by what it is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions.settling import legs
from streamproc.sandbox.chain import known
from streamproc.sandbox.truth.rates import ONE_STABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.sandbox.chain.intent import TrueEntry
    from streamproc.sandbox.truth.rates import SolView

NAMES: Final = (
    "liquidity",
    "other",
    "token_transfers",
    "quote_transfers",
    "exchanges_without_rate",
    "unpriced_trades",
    "unpriced_round_trips",
)
TRANSFERS: Final = frozenset({"transfer_in", "transfer_out"})


def true_unread(entries: Iterable[TrueEntry], view: SolView) -> dict[str, int]:
    """Return how many of these entries (trades, for unpriced ones) fell into each kind, nought for none."""
    counts: Counter[str] = Counter()
    for entry in entries:
        counts["unpriced_trades"] += sum(each.confidence == "unpriced" for each in entry.trades)
        name = _name(entry, view)
        if name is not None:
            counts[name] += 1
    return {name: counts[name] for name in NAMES}


def _name(entry: TrueEntry, view: SolView) -> str | None:
    if entry.kind in TRANSFERS:
        is_token = any(mint not in known.QUOTES for mint in entry.deltas)
        return "token_transfers" if is_token else "quote_transfers"
    if entry.kind == "other":
        return "other" if entry.deltas or legs(entry.trade_sol, {}) else None
    if entry.kind == "quote_swap":
        is_large = any(abs(units) >= ONE_STABLE for units in entry.deltas.values())
        return "exchanges_without_rate" if is_large and not view.has_rate_of(entry) else None
    if entry.kind == "round_trip":
        gained = {**entry.deltas, known.WSOL: entry.trade_sol}
        is_priced = view.worth(gained, entry.time)[0] is not None
        return None if is_priced else "unpriced_round_trips"
    return "liquidity" if entry.kind == "liquidity" else None
