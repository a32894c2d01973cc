"""The thread that talks to the brokers: aiokafka's consumer with our settings, and commits that are no crash."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver

from streamproc import limits
from streamproc.engine.delivery.fence import hold_lease

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.engine.config import EngineConfig
    from streamproc.engine.records import Partition

log = logging.getLogger(__name__)

NOT_ALLOWED: Final = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)


class GuardedThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust ships no types
    """The thread that talks to the brokers: our settings, and a failed commit is no crash."""

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:  # noqa: ANN401
        """Aiokafka's consumer; Faust's own way to make it fixes `fetch_max_wait_ms` at 1500."""
        config: EngineConfig = transport.engine.config
        self._assignor = (
            self.app.assignor
        )  # tables need Faust's: it keeps their partitions together
        consumer = AIOKafkaConsumer(
            bootstrap_servers=config.brokers,
            group_id=config.app_id,
            group_instance_id=config.worker_id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_poll_records=config.poll_records,
            max_poll_interval_ms=int(self.app.conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=limits.FETCH_MAX_BYTES,
            fetch_max_wait_ms=int(config.fetch_wait_s * 1000),
            request_timeout_ms=int(limits.REQUEST_TIMEOUT_S * 1000),
            session_timeout_ms=int(config.session_timeout_s * 1000),
            rebalance_timeout_ms=int(config.rebalance_timeout_s * 1000),
            heartbeat_interval_ms=int(
                config.session_timeout_s * 1000 / limits.HEARTBEATS_PER_SESSION
            ),
            **config.security,
        )
        hold_lease(consumer._client, transport.engine.fence)  # noqa: SLF001 - all of its calls go there
        return consumer

    async def _commit(self, offsets: Mapping[Partition, int]) -> bool:
        """Commit what is still ours; False when the brokers did not take it: the next interval tries again."""
        consumer = self._ensure_consumer()
        ours = {
            TopicPartition(*partition): OffsetAndMetadata(offset, "")
            for partition, offset in offsets.items()
            if partition in self.assignment()
        }
        if (
            not ours
        ):  # a rebalance has taken them all since; aiokafka raises ValueError for an empty commit
            return False
        try:
            await asyncio.wait_for(consumer.commit(ours), limits.COMMIT_TIMEOUT_S)
        except NOT_ALLOWED as error:
            self.consumer.engine.flow.give_up(
                f"offsets cannot be committed: {type(error).__name__}"
            )
            return False
        except (KafkaError, TimeoutError) as error:
            log.warning("a commit failed, the next one covers it: %r", error)
            return False
        return True

    def unread(self, partition: Partition) -> tuple[int, int] | None:
        """How many offsets lie beyond what was read of a partition, and where that ends; None before it was read.

        Only what is committed counts: an open transaction is not waited for.
        """
        if self._consumer is None:
            return None
        subscription = self._consumer._subscription.subscription  # noqa: SLF001 - no question asks for it
        assignment = None if subscription is None else subscription.assignment
        place = TopicPartition(*partition)
        if assignment is None or place not in assignment.tps:
            return None
        state = assignment.state_value(place)
        if not state.has_valid_position or state.highwater is None:
            return None
        stable = state.highwater
        if state.lso is not None and state.lso >= 0:
            stable = min(state.lso, stable)
        return max(0, stable - state.position), state.position

    def verify_event_path(self, now: float, tp: Any) -> None:  # noqa: ANN401
        """Nothing: the watchdog looks at what moves; Faust's own check only knows acknowledgements."""
