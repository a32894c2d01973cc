"""Watches an installation all through a trial: what is committed and when, connections, memory, queues."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import asyncpg
import httpx
import orjson
import psutil
from aiokafka.errors import KafkaError

from streamproc import limits
from tests.faults.quiet import clients, places

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from aiokafka import AIOKafkaConsumer
    from aiokafka.admin import AIOKafkaAdminClient

    from tests.flow.installation import Installation, Said

LOOK_S: Final = 0.25
POOL: Final = 8  # connections of one worker, as its settings say by default
GOING_S: Final = (
    10.0  # for so long Postgres may still show the connections of a worker that was killed
)
MEMORY_BYTES: Final = 700 * 1024**2  # of one worker with its pool; at rest 350
CONNECTIONS: Final = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'streamproc'"
)
# What a committed source must have led to: the source, its outcome, and the fields that pair them.
OUTCOMES: Final = (
    ("analysis-requested", "analysis-accepted", ("request_id",)),
    ("wallet-sync", "wallet-analyzed", ("request_id", "wallet")),
    ("balance-fetch", "balances-fetched", ("request_id",)),
    ("analysis-ready", "analysis-completed", ("request_id",)),
)
JOINED: Final = ("analysis-accepted", "wallet-analyzed", "balances-fetched")
QUEUES: Final = {"join": limits.JOIN_WINDOW}  # else a stage's

ERRORS: Final = ("topic", "partition", "offset")

Place = tuple[str, int]
At = tuple[Place, int]
_KNOWN: Final = {name for source, answer, _ in OUTCOMES for name in (source, answer)} | {*JOINED}


class _Event(NamedTuple):
    """A record of the flow."""

    topic: str
    place: Place
    offset: int
    event: dict[str, Any]


class Sample(NamedTuple):
    """What was committed at a moment, and where the logs ended a little later; places without the prefix."""

    committed: Mapping[Place, int]
    ends: Mapping[Place, int]


class Watch:
    """What was seen, and what must hold of it.

    That each check can fail is tried in test_watch.py on made-up histories, and was on the product: an engine that
    commits what it has merely taken is caught by `early_commits` in most trials.
    """

    def __init__(self, installation: Installation) -> None:
        self.samples: list[Sample] = []
        self.connections: list[tuple[int, int]] = []  # found, allowed
        self.memory: list[int] = []
        self.queued: list[tuple[str, float]] = []
        self._installation = installation
        self._died_at: dict[int, float] = {}

    def check(self, *, keeps_table: bool = True) -> None:
        """Nothing was committed before what it led to was written, and no bound was ever passed.

        When the fault is that the table is lost, parts whose count it kept are committed all the same.
        """
        assert self.samples, "no commit was looked at"
        early = early_commits(self.samples, self._installation.said, keeps_table=keeps_table)
        assert not early, early[:3]
        many = [each for each in self.connections if each[0] > each[1]]
        assert not many, f"connections found and allowed: {many}"
        assert max(self.memory, default=0) < MEMORY_BYTES, f"{max(self.memory)} bytes"
        deep = [
            (agent, depth)
            for agent, depth in self.queued
            if depth > QUEUES.get(agent, limits.STAGE_WINDOW) + limits.POLL_RECORDS
        ]
        assert not deep, deep

    def check_rest(self, metrics: Iterable[str]) -> None:
        """When nothing is under way, the workers say so."""
        busy = [each for text in metrics for each in queued(text) if each[1]]
        assert not busy, f"at work although all is committed: {busy}"

    # --- looking ---

    async def commits(self) -> None:
        """Look at commits, for ever."""
        while True:
            with suppress(KafkaError, OSError, TimeoutError):
                async with clients(self._installation) as (admin, consumer):
                    while True:
                        await self._look(admin, consumer)
                        await asyncio.sleep(LOOK_S)
            await asyncio.sleep(LOOK_S)

    async def _look(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> None:
        prefix = self._installation.prefix
        group = self._installation.environment["STREAMPROC_APP_ID"]
        offsets = await admin.list_consumer_group_offsets(group)
        ends = await consumer.end_offsets(list(places(self._installation)))
        self.samples.append(
            Sample(
                {(t.removeprefix(prefix), n): at.offset for (t, n), at in offsets.items()},
                {(t.removeprefix(prefix), n): end for (t, n), end in ends.items()},
            )
        )

    async def bounds(self) -> None:
        """Look at connections, memory and queues, for ever."""
        while True:
            await asyncio.sleep(2 * LOOK_S)
            alive = self._alive()
            self.memory += [size for number in alive if (size := self._memory(number))]
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await self._count()
            for number in alive:
                with suppress(httpx.HTTPError, AssertionError):
                    async with asyncio.timeout(1):
                        self.queued += queued(await self._installation.metrics(number))

    def _alive(self) -> list[int]:
        """The workers that run; when the others were first seen dead is noted."""
        numbers = range(len(self._installation.workers))
        dead = [n for n in numbers if self._installation.workers[n].poll() is not None]
        for number in dead:
            self._died_at.setdefault(number, time.monotonic())
        return [number for number in numbers if number not in dead]

    def _memory(self, number: int) -> int:
        """Bytes that a worker and the processes of its pool have, shared pages counted for each; 0 when it is gone."""
        try:
            worker = psutil.Process(self._installation.workers[number].pid)
            family = [worker, *worker.children(recursive=True)]
            return sum(each.memory_info().rss for each in family)
        except psutil.Error:
            return 0

    async def _count(self) -> None:
        """How many connections the workers have, and how many they may have."""
        dsn = self._installation.environment["STREAMPROC_POSTGRES_DSN"]
        before = time.monotonic()
        connection = await asyncpg.connect(dsn, timeout=2)
        try:
            found = await connection.fetchval(CONNECTIONS, timeout=2)
        finally:
            await connection.close(timeout=2)
        alive = self._alive()  # notes who has died meanwhile, too
        going = sum(before - at < GOING_S for at in self._died_at.values())
        self.connections.append((found, POOL * (len(alive) + going)))


@asynccontextmanager
async def watched(installation: Installation) -> AsyncIterator[Watch]:
    """A watch over the block."""
    watch = Watch(installation)
    tasks = [asyncio.create_task(watch.commits()), asyncio.create_task(watch.bounds())]
    try:
        yield watch
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def queued(metrics: str) -> list[tuple[str, float]]:
    """How many records each agent has taken and not finished, from a worker's metrics."""
    found = []
    for line in metrics.splitlines():
        if line.startswith("streamproc_records_in_flight{"):
            agent = line.partition('agent="')[2].partition('"')[0]
            found.append((agent, float(line.rpartition(" ")[2])))
    return found


class Need(NamedTuple):
    """When all these records are committed, that one must be in the log."""

    sources: tuple[At, ...]
    outcome: At | None
    request_id: str

    def is_missed(self, sample: Sample) -> bool:
        """Whether the sources were committed at that moment and the outcome was not there a little later."""
        if any(sample.committed.get(place, 0) <= offset for place, offset in self.sources):
            return False
        return self.outcome is None or sample.ends.get(self.outcome[0], 0) <= self.outcome[1]


def early_commits(
    samples: Iterable[Sample], said: Iterable[Said], *, keeps_table: bool = True
) -> list[str]:
    """Commits that were seen before what they stand for was in the log, of requests that were completed in the end."""
    diverted = {_source(each) for each in said if each.topic == "dead-letters"}
    events = [
        _Event(each.topic, (each.topic, each.partition), each.offset, event)
        for each in said
        if each.topic in _KNOWN and (event := _event_in(each))
    ]
    completed = {each.event["request_id"] for each in events if each.topic == "analysis-completed"}
    mine = [each for each in events if each.event.get("request_id") in completed]
    needs = [*_outcomes(mine), *(_handovers(mine, completed) if keeps_table else ())]
    return [
        f"{need.request_id}: {need.sources} committed before {need.outcome}"
        for sample in samples
        for need in needs
        if need.is_missed(sample) and diverted.isdisjoint(need.sources)
    ]


def _event_in(record: Said) -> dict[str, Any]:
    """The record's JSON; nothing of one that is no object, as a trial's poison."""
    try:
        found = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _source(letter: Said) -> At:
    """Where the record lies that became this dead letter."""
    header = {name: letter.headers[f"__streams.errors.{name}"].decode() for name in ERRORS}
    topic = next((name for name in _KNOWN if header["topic"].endswith(f"-{name}")), "")
    return (topic, int(header["partition"])), int(header["offset"])


def _outcomes(events: Iterable[_Event]) -> Iterator[Need]:
    """Each record of a stage, and the first record that answers it."""
    for source, answer, fields in OUTCOMES:
        first: dict[tuple[object, ...], At] = {}
        for each in events:
            if each.topic == answer:
                first.setdefault(
                    tuple(each.event[name] for name in fields), (each.place, each.offset)
                )
        for each in events:
            if each.topic == source:
                found = first.get(tuple(each.event[name] for name in fields))
                yield Need(((each.place, each.offset),), found, each.event["request_id"])


def _handovers(events: Iterable[_Event], requests: Iterable[str]) -> Iterator[Need]:
    """Each request's parts, every one as it came first, and its AnalysisReady."""
    parts: dict[str, dict[tuple[str, object], At]] = {name: {} for name in requests}
    ready: dict[str, At] = {}
    for each in events:
        name, at = each.event["request_id"], (each.place, each.offset)
        if each.topic in JOINED:
            parts[name].setdefault((each.topic, each.event.get("wallet")), at)
        elif each.topic == "analysis-ready":
            ready.setdefault(name, at)
    for name, found in parts.items():
        yield Need(tuple(found.values()), ready.get(name), name)
