"""Topics on a real broker: created where missing, compared, and altered in one harmless setting alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streamproc import limits
from streamproc.errors import BrokerUnavailableError, ConfigurationError
from streamproc.kafka import admin
from streamproc.kafka.wanted_topics import SEGMENT, Plan, wanted_topics
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.real

TOPOLOGY = read_topology()


def names(prefix: str) -> dict[str, Any]:
    return {"prefix": prefix, "app_id": f"{prefix}app"}


async def create(
    broker: str, name: str, partitions: int, config: Mapping[str, str] | None = None
) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=broker)
    await client.start()
    try:
        await client.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
        while name not in await client.list_topics():  # noqa: ASYNC110 - the broker tells nobody
            await asyncio.sleep(0.01)
    finally:
        await client.close()


async def test_on_an_empty_broker_everything_declared_is_planned_and_nothing_is_changed(
    broker: str, topic_prefix: str
) -> None:
    first = await admin.plan(broker, TOPOLOGY, **names(topic_prefix))
    second = await admin.plan(broker, TOPOLOGY, **names(topic_prefix))
    expected = [topic_prefix + topic.name for topic in TOPOLOGY.topics]
    expected += [table.changelog(f"{topic_prefix}app") for table in TOPOLOGY.tables]
    assert [topic.name for topic in first.missing] == expected
    assert first == second


async def test_applied_topics_are_as_declared_and_a_second_apply_finds_nothing_to_do(
    broker: str, topic_prefix: str
) -> None:
    assert (await admin.apply(broker, TOPOLOGY, **names(topic_prefix))).missing
    assert await admin.check(broker, TOPOLOGY, **names(topic_prefix)) == []
    again = await admin.apply(broker, TOPOLOGY, **names(topic_prefix))
    assert again == Plan((), ())


async def test_applied_topics_take_records_at_once(broker: str, topic_prefix: str) -> None:
    await admin.apply(broker, TOPOLOGY, **names(topic_prefix))
    topic = topic_prefix + TOPOLOGY.topics[0].name
    producer = AIOKafkaProducer(bootstrap_servers=broker, retry_backoff_ms=60_000)
    await producer.start()
    try:
        # With a minute between tries, a partition without a leader would run into the time-out.
        for partition in range(TOPOLOGY.topics[0].partitions):
            sent = producer.send_and_wait(topic, b"x", partition=partition)
            await asyncio.wait_for(sent, 20)
    finally:
        await producer.stop()


async def test_the_largest_declared_record_fits(broker: str, topic_prefix: str) -> None:
    await admin.apply(broker, TOPOLOGY, **names(topic_prefix))
    largest = max(TOPOLOGY.topics, key=lambda topic: topic.max_message_bytes)
    size = largest.max_message_bytes
    producer = AIOKafkaProducer(bootstrap_servers=broker, max_request_size=2 * size)
    await producer.start()
    try:
        sent = await producer.send_and_wait(
            topic_prefix + largest.name, bytes(size), key=b"k" * 64, headers=[("h", b"v" * 1000)]
        )
    finally:
        await producer.stop()
    assert sent.offset == 0


async def test_two_who_apply_at_once_both_succeed(broker: str, topic_prefix: str) -> None:
    both = [admin.apply(broker, TOPOLOGY, **names(topic_prefix)) for _ in range(2)]
    await asyncio.gather(*both)
    assert await admin.check(broker, TOPOLOGY, **names(topic_prefix)) == []


async def test_a_topic_with_other_partitions_is_named_and_left_alone(
    broker: str, topic_prefix: str
) -> None:
    topic = TOPOLOGY.topics[0]
    name = topic_prefix + topic.name
    await create(broker, name, topic.partitions + 1)
    applied = await admin.apply(broker, TOPOLOGY, **names(topic_prefix))
    assert name not in {created.name for created in applied.missing}
    faults = await admin.check(broker, TOPOLOGY, **names(topic_prefix))
    sentences = list(map(str, faults))
    assert sentences[0].startswith(f"{name} partitions: must be {topic.partitions}, as declared")
    assert sentences[0].endswith(f"(found {topic.partitions + 1})")


async def test_each_differing_setting_is_named_with_what_was_expected_and_found(
    broker: str, topic_prefix: str
) -> None:
    topic = next(topic for topic in TOPOLOGY.topics if topic.cleanup == "delete")
    name = topic_prefix + topic.name
    config = {
        "cleanup.policy": "compact",
        "retention.ms": "1000",
        "segment.ms": "3600000",
        "max.message.bytes": str(4 * topic.max_message_bytes),
    }
    await create(broker, name, topic.partitions, config)
    await admin.apply(broker, TOPOLOGY, **names(topic_prefix))
    faults = await admin.check(broker, TOPOLOGY, **names(topic_prefix))
    assert [(fault.field, fault.value) for fault in faults] == [
        (f"{name} {setting}", value) for setting, value in config.items()
    ]
    assert faults[1].rule == f"must be {topic.retention_ms}, as declared"


async def test_an_unset_length_of_files_is_named_and_set_and_nothing_else_is_touched(
    broker: str, topic_prefix: str
) -> None:
    topic = TOPOLOGY.topics[0]
    name = topic_prefix + topic.name
    declared = wanted_topics(TOPOLOGY, **names(topic_prefix))[0].config
    config = {k: v for k, v in declared.items() if k != SEGMENT} | {"flush.messages": "7"}
    await create(broker, name, topic.partitions, config)
    planned = await admin.plan(broker, TOPOLOGY, **names(topic_prefix))
    assert [each.name for each in planned.unset] == [name]
    assert any(fault.field == SEGMENT for fault in planned.faults())
    await admin.apply(broker, TOPOLOGY, **names(topic_prefix))
    assert await admin.check(broker, TOPOLOGY, **names(topic_prefix)) == []
    assert (await effective(broker, name))["flush.messages"] == "7"


async def effective(broker: str, name: str) -> dict[str, str]:
    """A topic's configuration as the broker has it."""
    client = AIOKafkaAdminClient(bootstrap_servers=broker)
    await client.start()
    try:
        asked = [ConfigResource(ConfigResourceType.TOPIC, name)]
        (answer,) = await client.describe_configs(asked)
    finally:
        await client.close()
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


def test_no_record_outlives_what_is_kept_to_answer_it() -> None:
    slack_ms = 3_600_000  # brokers look for old files every few minutes
    for topic in TOPOLOGY.topics:
        if topic is not TOPOLOGY.dead_letters:
            assert topic.retention_ms is not None
            gone_ms = topic.retention_ms + topic.segment_ms + slack_ms
            assert gone_ms <= limits.WORKINGS_KEPT_S * 1000, topic.name
            assert gone_ms <= limits.RESULTS_KEPT_MIN_DAYS * 86_400_000, topic.name


async def test_all_missing_topics_are_one_sentence(broker: str, topic_prefix: str) -> None:
    faults = await admin.check(broker, TOPOLOGY, **names(topic_prefix))
    error = ConfigurationError(faults)
    assert len(faults) == 1
    assert str(error).startswith("topics: must all exist; `streamproc topics apply` creates")
    assert all(topic_prefix + topic.name in str(error) for topic in TOPOLOGY.topics)


async def test_the_changelog_is_compacted_and_has_its_tables_partitions(
    broker: str, topic_prefix: str
) -> None:
    await admin.apply(broker, TOPOLOGY, **names(topic_prefix))
    for table in TOPOLOGY.tables:
        changelog = table.changelog(f"{topic_prefix}app")
        wanted = {topic.name: topic for topic in wanted_topics(TOPOLOGY, **names(topic_prefix))}[
            changelog
        ]
        assert wanted.config["cleanup.policy"] == "compact"
        consumer = AIOKafkaConsumer(changelog, bootstrap_servers=broker)
        await consumer.start()
        try:
            assert len(consumer.partitions_for_topic(changelog) or ()) == table.partitions
        finally:
            await consumer.stop()


async def test_a_name_that_kafka_refuses_ends_in_a_sentence_about_that_topic(broker: str) -> None:
    with pytest.raises(ConfigurationError, match=r"bad/name-.*InvalidTopic"):
        await admin.apply(broker, TOPOLOGY, prefix="bad/name-", app_id="bad-app")


async def test_no_broker_is_an_error_of_the_tree_that_names_the_address() -> None:
    with pytest.raises(BrokerUnavailableError, match=r"127\.0\.0\.1:9"):
        await admin.check("127.0.0.1:9", TOPOLOGY, prefix="", app_id="a")
