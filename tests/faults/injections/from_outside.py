"""What others can do with topics: transactions, options of another version, records that are none."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import orjson
from aiokafka import AIOKafkaProducer

from streamproc.engine.records import partition_of
from streamproc.topics import OUTSIDE, read_topology
from tests.faults.environment import AGAIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.environment import Environment
    from tests.faults.plans.plan import Injection
    from tests.flow.installation import Installation

ASKED: Final = "analysis-requested"
CANCELLED: Final = "analysis-cancel-requested"
TURN: Final = 9  # of the requests that come behind a transaction
OPEN_MS: Final = 5000  # for so long the brokers wait for the end of a transaction
READ_WITHIN_S: Final = 20.0
LETTERS_WITHIN_S: Final = 60.0
LOOK_S: Final = 0.2
UNKNOWN: Final = "added_option"
# Parts that the next version says with an option more. What opens a request is compared byte for byte elsewhere.
CARRYING: Final = ("wallet-sync", "balance-fetch", "wallet-progress", "wallet-analyzed")
POISON: Final = (
    b"\xff\xfe\x00",
    None,
    b"[]",
    b"{}",
    b'"words"',
    b'{"request_id": 7, "wallet": NaN}',
    b'{"request_id": null, "wallets": [[[[]]]]}',
    b'{"deep": ' + b"[" * 5000,
)


@asynccontextmanager
async def transaction(environment: Environment) -> AsyncIterator[AIOKafkaProducer]:
    """A producer in a transaction, in which it has asked for ghosts and cancelled every request."""
    installation = environment.installation
    producer = AIOKafkaProducer(
        bootstrap_servers=installation.environment["STREAMPROC_KAFKA_BROKERS"],
        transactional_id=f"{installation.prefix}outside",
        transaction_timeout_ms=OPEN_MS,
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        for name, wallets in environment.requests.items():
            behind = f"{name}{AGAIN}{TURN}".encode()
            ghost = f"ghost-{name}"
            for topic, key, more in (
                (ASKED, ghost, {"wallets": wallets}),
                (CANCELLED, name, {}),
            ):
                await producer.send(
                    installation.prefix + topic,
                    orjson.dumps({"request_id": key, **more}),
                    key.encode(),
                    partition=partition_of(behind, partitions(topic)),
                )
        await producer.flush()
        yield producer
    finally:
        await producer.stop()


def partitions(topic: str) -> int:
    """How many a topic has."""
    return next(each.partitions for each in read_topology().topics if each.name == topic)


async def abort(environment: Environment, injection: Injection) -> None:
    """Somebody asks and cancels in a transaction and aborts it; nothing waits then, and nothing of it counts."""
    del injection
    names = list(environment.requests)
    async with transaction(environment) as producer:
        await producer.abort_transaction()
    await all_read(environment)
    environment.undone()
    await environment.ask(TURN)
    await never_begun(environment, names)
    await covered(environment, names)


async def hold_open(environment: Environment, injection: Injection) -> None:
    """Somebody's transaction stays open; what comes behind it waits until the brokers abort it, nothing else does."""
    del injection
    names = list(environment.requests)
    async with transaction(environment):
        await environment.ask(TURN)
        await asyncio.sleep(OPEN_MS / 1000)
        environment.undone()
        await never_begun(environment, names)
    await covered(environment, names)


async def covered(environment: Environment, names: list[str]) -> None:
    """Ordinary records come behind the marks of the transaction: on a mark no commit ever stands."""
    for name in names:
        behind = f"{name}{AGAIN}{TURN}"
        wallets, deadline_s = environment.requests[behind], environment.deadline_s
        await environment.installation.request(behind, wallets, deadline_s=deadline_s)
        await environment.installation.send(CANCELLED, behind, {"request_id": behind})


async def all_read(environment: Environment) -> None:
    """No worker sees a record wait on the topics from outside: the marks of a transaction are none."""
    until = time.monotonic() + READ_WITHIN_S
    while True:
        texts = [await environment.installation.metrics(number) for number in environment.alive]
        waiting = [line for text in texts for line in text.splitlines() if _waits(line)]
        if not waiting:
            return
        assert time.monotonic() < until, waiting
        await asyncio.sleep(LOOK_S)


def _waits(line: str) -> bool:
    """Whether a metric says that records of a topic from outside wait."""
    is_theirs = f"-{ASKED}" in line or f"-{CANCELLED}" in line
    return line.startswith("streamproc_lag_records{") and is_theirs and not line.endswith(" 0.0")


async def never_begun(environment: Environment, names: list[str]) -> None:
    """What comes behind the transaction ends; of what was asked in it nobody has said anything."""
    installation = environment.installation
    for name in names:
        await installation.ending(f"{name}{AGAIN}{TURN}")
    ghosts = {f"ghost-{name}".encode() for name in names}
    said = [each for each in installation.said if each.key in ghosts and each.topic != ASKED]
    assert not said, f"it was aborted: {said[0]}"


async def option(environment: Environment, injection: Injection) -> None:
    """An option of the next version comes: asked for from outside it is refused by name, inside it is carried on."""
    del injection
    installation = environment.installation
    wallets = next(iter(environment.requests.values()))
    await installation.request("newer", wallets, **{UNKNOWN: 5})
    end = await installation.ending("newer")
    assert end["status"] == "rejected", end
    assert any(UNKNOWN in fault["field"] for fault in end["faults"]), end
    await installation.until(lambda: installation.of("wallet-analyzed"), "no wallet is analyzed")
    for each in [each for each in installation.said if each.topic in CARRYING]:
        more = orjson.dumps({**each.event, UNKNOWN: 5, "options": {UNKNOWN: 5}})
        assert each.key is not None
        await installation.send(each.topic, each.key.decode(), more, each.headers)
    environment.undone()


async def poison(environment: Environment, injection: Injection) -> None:
    """What is no event comes on every topic that an agent reads; each one is a dead letter of its place."""
    del injection
    installation = environment.installation
    sent = set()
    producer = AIOKafkaProducer(
        bootstrap_servers=installation.environment["STREAMPROC_KAFKA_BROKERS"]
    )
    await producer.start()
    try:
        for topic in read_topology().topics:
            if not set(topic.consumers) - OUTSIDE:
                continue
            for number, value in enumerate(POISON):
                name, key = installation.prefix + topic.name, b"poison-%d" % number
                place = partition_of(
                    key, topic.partitions
                )  # the join passes on what lies elsewhere
                found = await producer.send_and_wait(name, value, key, partition=place)
                sent.add((name, place, found.offset))
    finally:
        await producer.stop()
    environment.undone()
    until = time.monotonic() + LETTERS_WITHIN_S
    while not sent <= letters(installation):
        assert time.monotonic() < until, f"no end of {sorted(sent - letters(installation))}"
        await asyncio.sleep(LOOK_S)
    assert letters(installation) == sent, letters(installation) - sent


def letters(installation: Installation) -> set[tuple[str, int, int]]:
    """The places of all records that became dead letters."""
    return {
        (
            each.headers["__streams.errors.topic"].decode(),
            int(each.headers["__streams.errors.partition"]),
            int(each.headers["__streams.errors.offset"]),
        )
        for each in installation.of("dead-letters")
    }
