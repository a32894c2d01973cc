"""The feed: one consumer of the topics for all readers, each of whom waits in a bounded line of its own."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, defaultdict, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiokafka import TopicPartition

from streamproc import limits
from streamproc.console.problems import ProblemError
from streamproc.console.update import FOLLOWED, PROGRESS, update_from
from streamproc.errors import ConfigurationError, Fault, TransientError
from streamproc.kafka.consumers import kafka_errors, opened_consumer, partitions_of, seek_to_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiokafka import AIOKafkaConsumer

    from streamproc.console.update import Update
    from streamproc.serde import Codec
    from streamproc.settings import Settings

log = logging.getLogger(__name__)


class CutError(Exception):
    """The reader was too late, or the feed ended: it is to ask again, and goes on where it was."""


class Subscription:
    """The updates that wait for one reader; `places` are the feed's next offsets of progress when it began."""

    def __init__(self, places: dict[int, int]) -> None:
        """Begin with nothing."""
        self.places = places
        self._waiting: deque[Update] = deque()
        self._has_news = asyncio.Event()
        self._is_cut = False

    def offer(self, update: Update) -> None:
        """Let an update wait; a line that is full is dropped as a whole, and its reader cut off."""
        if len(self._waiting) >= limits.CONSOLE_WAITING_EVENTS:
            self.cut()
        elif not self._is_cut:
            self._waiting.append(update)
            self._has_news.set()

    def cut(self) -> None:
        """End it: its reader is to ask again."""
        self._is_cut = True
        self._waiting.clear()
        self._has_news.set()

    async def take(self, within_s: float) -> list[Update]:
        """What waits by now, or comes within so many seconds; raises CutError once it was cut off."""
        try:
            await asyncio.wait_for(self._has_news.wait(), within_s)
        except TimeoutError:
            return []
        if self._is_cut:
            raise CutError
        self._has_news.clear()
        found = list(self._waiting)
        self._waiting.clear()
        return found


class Feed:
    """Reads progress of requests and wallets from now on, and hands each update to whoever waits for it."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        """Read the topics of these settings, once `run`."""
        self._access = settings.kafka_brokers, settings.kafka_security()
        self._events = {
            codec.topic_of(kind): codec.topology.by_event[kind.__name__].name for kind in FOLLOWED
        }
        self._progress = codec.topic_of(PROGRESS)
        self._of_request: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._of_all: set[Subscription] = set()
        self._places: dict[int, int] = {}
        self._count = 0
        self._has_listened = False
        self.listens = asyncio.Event()
        self.latest: OrderedDict[str, Update] = OrderedDict()  # of requests that run

    @contextmanager
    def subscribed(self, request_id: str | None) -> Iterator[Subscription]:
        """What is said about a request (about all: progress alone) from now on, in the order of its partitions.

        Raises ProblemError when there are too many readers or Kafka is away.
        """
        if self._count >= limits.CONSOLE_STREAMS or not self.listens.is_set():
            rule = f"must be at most {limits.CONSOLE_STREAMS} at once, while Kafka answers"
            fault = Fault("streams", str(self._count), rule)
            raise ProblemError(503, [fault], headers={"Retry-After": "5"})
        subscription = Subscription(dict(self._places))
        readers = self._of_all if request_id is None else self._of_request[request_id]
        readers.add(subscription)
        self._count += 1
        try:
            yield subscription
        finally:
            self._count -= 1
            readers.discard(subscription)
            if request_id is not None and not readers:
                self._of_request.pop(request_id, None)

    async def run(self, since_ms: int | None) -> None:
        """Listen until cancelled; what is lost is opened again, and readers ask anew.

        Progress is read from `since_ms` on, so that what runs is known; None: from now on. Raises
        BrokerUnavailableError or ConfigurationError where the topics cannot be opened the first time.
        """
        while True:
            try:
                await self._listen(since_ms)
            except (TransientError, ConfigurationError) as error:
                if not self._has_listened:
                    raise
                log.warning(
                    "the topics are opened again in %g s: %s", limits.CONSOLE_REOPEN_S, error
                )
            finally:
                self.cut_all()
            await asyncio.sleep(limits.CONSOLE_REOPEN_S)

    def cut_all(self) -> None:
        """Cut every reader off."""
        self.listens.clear()
        for readers in (self._of_all, *self._of_request.values()):
            for each in readers:
                each.cut()

    async def _listen(self, since_ms: int | None) -> None:
        """Read the topics for as long as they can be read."""
        with kafka_errors(self._access[0]):
            async with opened_consumer(*self._access) as consumer:
                await self._hear(consumer, await self._placed(consumer, since_ms))

    async def _hear(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
        """Hand out what comes; readers are let in once what lies before these ends was read."""
        while True:
            fetched = await consumer.getmany(timeout_ms=limits.CONSOLE_POLL_MS)
            for place, records in fetched.items():
                for record in records:
                    if (update := update_from(record, self._events[place.topic])) is not None:
                        self._hand_out(update)
                if place.topic == self._progress:
                    self._places[place.partition] = records[-1].offset + 1
            if not self.listens.is_set() and await _has_read(consumer, ends):
                self._places |= {
                    place.partition: await consumer.position(place)
                    for place in ends
                    if place.topic == self._progress
                }
                self.listens.set()
                self._has_listened = True

    async def _placed(
        self, consumer: AIOKafkaConsumer, since_ms: int | None
    ) -> dict[TopicPartition, int]:
        """Point the consumer at all partitions; where each one ends."""
        places = [
            TopicPartition(topic, partition)
            for topic in self._events
            for partition in await partitions_of(consumer, topic)
        ]
        consumer.assign(places)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
        for place, end in ends.items():
            consumer.seek(place, end)
        if since_ms is not None:
            past = [place for place in places if place.topic == self._progress]
            await seek_to_time(consumer, past, since_ms - limits.CLI_FOLLOW_SLACK_MS)
        return ends

    def _hand_out(self, update: Update) -> None:
        """Give an update to whoever waits for it, and remember how far a request is that runs."""
        for each in tuple(self._of_request.get(update.request_id, ())):
            each.offer(update)
        if not update.seq:
            return
        for each in tuple(self._of_all):
            each.offer(update)
        self.latest.pop(update.request_id, None)
        if not update.is_terminal:
            self.latest[update.request_id] = update
            if len(self.latest) > limits.CONSOLE_LATEST:
                self.latest.popitem(last=False)


async def _has_read(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    """Whether everything up to these ends was read."""
    return not any([await consumer.position(place) < end for place, end in ends.items()])
