"""The newest dead letters, each with the commands that show it and send it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import TopicPartition

from streamproc import limits
from streamproc.console.parameters import nothing_asked
from streamproc.console.sending import SharedAnswer
from streamproc.kafka.consumers import kafka_errors, opened_consumer, partitions_of
from streamproc.kafka.dead_letters import letter_of

if TYPE_CHECKING:
    from aiohttp import web
    from aiokafka import AIOKafkaConsumer

    from streamproc.json_types import Json
    from streamproc.kafka.dead_letters import DeadLetter
    from streamproc.settings import Settings
    from streamproc.topics import Topology


class DeadLetters:
    """Read for all who ask, at most every few seconds."""

    def __init__(self, settings: Settings, topology: Topology) -> None:
        """Read the dead letters of this installation."""
        self._access = settings.kafka_brokers, settings.kafka_security()
        self._topic = settings.topic_prefix + topology.dead_letters.name
        self._answer = SharedAnswer(self._look)

    async def shown(self, request: web.Request) -> web.Response:
        """The newest letters as JSON, without their values; 503 while Kafka is away."""
        nothing_asked(request)
        return await self._answer.response()

    async def _look(self) -> Json:
        with kafka_errors(self._access[0]):
            async with opened_consumer(*self._access) as consumer:
                letters = await self._newest(consumer)
        return {"dead_letters": [_shown(each) for each in letters]}

    async def _newest(self, consumer: AIOKafkaConsumer) -> list[DeadLetter]:
        """The newest letters of all partitions, the newest first."""
        most = limits.CONSOLE_DEAD_LETTERS
        partitions = await partitions_of(consumer, self._topic)
        places = [TopicPartition(self._topic, each) for each in partitions]
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        consumer.assign(places)
        for place in places:
            consumer.seek(place, max(begins[place], ends[place] - most))
        found: list[DeadLetter] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            fetched = await consumer.getmany(timeout_ms=limits.CONSOLE_POLL_MS)
            found += [letter_of(each) for records in fetched.values() for each in records]
            found = sorted(found, key=lambda each: (each.timestamp_ms, each.position))[-most:]
        return found[::-1]


def _shown(letter: DeadLetter) -> Json:
    """A letter as `streamproc dlq list --output json` has it, and what to do with it."""
    position = letter.position
    replay = f"streamproc dlq replay {position}" if letter.can_be_sent_again else None
    return {
        **letter.as_json(with_value=False),
        "message": letter.message,
        "commands": {"show": f"streamproc dlq show {position}", "replay": replay},
    }
