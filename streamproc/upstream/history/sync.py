"""A wallet's history: what is new since the last time, then what is missing below, by the best way there is."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from streamproc import limits
from streamproc.core.ledger.ranges import SlotRange, union
from streamproc.errors import StrategyUnsupportedError, StreamprocError, UpstreamTooNewError
from streamproc.upstream.client.errors import PlanRefusedError
from streamproc.upstream.history.cursor import HistoryPage, Lister, Remaining, Span

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.clock import Timing


class Held(Protocol):
    """What is known of a wallet's history already."""

    @property
    def ranges(self) -> Sequence[SlotRange]:
        """Slots that are wholly known."""

    async def count(self, slots: SlotRange) -> int:
        """How many transactions of these slots are known."""

    async def oldest_signature(self, slots: SlotRange) -> str | None:
        """The first transaction of these slots, None when there is none."""

    async def token_accounts(self) -> tuple[str, ...]:
        """The wallet's token accounts that were met, where only those that are known are listed."""


@dataclass(frozen=True)
class NothingHeld:
    """Of a wallet that was never synced."""

    ranges: tuple[SlotRange, ...] = ()

    async def count(self, slots: SlotRange) -> int:
        """None is known."""
        del slots
        return 0

    async def oldest_signature(self, slots: SlotRange) -> str | None:
        """None is known."""
        del slots
        return None

    async def token_accounts(self) -> tuple[str, ...]:
        """None is known."""
        return ()


class Histories:
    """Lists histories by the first strategy that the endpoint has; one that it has not is tried again after a time."""

    def __init__(self, listers: Sequence[Lister], timing: Timing) -> None:
        """`listers` in the order of preference."""
        self._listers = listers
        self._timing = timing
        self._unsupported_until_s: dict[str, float] = {}

    async def walk(
        self, wallet: str, held: Held, *, max_transactions: int | None, permit: Permit
    ) -> AsyncGenerator[HistoryPage, None]:
        """The pages that are missing: above what is held, then its gaps, newest first.

        The last slot of each range that is held is asked for again: it may have been listed before all of it was there.
        Ends when nothing is missing, or when the newest `max_transactions`, held ones included, are known.
        """
        remaining = Remaining(max_transactions)
        ranges = union(held.ranges)
        above = Span(ranges[-1].to_slot if ranges else 0)
        listed = 0
        async with aclosing(self._span(wallet, above, remaining, permit)) as pages:
            async for page in pages:
                listed += len(page.entries)
                yield page
        for position in reversed(range(len(ranges))):
            if remaining.is_over():
                return
            known = ranges[position]
            inside = known._replace(to_slot=known.to_slot - 1)  # the last slot was listed again
            below = inside._replace(from_slot=max(0, known.from_slot - 1))
            if remaining.left is not None and await held.count(below) >= remaining.left:
                return  # the newest of the slot below are held as well: that is where the last walk stopped
            if remaining.left is None and known.from_slot == 0:
                return  # nothing is below
            count = await held.count(inside)
            remaining.skip(count)
            listed += count
            low = ranges[position - 1].to_slot if position else 0
            if remaining.is_over() or low >= known.from_slot:
                continue
            cursor = await held.oldest_signature(known)
            gap = Span(low, known.from_slot - 1, cursor, listed, await held.token_accounts())
            async with aclosing(self._span(wallet, gap, remaining, permit)) as pages:
                async for page in pages:
                    listed += len(page.entries)
                    yield page

    async def _span(
        self, wallet: str, span: Span, remaining: Remaining, permit: Permit
    ) -> AsyncGenerator[HistoryPage, None]:
        """The pages of one span by the first strategy that the endpoint has and that reads all of its transactions."""
        refused: StreamprocError | None = None
        for lister in self._usable():
            try:
                async with aclosing(lister.pages(wallet, span, remaining, permit)) as pages:
                    async for page in pages:
                        yield page
            except UpstreamTooNewError as error:
                refused = error  # of this wallet: for others the strategy is as good as before
            except (StrategyUnsupportedError, PlanRefusedError) as error:
                again_s = self._timing.now_s() + limits.STRATEGY_RETRY_S
                self._unsupported_until_s[lister.name] = again_s
                refused = refused if isinstance(refused, UpstreamTooNewError) else error
            else:
                return
        assert refused is not None  # noqa: S101 - there is a lister
        raise refused

    def _usable(self) -> list[Lister]:
        """The listers that may be supported; the last one always."""
        now_s = self._timing.now_s()
        return [
            lister
            for lister in self._listers
            if lister is self._listers[-1] or self._unsupported_until_s.get(lister.name, 0) <= now_s
        ]
