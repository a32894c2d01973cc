"""What stables and round trips of a generated wallet are truly worth in SOL, and by which of its swaps."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc.sandbox.chain import known
from streamproc.sandbox.truth.statistics import median

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamproc.sandbox.chain.intent import TrueEntry, TrueTrade

RATE_WINDOW_S: Final = 6 * 3600
ONE_STABLE: Final = 1_000_000
REMAINDER_ABOVE: Final = Fraction(5, 4)  # so much more went elsewhere: what stayed is no price
JUDGES_WITHIN_S: Final = 30 * 86_400
JUDGES_NEEDED: Final = 3
FARTHEST: Final = 2  # times the middle of the others, or that part of it


@dataclass(frozen=True)
class Terms:
    """What a wallet's numbers are computed under: prices (dollars per whole token), decimals and the window."""

    prices_usd: Mapping[str, str]
    decimals: Mapping[str, int]
    since: int | None = None
    until: int | None = None

    def counts(self, time: int) -> bool:
        """Say whether something at this time is inside the window."""
        after = self.since is None or time >= self.since
        return after and (self.until is None or time <= self.until)

    def lamports_per_unit(self, mint: str) -> Fraction | None:
        """Return what a base unit is worth now, None without a price."""
        price, sol = self.prices_usd.get(mint), self.prices_usd.get(known.WSOL)
        if price is None or sol is None:
            return None
        per_unit = Fraction(price) / int(10 ** self.decimals[mint])
        return per_unit / Fraction(sol) * known.LAMPORTS_PER_SOL


class Rate(NamedTuple):
    """What one of the wallet's own swaps says of a stable: lamports for a base unit."""

    time: int
    signature: str
    lamports: Fraction


def own_rates(entries: Iterable[TrueEntry]) -> list[Rate]:
    """Return the swaps of SOL and a stable that are rates: no remainders of a bridge, no loans among real swaps."""
    candidates = [
        Rate(entry.time, entry.signature, Fraction(abs(entry.trade_sol), abs(units)))
        for entry in entries
        if entry.kind == "quote_swap"
        for units in entry.deltas.values()
        if abs(units) >= ONE_STABLE and entry.bridged <= REMAINDER_ABOVE * abs(units)
    ]
    return [rate for rate in candidates if _is_believed(rate, candidates)]


def _is_believed(rate: Rate, candidates: list[Rate]) -> bool:
    """Say whether the others nearby, when there are enough, do not speak against a rate."""
    others = [
        1 / other.lamports  # the middle of prices of SOL is not that of prices of the stable
        for other in candidates
        if other is not rate and abs(other.time - rate.time) <= JUDGES_WITHIN_S
    ]
    middle = median(others)
    if middle is None or len(others) < JUDGES_NEEDED:
        return True
    return middle / FARTHEST <= 1 / rate.lamports <= middle * FARTHEST


class SolView:
    """Values trades in SOL: by the wallet's own swaps of SOL and stables where one is near, else at today's price."""

    def __init__(self, entries: Iterable[TrueEntry], terms: Terms) -> None:
        self._terms = terms
        self._rates = own_rates(entries)

    def of(self, trade: TrueTrade) -> tuple[int | None, str | None]:
        """Return signed lamports (None when nobody can say) and where the rate of a stable came from."""
        if trade.confidence == "unpriced":
            return None, None
        return self.worth(trade.quotes, trade.time)

    def has_rate_of(self, entry: TrueEntry) -> bool:
        """Say whether an exchange counts as a rate."""
        return any(rate.signature == entry.signature for rate in self._rates)

    def worth(self, quotes: Mapping[str, int], time: int) -> tuple[int | None, str | None]:
        """Return what signed amounts of quotes are in lamports, rounded half to even once, and the rate's source."""
        stables = {mint: units for mint, units in quotes.items() if mint in known.STABLES}
        total, source = Fraction(quotes.get(known.WSOL, 0)), None
        for mint, units in stables.items():
            rate, source = self._rate(mint, time)
            if rate is None:
                return None, source
            total += units * rate
        return round(total), source

    def _rate(self, stable: str, time: int) -> tuple[Fraction | None, str]:
        """Return lamports per base unit of a stable at a time, and its source."""
        near = [
            (abs(rate.time - time), rate.time, rate.signature, rate.lamports)
            for rate in self._rates
            if abs(rate.time - time) <= RATE_WINDOW_S
        ]
        if near:
            return min(near)[3], "own_swaps"
        current = self._terms.lamports_per_unit(stable)
        return current, "missing" if current is None else "current"
