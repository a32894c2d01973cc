"""What can be done to topics, records and offsets."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import OffsetAndMetadata

from streamproc.kafka import admin
from streamproc.kafka.wanted_topics import wanted_topics
from streamproc.topics import read_topology
from tests.faults.environment import DIES_WITHIN_S, ended
from tests.faults.injections.workers import stop_all
from tests.flow.declaring import redeclared

if TYPE_CHECKING:
    from tests.faults.environment import Environment
    from tests.faults.plans.plan import Injection
    from tests.flow.installation import Installation

REPEATS: Final = 4  # beside the one that came by itself
MISUSED: Final = 2  # the exit code of a start that is refused
GROWING: Final = "wallet-sync"
GROWS_BY: Final = 2
SMALL_BYTES: Final = 2000  # less than any result
PARTS: Final = (
    "analysis-accepted",
    "wallet-sync",
    "balance-fetch",
    "wallet-progress",
    "wallet-analyzed",
    "balances-fetched",
    "analysis-ready",
)


async def resend(environment: Environment, injection: Injection) -> None:
    """Every request comes once more."""
    del injection
    await environment.ask()


async def repeat(environment: Environment, injection: Injection) -> None:
    """Every part that has been said until now comes four times more."""
    del injection
    said = [each for each in environment.installation.said if each.topic in PARTS]
    for each in said * REPEATS:
        key = each.key.decode() if each.key is not None else None
        await environment.installation.send(each.topic, key, each.value, each.headers)


async def cancel(environment: Environment, injection: Injection) -> None:
    """Every request is cancelled."""
    del injection
    for name in environment.requests:
        body = {"request_id": name, "reason": "no longer wanted"}
        await environment.installation.send("analysis-cancel-requested", name, body)


async def drift(environment: Environment, injection: Injection) -> None:
    """Parts of another version come: with more fields, without an optional one, and without one that is needed."""
    del injection
    installation = environment.installation
    name, (wallet, *_) = next(iter(environment.requests.items()))
    whole: dict[str, Any] = {"request_id": name, "wallet": wallet, "transactions": 1, "fraction": 0}
    more = {**whole, "colour": "blue", "nested": {"deep": [1, 2]}}
    await installation.send("wallet-progress", name, more)
    # Of a wallet that nobody asked for, so that it decides nothing: without error, watermark, coverage and counts.
    fewer = {"request_id": name, "wallet": "another", "outcome": "excluded"}
    await installation.send("wallet-analyzed", name, fewer)
    needed = {field: value for field, value in whole.items() if field != "wallet"}
    await installation.send("wallet-progress", name, needed)
    await installation.until(lambda: installation.of("dead-letters"), "nothing was diverted")
    letters = {each.value: each for each in installation.of("dead-letters")}
    assert len(letters) == 1, letters
    (letter,) = letters.values()
    assert "wallet" not in letter.event
    assert b"wallet" in letter.headers["__streams.errors.message"], letter.headers


async def shrink(environment: Environment, injection: Injection) -> None:
    """An operator makes the largest record of results small, sees dead letters, repairs that and replays them."""
    del injection
    installation = environment.installation
    topic = installation.prefix + "analysis-completed"

    await configure(installation, topic, {"max.message.bytes": str(SMALL_BYTES)})
    await installation.until(
        lambda: (
            len({each.key for each in installation.of("dead-letters")}) == len(environment.requests)
        ),
        "not every result was diverted",
    )
    assert not installation.of("analysis-completed")
    await configure(installation, topic, {})
    for letter in installation.of("dead-letters"):
        assert letter.key is not None
        source = letter.headers["__streams.errors.topic"].decode().removeprefix(installation.prefix)
        assert source == "analysis-ready"
        await installation.send(source, letter.key.decode(), letter.value, letter.headers)
    environment.undone()


async def rewind(environment: Environment, injection: Injection) -> None:
    """The group's offsets are reset to the start while no worker runs."""
    del injection
    await stop_all(environment)
    await reset_offsets(environment.installation)
    for name in environment.names:
        await environment.run(name)


async def trim(environment: Environment, injection: Injection) -> None:
    """While no worker runs, all records of the table's changelog are deleted."""
    del injection
    environment.kill_all()
    name, count = changelog(environment.installation)
    places = [TopicPartition(name, number) for number in range(count)]
    async with _admin(environment.installation) as client:
        consumer = AIOKafkaConsumer(bootstrap_servers=_brokers(environment.installation))
        await consumer.start()
        ends = await consumer.end_offsets(places)
        await consumer.stop()
        assert any(ends.values()), "there was no table yet"
        # Of a compacted topic the brokers delete no records.
        await configure(environment.installation, name, {"cleanup.policy": "delete"})
        await client.delete_records({tp: RecordsToDelete(end) for tp, end in ends.items()})
        await configure(environment.installation, name, {})
    environment.undone()
    environment.run_all()


async def configure(installation: Installation, topic: str, changes: dict[str, str]) -> None:
    """Give a topic the settings that it should have, with these changes."""
    wanted = wanted_topics(
        read_topology(),
        prefix=installation.prefix,
        app_id=installation.environment["STREAMPROC_APP_ID"],
    )
    config = next({**each.config, **changes} for each in wanted if each.name == topic)
    async with _admin(installation) as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)])


async def unmake(environment: Environment, injection: Injection) -> None:
    """While no worker runs, the table's changelog is deleted: no worker starts until it is made again."""
    del injection
    environment.kill_all()
    name, _ = changelog(environment.installation)
    async with _admin(environment.installation) as client:
        await client.delete_topics([name])
    await refused(environment, name)
    await repaired(environment)


async def widen(environment: Environment, injection: Injection) -> None:
    """While no worker runs, the changelog gets a partition more: no worker starts until it is made anew."""
    del injection
    environment.kill_all()
    name, count = changelog(environment.installation)
    async with _admin(environment.installation) as client:
        await client.create_partitions({name: NewPartitions(count + 1)})
        await refused(environment, name, str(count), str(count + 1))
        await client.delete_topics([name])
    await repaired(environment)


async def grow(environment: Environment, injection: Injection) -> None:
    """While a worker runs, a stage's topic gets partitions; started again, it wants them declared, and goes on."""
    del injection
    topic = next(each for each in read_topology().topics if each.name == GROWING)
    name = environment.installation.prefix + topic.name
    async with _admin(environment.installation) as client:
        await client.create_partitions({name: NewPartitions(topic.partitions + GROWS_BY)})
    await environment.gone("w0")
    await refused(environment, f"{name} partitions", str(topic.partitions + GROWS_BY))
    counts = {topic.name: topic.partitions + GROWS_BY}
    environment.package = await asyncio.to_thread(redeclared, environment.folder / "grown", counts)
    environment.undone()
    await environment.run("w0", wait=False)
    await environment.ask(1)


async def refused(environment: Environment, *words: str) -> None:
    """A worker that is started ends at once, and says why in these words."""
    await environment.run("w0", wait=False)
    await ended(environment.worker("w0"), MISUSED)
    said = environment.installation.log(len(environment.installation.workers) - 1)
    assert all(word in said for word in words), said


async def repaired(environment: Environment) -> None:
    """The topics are applied, as an operator does, and the workers start."""
    installation = environment.installation
    until = time.monotonic() + DIES_WITHIN_S
    while True:  # a topic that was just deleted cannot be made for a moment
        try:
            await admin.apply(
                _brokers(installation),
                read_topology(),
                prefix=installation.prefix,
                app_id=installation.environment["STREAMPROC_APP_ID"],
            )
        except Exception:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(1)
        else:
            break
    environment.undone()
    environment.run_all()


def changelog(installation: Installation) -> tuple[str, int]:
    """The name of the table's changelog and how many partitions it should have."""
    (table,) = read_topology().tables
    return table.changelog(installation.environment["STREAMPROC_APP_ID"]), table.partitions


def _brokers(installation: Installation) -> str:
    return installation.environment["STREAMPROC_KAFKA_BROKERS"]


class _admin:  # noqa: N801 - a context, used as a function
    """A started admin client for the length of a block."""

    def __init__(self, installation: Installation) -> None:
        self._client = AIOKafkaAdminClient(bootstrap_servers=_brokers(installation))

    async def __aenter__(self) -> AIOKafkaAdminClient:
        await self._client.start()
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


async def reset_offsets(installation: Installation) -> None:
    """Commit offset 0 everywhere; waits out the session of members with a name, who leave by its end only."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=_brokers(installation),
        group_id=installation.environment["STREAMPROC_APP_ID"],
        enable_auto_commit=False,
    )
    await consumer.start()
    topics = [each for each in read_topology().topics if each.name != "dead-letters"]
    places = [
        TopicPartition(installation.prefix + topic.name, number)
        for topic in topics
        for number in range(topic.partitions)
    ]
    consumer.assign(places)
    until = time.monotonic() + DIES_WITHIN_S
    try:
        while True:
            try:
                await consumer.commit({place: OffsetAndMetadata(0, "") for place in places})
            except Exception:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(1)
            else:
                return
    finally:
        await consumer.stop()
