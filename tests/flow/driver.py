"""Runs the product's agents without Kafka: topics are lists, any record may come next, and any may come twice."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from streamproc.agents.shared.handlers import Handler, running
from streamproc.engine import Record
from streamproc.errors import DeadLetterError, RequestEndedError

if TYPE_CHECKING:
    from random import Random

    from streamproc.agents.join.logic import JoinLogic, Traced
    from streamproc.engine import Outgoing
    from streamproc.serde import Codec, Encoded


class Driver:
    """A broker with one partition a topic, a consumer of everything, and a hand that shuffles and repeats."""

    def __init__(
        self,
        *,
        codec: Codec,
        handlers: dict[str, Handler],
        join: JoinLogic,
        random: Random,
        repeats: float = 0.0,
    ) -> None:
        """`handlers` by full topic name; the join takes the topics it knows."""
        self.log: dict[str, list[Record]] = defaultdict(list)
        self.dead: list[tuple[Record, str]] = []
        self.states: dict[bytes, Traced] = {}
        self._pending: list[Record] = []
        self._join = join
        self._join_topics = set(join.topics)
        self._random = random
        self._repeats = repeats
        self._running = {
            topic: running(handler, codec=codec, publish=self._publish)
            for topic, handler in handlers.items()
        }

    def send(self, encoded: Encoded | Outgoing) -> Record:
        """Append a record to its topic and let it be consumed some time."""
        record = Record(
            topic=encoded.topic,
            partition=0,
            offset=len(self.log[encoded.topic]),
            key=encoded.key,
            value=encoded.value,
            headers=tuple(encoded.headers),
            timestamp_ms=encoded.timestamp_ms or 0,
        )
        self.log[encoded.topic].append(record)
        if encoded.topic in self._running or encoded.topic in self._join_topics:
            self._pending.append(record)
            if self._random.random() < self._repeats:
                self._pending.append(record)
        return record

    async def run(self) -> None:
        """Work off everything, in an order that only the seed knows."""
        while self._pending:
            record = self._pending.pop(self._random.randrange(len(self._pending)))
            try:
                await self._consume(record)
            except DeadLetterError as error:
                self.dead.append((record, error.reason))
            except RequestEndedError:
                continue  # nothing is said of it any more, and the record is done

    def values(self, topic: str) -> list[bytes]:
        """The different values on a topic, in order of first appearance: what is left after dropping repeats."""
        return list(dict.fromkeys(record.value or b"" for record in self.log[topic]))

    def counts(self) -> Counter[str]:
        """How many records each topic got."""
        return Counter({topic: len(records) for topic, records in self.log.items()})

    async def _consume(self, record: Record) -> None:
        if record.topic in self._join_topics:
            await self._fold(record)
        if record.topic in self._running:
            for encoded in await self._running[record.topic](record):
                self.send(encoded)

    async def _fold(self, record: Record) -> None:
        key = record.key or b""
        state = self._join.fold(key, self.states.get(key), record)
        ((state, told),) = await self._join.settle([(key, state)])
        if self._join.dump(state) is None:
            self.states.pop(key, None)
        else:
            self.states[key] = self._join.load(self._join.dump(state) or b"")
        for published in (await self._join.decide([(key, told)]))[0]:
            self.send(published)

    def _publish(self, encoded: Encoded) -> asyncio.Future[None]:
        self.send(encoded)
        return sent()


def sent() -> asyncio.Future[None]:
    """What tells that a record is confirmed."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future
