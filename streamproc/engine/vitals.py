"""A worker's vital signs: what the watchdog and the health surface ask about, and the gauges."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import faust

from streamproc import limits, metrics
from streamproc.engine.join import Join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.engine.flow import Flow, Reader
    from streamproc.engine.records import Partition


class Vitals:
    """Looks at a flow and its readers; changes nothing."""

    def __init__(self, app: faust.App, flow: Flow, readers: Sequence[Reader]) -> None:
        self._app = app
        self._flow = flow
        self._readers = readers

    def is_at_work(self) -> bool:
        """Whether anything is under way."""
        return not (self._flow.outbox.is_idle and all(each.is_idle for each in self._readers))

    def moved_at(self) -> float:
        """When a record last came or was done, on the monotonic clock; now while Faust lets nothing flow."""
        return self._flow.moved_at if self._flow.is_flowing else time.monotonic()

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
        return await self._flow.outbox.is_broker_reachable()

    def _lags(self, *, delivered: bool) -> dict[Partition, int]:
        """For each partition that was read the records not delivered, or not worked off."""
        lags = {}
        for partition, lanes in self._flow.ledger.lanes.items():
            try:
                highwater = self._app.consumer.highwater(faust.TP(*partition))
            except Exception:  # noqa: BLE001, S112 - in the middle of a rebalance nobody knows
                continue
            if highwater is not None and lanes:
                reached = min(lane.end if delivered else lane.safe() for lane in lanes.values())
                lags[partition] = max(0, highwater - reached)
        return lags

    async def measure(self) -> None:
        """Set the gauges, once a second, and sweep up what was lost on its way, seldom."""
        swept_at = time.monotonic()
        while True:
            await asyncio.sleep(1.0)
            if self._flow.is_flowing and time.monotonic() - swept_at > limits.SWEEP_S:
                swept_at = time.monotonic()
                await self._flow.sweep()
            for reader in self._readers:
                metrics.IN_FLIGHT.labels(reader.name).set(self._flow.ledger.unfinished(reader))
            metrics.JOIN_WAITING.set(self._waiting())
            for (topic, partition), lag in self._lags(delivered=False).items():
                metrics.LAG.labels(topic, str(partition)).set(lag)

    def _waiting(self) -> int:
        """How many states have something due within the hour: those of requests that have not ended."""
        hour = time.monotonic() + limits.DUE_HORIZONS_S[-1] + limits.TIMER_S
        joins = [each for each in self._readers if isinstance(each, Join)]
        return sum(join.due_times.count(hour) for join in joins)
