"""The producer on the real broker: one confirmation for a call, order within a partition, refusals, giving up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    OutOfOrderSequenceNumber,
    RequestTimedOutError,
)

from streamproc import limits
from streamproc.engine.delivery.fence import Fence, FencedError
from streamproc.engine.delivery.producer import Producer
from streamproc.engine.delivery.refusals import OutputImpossibleError, OutputRefusedError
from streamproc.engine.records import Outgoing
from streamproc.errors import BrokerUnavailableError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.real


@pytest.fixture
async def topic(broker: str, topic_prefix: str) -> str:
    """A topic with two partitions that takes records of at most 100 kB."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    name = f"{topic_prefix}out"
    small = {"max.message.bytes": "100000"}
    await admin.create_topics([NewTopic(name, 2, 1, topic_configs=small)])
    await admin.close()
    return name


def up() -> Fence:
    """The fence of a worker that has its partitions."""
    fence = Fence(3600)
    fence.lift()
    return fence


def batch_of(producer: Any, value: bytes) -> Any:  # noqa: ANN401 - aiokafka ships no types
    """A batch with one record."""
    batch = producer.create_batch()
    batch.append(key=b"k", value=value, timestamp=0)
    return batch


@pytest.fixture
async def producer(broker: str, topic: str) -> AsyncIterator[Producer]:
    """A started producer that knows the topic."""
    producer = Producer(broker, {}, up())
    await producer.start([topic])
    yield producer
    await producer.stop(5)


async def contents(broker: str, topic: str, count: int) -> list[list[bytes | None]]:
    """The values of a topic by partition, once there are so many."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0), TopicPartition(topic, 1)])
    values: list[list[bytes | None]] = [[], []]
    async with asyncio.timeout(20):
        while sum(map(len, values)) < count:
            record = await consumer.getone()
            values[record.partition].append(record.value)
    await consumer.stop()
    return values


async def test_a_call_is_done_when_all_its_records_are_in_the_log(
    broker: str, topic: str, producer: Producer
) -> None:
    records = [
        Outgoing(topic, b"%d" % number, b"v", (("h", b"1"),), None, 1234) for number in range(50)
    ]
    await producer.send(records)
    assert min(map(len, await contents(broker, topic, 50))) > 0
    assert producer.is_idle


async def test_records_of_a_partition_keep_the_order_of_the_calls(
    broker: str, topic: str, producer: Producer
) -> None:
    futures = [
        producer.send([Outgoing(topic, b"key", b"%d" % number, (), 1)]) for number in range(500)
    ]
    await asyncio.gather(*futures)
    values = (await contents(broker, topic, 500))[1]
    assert values == [b"%d" % number for number in range(500)]


async def test_keys_go_where_every_kafka_client_puts_them(
    broker: str, topic: str, producer: Producer
) -> None:
    plain = AIOKafkaProducer(bootstrap_servers=broker)
    await plain.start()
    keys = [b"%d" % number for number in range(20)]
    for key in keys:
        await plain.send_and_wait(topic, key=key, value=key)
    await plain.stop()
    await producer.send([Outgoing(topic, key, key) for key in keys])
    for partition in await contents(broker, topic, 40):
        assert len(partition) == 2 * len(set(partition))


async def test_a_refused_record_fails_its_call_alone(
    broker: str, topic: str, producer: Producer
) -> None:
    good = [producer.send([Outgoing(topic, b"k", b"%d" % number, (), 0)]) for number in range(5)]
    bad = producer.send([Outgoing(topic, b"k", b"x" * 200_000, (), 0)])
    good += [
        producer.send([Outgoing(topic, b"k", b"%d" % number, (), 0)]) for number in range(5, 9)
    ]
    await asyncio.gather(*good)
    with pytest.raises(OutputRefusedError):
        await bad
    values = (await contents(broker, topic, 9))[0]
    assert values == [b"%d" % number for number in range(9)]


async def test_a_topic_that_is_gone_fails_the_calls_in_a_sentence(
    producer: Producer, broker: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TOPIC_WAIT_S", 1.0)
    await producer.send([Outgoing(topic, b"k", b"before")])
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    await admin.delete_topics([topic])
    await admin.close()
    async with asyncio.timeout(100):
        with pytest.raises(OutputImpossibleError, match="does not exist"):
            await producer.send([Outgoing(topic, b"k", b"after")])


async def test_what_is_no_record_and_what_was_not_declared_is_refused(producer: Producer) -> None:
    with pytest.raises(OutputRefusedError, match="not declared"):
        await producer.send([Outgoing("elsewhere", b"k", b"v")])
    assert producer.is_idle


async def test_a_cancelled_call_is_not_sent(broker: str, topic: str, producer: Producer) -> None:
    given_up = producer.send([Outgoing(topic, b"k", b"no", (), 0)])
    given_up.cancel()
    await producer.send([Outgoing(topic, b"k", b"yes", (), 0)])
    assert (await contents(broker, topic, 1))[0] == [b"yes"]


@pytest.mark.parametrize(
    "error",
    [
        OutOfOrderSequenceNumber(),
        KafkaTimeoutError(),  # the producer's buffer stayed full
        RequestTimedOutError(),
        NotEnoughReplicasError(),
        RuntimeError("anything"),
    ],
)
async def test_a_failed_batch_is_sent_again_by_a_new_producer_before_what_follows(
    broker: str,
    topic: str,
    producer: Producer,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A producer that has failed a batch has lost count of its sequence numbers."""
    monkeypatch.setattr(limits, "RETRY_FIRST_S", 0.001)
    before = producer._producer
    deliver, fails = Producer._deliver, 2

    async def deliver_at_last(producer: object, batch: object, partition: tuple[str, int]) -> int:
        nonlocal fails
        if fails:
            fails -= 1
            raise error
        return await deliver(producer, batch, partition)

    monkeypatch.setattr(Producer, "_deliver", staticmethod(deliver_at_last))
    futures = [producer.send([Outgoing(topic, b"k", b"%d" % n, (), 0)]) for n in range(20)]
    await asyncio.gather(*futures)
    assert producer._producer is not before
    assert (await contents(broker, topic, 20))[0] == [b"%d" % n for n in range(20)]


async def test_nothing_leaves_while_the_fence_is_down(broker: str, topic: str) -> None:
    fence = Fence(3600)  # of a worker without an assignment
    producer = Producer(broker, {}, fence)
    await producer.start([topic])
    sent = producer.send([Outgoing(topic, b"k", b"v", (), 0)])
    await asyncio.sleep(0.3)
    assert not sent.done()
    sent.cancel()
    fence.lift()
    await producer.emptied(5)
    await producer.send([Outgoing(topic, b"k", b"after", (), 0)])
    assert (await contents(broker, topic, 1))[0] == [b"after"]
    assert await producer.is_broker_reachable()
    await producer.stop(5)


async def test_what_was_handed_to_the_producer_before_a_sleep_is_refused_on_its_connection(
    broker: str, topic: str, producer: Producer
) -> None:
    """And comes whole, once and in order, when the partitions are ours again."""
    await producer.send([Outgoing(topic, b"k", b"0", (), 0)])
    before = producer._producer
    assert before is not None
    handed = await before.send_batch(batch_of(before, b"handed over"), topic, partition=0)
    producer._fence.give_up()  # before the producer's own task has run
    with pytest.raises(FencedError):
        await handed
    waiting = [producer.send([Outgoing(topic, b"k", b"%d" % n, (), 0)]) for n in range(1, 20)]
    await asyncio.sleep(0.3)
    assert not any(future.done() for future in waiting)
    producer._fence.lift()
    await asyncio.gather(*waiting)
    assert (await contents(broker, topic, 20))[0] == [b"%d" % n for n in range(20)]
    assert producer._producer is not before, "it has lost count of its sequence numbers"


async def test_a_stop_does_not_wait_for_what_may_not_be_written(broker: str, topic: str) -> None:
    fence = up()
    producer = Producer(broker, {}, fence)
    await producer.start([topic])
    fence.give_up()
    sent = producer.send([Outgoing(topic, b"k", b"v", (), 0)])
    async with asyncio.timeout(30):
        await producer.stop(3600)
    assert not sent.done()


async def test_a_start_without_brokers_says_so() -> None:
    producer = Producer("127.0.0.1:1", {}, up())
    with pytest.raises(BrokerUnavailableError, match="do not answer"):
        await producer.start([])
    assert not await producer.is_broker_reachable()


async def test_a_start_without_a_topic_names_it(
    broker: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TOPIC_WAIT_S", 0.5)
    producer = Producer(broker, {}, up())
    with pytest.raises(ConfigurationError) as error:
        await producer.start([topic, f"{topic}-missing"])
    assert [fault.value for fault in error.value.faults] == [f"{topic}-missing"]
    await producer.stop(1)


def test_a_size_error_is_what_the_brokers_call_it() -> None:
    """The class that the producer takes for final is the one that aiokafka makes of the brokers' answer 10."""
    assert MessageSizeTooLargeError.errno == 10
