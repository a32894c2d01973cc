"""What the server was asked, and what that would have cost."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamproc.json_types import Json

FULL_PAGE: Final = 100  # transactions per started ten credits
FULL_CREDITS: Final = 10
DAS_CREDITS: Final = 10
ENHANCED_CREDITS: Final = 100
PLAIN_CREDITS: Final = 1
RATE_WINDOW_S: Final = 1.0
ORDER_KEPT: Final = 10_000  # the newest calls of which it is known who came after whom


def full_page_credits(transactions: int) -> int:
    """Return what a page of so many full transactions costs: ten per started hundred, ten for an empty one."""
    return FULL_CREDITS * max(1, math.ceil(transactions / FULL_PAGE))


@dataclass
class Counters:
    """Counts since the start or the last reset; `peak_rate` is the most calls within any second, per bucket."""

    requests: int = 0
    credits: int = 0
    bytes_sent: int = 0
    methods: Counter[str] = field(default_factory=Counter)
    wallets: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    credits_by_method: Counter[str] = field(default_factory=Counter)
    repeated_pages: Counter[str] = field(default_factory=Counter)
    transactions: Counter[str] = field(default_factory=Counter)
    peak_rate: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    peak_in_flight: int = 0
    _cpu_began_s: float = field(default_factory=time.process_time)
    _began_s: float = field(default_factory=time.monotonic)
    _pages: set[str] = field(default_factory=set)
    _recent: dict[str, deque[float]] = field(default_factory=dict)
    _order: deque[tuple[str, str | None]] = field(default_factory=lambda: deque(maxlen=ORDER_KEPT))

    @property
    def order(self) -> list[tuple[str, str | None]]:
        """The newest calls in the order in which they came: method, and the wallet that one names."""
        return list(self._order)

    def asked(self, method: str, wallet: str | None, bucket: str, now_s: float) -> None:
        """Count a call as it comes in."""
        self.requests += 1
        self.methods[method] += 1
        self._order.append((method, wallet))
        if wallet is not None:
            self.wallets[wallet] += 1
        recent = self._recent.setdefault(bucket, deque())
        recent.append(now_s)
        while recent[0] <= now_s - RATE_WINDOW_S:
            recent.popleft()
        self.peak_rate[bucket] = max(self.peak_rate[bucket], len(recent))

    def charged(self, method: str, credits_: int) -> None:
        """Count what an answered call costs."""
        self.credits += credits_
        self.credits_by_method[method] += credits_

    def served_page(self, wallet: str, page: str, transactions: int) -> None:
        """Count a page of a history; the same page twice is a repeat."""
        self.transactions[wallet] += transactions
        key = f"{wallet}/{page}"
        if key in self._pages:
            self.repeated_pages[wallet] += 1
        self._pages.add(key)

    def shown(self) -> Json:
        """Return everything as JSON can carry it, and the CPU seconds of this process in so many seconds."""
        used = {
            "cpu_s": round(time.process_time() - self._cpu_began_s, 3),
            "elapsed_s": round(time.monotonic() - self._began_s, 3),
        }
        return used | {
            name: dict(value) if isinstance(value, Counter) else value
            for name, value in vars(self).items()
            if not name.startswith("_")
        }

    def reset(self) -> None:
        """Start again from nothing."""
        in_flight = self.in_flight
        vars(self).update(vars(Counters()))
        self.in_flight = in_flight
