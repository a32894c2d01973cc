"""Drawn records against a worker: it lives within its memory, each record has an end, and others are served in time."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import BrokerResponseError

from streamproc.engine.records import partition_of
from tests.hostile.draws import ID
from tests.hostile.house import CANCELS, PARTITIONS, REQUESTS
from tests.hostile.raw import Raw, batch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from tests.hostile.draws import Draw
    from tests.hostile.house import Attacked, Place

# Where a record lies, the ids by which it may be answered, and what it was drawn in.
Sent: TypeAlias = "tuple[Place, Collection[str], Draw]"
AT_ONCE: Final = 25  # draws, then a good request on each partition
ENDS_WITHIN_S: Final = 60.0
NAMED: Final = re.compile(rb'"request_id"\s*:\s*"([A-Za-z0-9._-]{1,64})"')


async def any_time(house: Attacked, *topics: str) -> None:
    """Let topics take records of any time, as brokers before 4.0 do, and keep those that are older than they keep."""
    brokers = house.installation.environment["STREAMPROC_KAFKA_BROKERS"]
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    change = {"message.timestamp.after.max.ms": str(2**63 - 1), "retention.ms": "-1"}
    try:
        await admin.alter_configs(
            [
                ConfigResource(
                    ConfigResourceType.TOPIC, house.installation.prefix + topic, configs=change
                )
                for topic in topics
            ]
        )
    finally:
        await admin.close()


def _ids(value: bytes | None) -> list[str]:
    """Whom else a value may name: a drawn byte may stand beside the id that it was given."""
    return [found.decode() for found in NAMED.findall(value or b"")]


class Barrage:
    """Sends draws and looks what became of them."""

    def __init__(self, house: Attacked) -> None:
        self.house = house
        self.ends: Counter[str] = Counter()
        self.slowest_s = 0.0  # of the good requests beside them

    async def run(self, draws: Sequence[Draw], say: Callable[[str], None] = lambda _: None) -> None:
        """All draws, some at a time, each time said; raises AssertionError for a broken promise."""
        await any_time(self.house, REQUESTS, CANCELS)
        for start in range(0, len(draws), AT_ONCE):
            sent: list[Sent] = []
            for draw in draws[start : start + AT_ONCE]:
                sent += await self._sent(draw)
            began = time.monotonic()
            await self.house.serves(ENDS_WITHIN_S)
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            for place, names, draw in sent:
                await self._ended(place, names, draw)
            done, count = start + AT_ONCE, sum(self.ends.values())
            say(f"{min(done, len(draws))} draws, {count} records, {time.monotonic() - began:.1f} s")

    def table(self) -> str:
        """What became of the records, as Markdown."""
        lines = ["| end | records |", "|---|---|"]
        lines += [f"| {end} | {count} |" for end, count in sorted(self.ends.items())]
        lines.append(f"| a worker's largest process | {self.house.peak_bytes / 1e6:.0f} MB |")
        lines.append(f"| four good requests beside them, slowest | {self.slowest_s:.1f} s |")
        return "\n".join(lines)

    async def _sent(self, draw: Draw) -> list[Sent]:
        """Where the draw's records lie, none if the broker refuses them."""
        house = self.house
        named = [house.name() for _ in draw.records]
        wallets = orjson.dumps(house.wallets[:2])
        records = [
            Raw(
                value and value.replace(ID, name.encode()).replace(b"@WALLETS@", wallets),
                name.encode() if key == ID else key,
                headers,
            )
            for (value, key, headers), name in zip(draw.records, named, strict=True)
        ]
        partition = partition_of(records[0].key or b"", PARTITIONS)
        data = batch(records, codec=draw.codec, timestamp_ms=draw.timestamp_ms())
        topic = CANCELS if draw.is_cancel else REQUESTS
        try:
            first = await house.put(data, topic=topic, partition=partition)
        except BrokerResponseError as error:
            self.ends[f"refused by the broker: {type(error).__name__}"] += len(records)
            return []
        return [
            (first._replace(offset=first.offset + number), (name, *_ids(record.value)), draw)
            for number, (name, record) in enumerate(zip(named, records, strict=True))
        ]

    async def _ended(self, place: Place, names: Collection[str], draw: Draw) -> None:
        """Count how the record ended."""
        if draw.is_cancel:
            letter = self.house.letter_of(place)
            self.ends[
                "cancel: " + (letter.headers["x-reason"].decode() if letter else "heard")
            ] += 1
            return
        try:
            end = await self.house.answered(place, *names, within_s=ENDS_WITHIN_S)
        except AssertionError as error:
            about = (draw.codec, draw.time, draw.is_relative, *names)
            raise AssertionError(f"{place}, {about}: {draw!r:.3000}: {error}") from error
        self.ends[end] += 1
