"""An installation that is attacked: what is sent, what became of it, how much memory it took, and who was served."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
import psutil

from streamproc.engine.records import partition_of
from tests.hostile.raw import Raw, RawProducer, batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.flow.installation import Installation, Said

MEMORY_MAX_BYTES: Final = 700 * 1000**2
REQUESTS: Final = "analysis-requested"
CANCELS: Final = "analysis-cancel-requested"
PARTITIONS: Final = 4
LOOK_S: Final = 0.05


class Place(NamedTuple):
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


class Attacked:
    """One worker and whoever attacks it."""

    def __init__(
        self, installation: Installation, producer: RawProducer, wallets: Sequence[str]
    ) -> None:
        self.installation = installation
        self.producer = producer
        self.wallets = list(wallets)
        self.peak_bytes = 0  # of any process
        self.worker_peak_bytes = 0  # of the workers' own ones
        self.ends: defaultdict[str, dict[int, int]] = defaultdict(dict)  # of topics, by partition
        self._numbers = itertools.count()

    # --- sending ---

    def name(self, partition: int | None = None) -> str:
        """A new request id, of a key on this partition."""
        while True:
            found = f"r-{next(self._numbers)}-{time.time_ns() % 10**9}"
            if partition in {None, partition_of(found.encode(), PARTITIONS)}:
                return found

    def request(self, request_id: str, **fields: object) -> dict[str, Any]:
        """A good request, quickly done."""
        return {
            "request_id": request_id,
            "wallets": self.wallets[:2],
            "max_age_s": 3600,
            "enrich": False,
            **fields,
        }

    def good(self, request_id: str, **fields: object) -> bytes:
        """The same, as bytes."""
        return orjson.dumps(self.request(request_id, **fields))

    async def put(self, data: bytes, *, topic: str = REQUESTS, partition: int = 0) -> Place:
        """A batch, as it is."""
        offset = await self.producer.send(self.installation.prefix + topic, partition, data)
        return Place(self.installation.prefix + topic, partition, offset)

    async def send(
        self,
        value: bytes | None,
        *,
        key: bytes | None = b"k",
        headers: Sequence[tuple[bytes, bytes | None]] = (),
        topic: str = REQUESTS,
        **how: Any,  # noqa: ANN401 - of `batch`
    ) -> Place:
        """One record."""
        partition = 0 if key is None else partition_of(key, PARTITIONS)
        return await self.put(
            batch([Raw(value, key, headers)], **how), topic=topic, partition=partition
        )

    # --- what became of it ---

    def letter_of(self, place: Place) -> Said | None:
        """The dead letter of exactly this record."""
        for each in self.installation.of("dead-letters"):
            found = {name: each.headers.get(f"__streams.errors.{name}") for name in place._fields}
            last = int(each.headers.get("x-last-offset") or found["offset"] or 0)
            if (
                found["topic"] == place.topic.encode()
                and found["partition"] == b"%d" % place.partition
                and int(found["offset"] or -1) <= place.offset <= last
            ):
                return each
        return None

    async def letter(self, place: Place, within_s: float = 20.0) -> Said:
        """The dead letter of exactly this record, once it is there."""
        found: Said = await self.installation.until(
            lambda: self.letter_of(place), f"no dead letter of {place}", within_s
        )
        return found

    async def answered(self, place: Place, *names: str, within_s: float = 20.0) -> str:
        """How the record ended: with the status of a request of such a name, or as a dead letter of this reason."""

        def found() -> str | None:
            for topic, name in product(("analysis-completed", "analysis-failed"), names):
                for each in self.installation.of(topic, name):
                    return str(each.event["status"])
            letter = self.letter_of(place)
            return None if letter is None else letter.headers["x-reason"].decode()

        status: str = await self.installation.until(found, f"{place} has no end", within_s)
        return status

    async def serves(self, within_s: float = 60.0) -> None:
        """A good request on each partition, sent now, completes in time; and the worker lives."""
        names = [self.name(partition) for partition in range(PARTITIONS)]
        places = [await self.send(self.good(name), key=name.encode()) for name in names]
        for place, name in zip(places, names, strict=True):
            assert await self.answered(place, name, within_s=within_s) == "completed"
        self.lives()

    def lives(self) -> None:
        """No worker has ended, and none takes too much memory."""
        installation = self.installation
        for number, worker in enumerate(installation.workers):
            assert worker.poll() is None, installation.log(number)[-3000:]
        assert self.peak_bytes < MEMORY_MAX_BYTES, f"{self.peak_bytes / 1e6:.0f} MB"

    # --- memory ---

    async def _watch(self) -> None:
        """Look at the memory of every process of the workers, for ever."""
        while True:
            for worker in self.installation.workers:
                with suppress(psutil.Error):
                    process = psutil.Process(worker.pid)
                    taken = process.memory_info().rss
                    self.worker_peak_bytes = max(self.worker_peak_bytes, taken)
                    for each in (process, *process.children(recursive=True)):
                        with suppress(psutil.Error):
                            self.peak_bytes = max(self.peak_bytes, each.memory_info().rss)
            await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def attacked(installation: Installation, wallets: Sequence[str]) -> AsyncIterator[Attacked]:
    """The installation with one more worker, watched."""
    brokers = installation.environment["STREAMPROC_KAFKA_BROKERS"]
    async with RawProducer(brokers) as producer:
        found = Attacked(installation, producer, wallets)
        watching = asyncio.create_task(found._watch())
        try:
            await installation.ready_worker()
            yield found
        finally:
            watching.cancel()
