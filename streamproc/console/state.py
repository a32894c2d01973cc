"""How the installation stands: workers, what waits, dead letters, and the upstream as all workers share it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiokafka import TopicPartition

from streamproc.console.parameters import nothing_asked
from streamproc.console.sending import SharedAnswer
from streamproc.errors import TransientError
from streamproc.kafka.admin import group_state
from streamproc.kafka.consumers import kafka_errors, opened_consumer, partitions_of

if TYPE_CHECKING:
    from aiohttp import web
    from aiokafka import AIOKafkaConsumer

    from streamproc.json_types import Json
    from streamproc.kafka.admin import Member
    from streamproc.settings import Settings
    from streamproc.store import Store
    from streamproc.topics import Topology

log = logging.getLogger(__name__)
UNKNOWN = {
    "workers": None,
    "members": None,
    "lag_records": None,
    "lag": None,
    "dead_letters": None,
}


class State:
    """Looked up for all who ask, at most every few seconds."""

    def __init__(self, store: Store, settings: Settings, topology: Topology) -> None:
        """Ask this store, and the brokers about this installation's group."""
        self._store = store
        self._access = settings.kafka_brokers, settings.kafka_security()
        self._group = settings.app_id
        self._dead_letters = settings.topic_prefix + topology.dead_letters.name
        self._answer = SharedAnswer(self._look)

    async def shown(self, request: web.Request) -> web.Response:
        """The state as JSON; what Kafka does not tell is null."""
        nothing_asked(request)
        return await self._answer.response()

    async def _look(self) -> Json:
        totals = await self._store.totals()
        upstream = await self._store.upstream_state()
        try:
            brokers = await self._look_at_brokers()
        except TransientError as error:
            log.warning("nothing is known of workers: %s", error)
            brokers = UNKNOWN
        return {**totals, **brokers, "upstream": upstream}

    async def _look_at_brokers(self) -> Json:
        """Members of the group, records behind its committed offsets by partition, dead letters on their topic."""
        group = await group_state(*self._access, self._group)
        with kafka_errors(self._access[0]):
            ends, letters = await self._ends(list(group.committed))
        lag = [
            {"topic": place.topic, "partition": place.partition, "records": behind}
            for place, end in sorted(ends.items())
            if (behind := end - group.committed[place]) > 0
        ]
        return {
            "workers": len(group.members),
            "members": [_member(each) for each in group.members],
            "lag_records": sum(each["records"] for each in lag),
            "lag": lag,
            "dead_letters": letters,
        }

    async def _ends(self, places: list[TopicPartition]) -> tuple[dict[TopicPartition, int], int]:
        """Where these partitions end, and how many dead letters lie on their topic."""
        async with opened_consumer(*self._access) as consumer:
            ends: dict[TopicPartition, int] = await consumer.end_offsets(places) if places else {}
            return ends, await self._count(consumer)

    async def _count(self, consumer: AIOKafkaConsumer) -> int:
        """How many dead letters lie on their topic, by its offsets."""
        topic = self._dead_letters
        places = [TopicPartition(topic, each) for each in await partitions_of(consumer, topic)]
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        return int(sum(ends[place] - begins[place] for place in places))


def _member(member: Member) -> Json:
    """A worker: its name in the group, its host, and the partitions that it reads, by topic."""
    read: dict[str, list[int]] = {}
    for place in member.places:
        read.setdefault(place.topic, []).append(place.partition)
    return {"name": member.name, "host": member.host, "partitions": read}
