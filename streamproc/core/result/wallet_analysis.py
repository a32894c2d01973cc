"""One wallet's analysis: stored entries in, the records of the result out. Made for a process pool: plain data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from streamproc.core.behavior.analyze import behavior_of
from streamproc.core.behavior.records import behavior_to_json
from streamproc.core.ledger.custody import resolved
from streamproc.core.ledger.entries import TRADE_KINDS, canonical_order, entry_counts
from streamproc.core.ledger.ranges import gaps
from streamproc.core.pnl.encoding import pnl_to_json
from streamproc.core.pnl.wallet_pnl import pnl_of
from streamproc.core.pnl.window import counted_round_trips, counted_trades, priced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamproc.core.ledger.entries import Entry
    from streamproc.core.ledger.packed import StoredEntries
    from streamproc.core.pnl.rates import SolPrices
    from streamproc.core.pnl.window import PricedTrade, Step
    from streamproc.result import Behavior, CoverageRecord, Pnl


@dataclass(frozen=True, slots=True)
class History:
    """What is stored of one wallet, up to a slot."""

    wallet: str
    entries: Sequence[Entry] | StoredEntries
    ranges: Sequence[tuple[int, int]]  # slots that are wholly known
    watermark_slot: int
    decimals: Mapping[str, int] = field(default_factory=dict)
    unreadable: Sequence[tuple[int, str]] = ()  # slot and signature of what could not be read
    token_accounts: Literal["all", "known"] = "all"  # noqa: S105 - a word; whether some may be missing


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a history is analyzed: the newest so many transactions, and a window of time."""

    max_transactions: int | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """The records of one wallet, as they stand in results and in the store."""

    pnl: Pnl
    behavior: Behavior
    coverage: CoverageRecord
    # Every mint of a trade in the whole history, quotes too, and its first trade in unix seconds.
    first_trades: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def lacks_sol_price(self) -> bool:
        """See `lacks_sol_price`."""
        return lacks_sol_price(self.pnl)


def lacks_sol_price(pnl: Pnl) -> bool:
    """Whether something in a stable could not be seen in SOL for want of today's price."""
    return bool(pnl["rate_sources"]["missing"] or pnl["unread"]["unpriced_round_trips"])


def analyze(history: History, scope: Scope, prices: SolPrices | None = None) -> Analysis:
    """Coverage of the whole known history, PnL and behavior within the scope; exact and the same every time."""
    entries = resolved(canonical_order(history.entries), history.wallet)
    newest = _newest(entries, scope)
    steps = _steps(newest, history.wallet, scope, prices)
    behavior = behavior_of(
        counted_trades(steps), round_trips=counted_round_trips(steps), at=scope.until
    )
    return Analysis(
        pnl=pnl_to_json(pnl_of(steps, decimals=history.decimals)),
        behavior=behavior_to_json(behavior),
        coverage=coverage_of(history, newest, scope),
        first_trades=first_trades(entries),
    )


def trades_within(
    history: History, scope: Scope, prices: SolPrices | None = None
) -> list[PricedTrade]:
    """The trades that the analysis of the same history and scope counts, in canonical order."""
    entries = resolved(canonical_order(history.entries), history.wallet)
    return counted_trades(_steps(_newest(entries, scope), history.wallet, scope, prices))


def _newest(entries: Sequence[Entry], scope: Scope) -> Sequence[Entry]:
    return entries if scope.max_transactions is None else entries[-scope.max_transactions :]


def _steps(
    newest: Sequence[Entry], wallet: str, scope: Scope, prices: SolPrices | None
) -> list[Step]:
    return priced(newest, wallet, prices=prices, since=scope.since, until=scope.until)


def first_trades(entries: Sequence[Entry]) -> dict[str, int | None]:
    """Every mint of a trade, with the time of the first one that has a time; entries in canonical order."""
    found: dict[str, int | None] = {}
    for entry in entries:
        if entry.kind in TRADE_KINDS:
            for mint, _ in entry.deltas:
                if found.get(mint) is None:
                    found[mint] = entry.time
    return found


def coverage_of(history: History, used: Sequence[Entry], scope: Scope) -> CoverageRecord:
    """Which part of the history the figures rest on.

    `complete`: every slot up to the watermark is known and used. `capped`: the newest `max_transactions` are used and
    older ones exist or may. `partial`: something is missing that was asked for. `gaps` are the slots not used,
    `unreadable` how many transactions among them could not be read, `token_accounts` says whether all were listed.
    """
    missing = [
        list(gap) for gap in gaps(history.ranges, from_slot=0, to_slot=history.watermark_slot)
    ]
    state: Literal["complete", "capped", "partial"] = "partial" if missing else "complete"
    if scope.max_transactions is not None and len(used) >= scope.max_transactions:
        lowest = used[0].slot
        older = len(history.entries) > len(used) or any(gap[0] < lowest for gap in missing)
        if older and not any(gap[1] > lowest for gap in missing):
            state = "capped"
            missing = [[0, lowest - 1]] if lowest > 0 else []
    counts, unreadable = entry_counts(used), _unreadable(history, used, scope)
    return {
        "state": "partial" if unreadable else state,
        "transactions": counts.transactions,
        "failed_transactions": counts.failed_transactions,
        "estimated_entries": counts.estimated_entries,
        "first_slot": counts.first_slot,
        "last_slot": counts.last_slot,
        "first_time": counts.first_time,
        "last_time": counts.last_time,
        "unreadable": unreadable,
        "gaps": missing,
        "token_accounts": history.token_accounts,
    }


def _unreadable(history: History, used: Sequence[Entry], scope: Scope) -> int:
    """How many transactions of the used slots could not be read, nor were later."""
    if not history.unreadable:
        return 0
    read = {entry.signature for entry in history.entries}
    lowest = used[0].slot if used and scope.max_transactions is not None else 0
    return sum(
        signature not in read and (slot >= lowest or slot == 0)
        for slot, signature in history.unreadable
    )
