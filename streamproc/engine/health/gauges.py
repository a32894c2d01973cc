"""A worker's vital signs: what the watchdog and the health surface ask about, and the gauges."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from streamproc import limits, metrics
from streamproc.engine.health.memory import give_back
from streamproc.engine.join.join import Join

if TYPE_CHECKING:
    from collections.abc import Sequence

    import faust

    from streamproc.engine.delivery.flow import Flow, Reader
    from streamproc.engine.records import Partition


class Gauges:
    """Looks at a flow and its readers; changes nothing."""

    def __init__(self, app: faust.App, flow: Flow, readers: Sequence[Reader]) -> None:
        self._app = app
        self._flow = flow
        self._readers = readers
        self._told: set[Partition] = set()  # whose lag is shown

    def is_at_work(self) -> bool:
        """Whether anything is under way."""
        return not (self._flow.producer.is_idle and all(each.is_idle for each in self._readers))

    def moved_at(self) -> float:
        """When a record last came, was done or was said, on the monotonic clock; now while Faust lets nothing flow."""
        if not self._flow.is_flowing:
            return time.monotonic()
        return max(self._flow.moved_at, self._flow.producer.confirmed_at)

    def stuck_s(self) -> float:
        """For how long an assignment or a recovery has not got on; 0 while records flow."""
        return 0.0 if self._flow.is_flowing else time.monotonic() - self._flow.stuck_since

    def polled_at(self) -> float:
        """When the fetcher last asked for records; now while Faust lets nothing flow."""
        consumer = self._app._consumer  # noqa: SLF001 - asking for `consumer` would make one
        if consumer is None or not self._flow.is_flowing:
            return time.monotonic()
        return float(consumer.polled_at)

    def lag(self) -> int:
        """How many records of our partitions were not delivered to us."""
        return sum(self._lags(delivered=True).values())

    async def is_broker_reachable(self) -> bool:
        """Whether a broker answers."""
        return await self._flow.producer.is_broker_reachable()

    def _lags(self, *, delivered: bool) -> dict[Partition, int]:
        """For each partition that was read the records not delivered, or not worked off."""
        lags = {}
        consumer = self._app._consumer  # noqa: SLF001 - asking for `consumer` would make one
        if consumer is None:
            return {}
        tracker = self._flow.tracker
        for partition in tracker.assigned:
            found = consumer.unread(partition) if tracker.readers[partition[0]] else None
            if found is not None:
                unread, position = found
                lags[partition] = tracker.lag(partition, unread, position, delivered=delivered)
        return lags

    async def measure(self) -> None:
        """Set the gauges, once a second, and sweep up what was lost on its way, seldom."""
        swept_at = time.monotonic()
        given_back_at = swept_at
        while True:
            await asyncio.sleep(limits.GAUGES_S)
            if self.moved_at() > given_back_at and not self.is_at_work():
                give_back()
                given_back_at = time.monotonic()
            if self._flow.is_flowing and time.monotonic() - swept_at > limits.SWEEP_S:
                swept_at = time.monotonic()
                await self._flow.sweep()
            self._set_gauges()

    def waiting(self) -> int:
        """How many records of our partitions are not worked off."""
        return sum(self._lags(delivered=False).values())

    def _set_gauges(self) -> None:
        """What is under way and what waits now; of partitions that are no longer ours nothing is said."""
        for reader in self._readers:
            metrics.IN_FLIGHT.labels(reader.name).set(self._flow.tracker.unfinished(reader))
        joins = [each for each in self._readers if isinstance(each, Join)]
        metrics.JOIN_WAITING.set(sum(len(join.awaiting) for join in joins))
        lags = self._lags(delivered=False)
        for topic, partition in self._told - set(lags):
            metrics.LAG.remove(topic, str(partition))
        for (topic, partition), lag in lags.items():
            metrics.LAG.labels(topic, str(partition)).set(lag)
        self._told = set(lags)
