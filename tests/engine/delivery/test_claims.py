"""What a former owner of a changelog's partition has on the wire is refused, however late it arrives."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition, client
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TransactionalIdAuthorizationFailed

from streamproc.engine.delivery import producer as producer_module
from streamproc.engine.delivery.claims import Claim
from streamproc.engine.delivery.fence import Fence
from streamproc.engine.delivery.producer import Producer
from streamproc.engine.delivery.refusals import OutputImpossibleError
from streamproc.engine.join.changelog import decode
from streamproc.engine.records import Outgoing
from tests.engine.conftest import PARTITIONS
from tests.engine.wire import Wire, connect_through

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.engine.conftest import Flow

pytestmark = pytest.mark.real


@pytest.fixture
async def wire(broker: str) -> AsyncIterator[Wire]:
    """A wire to the shared broker."""
    wire = Wire(broker)
    await wire.start()
    yield wire
    wire.release()
    await wire.stop()


@pytest.fixture
async def changelog(broker: str, topic_prefix: str) -> str:
    """A changelog of one partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    name = f"{topic_prefix}changelog"
    await admin.create_topics([NewTopic(name, 1, 1, topic_configs={"cleanup.policy": "compact"})])
    await admin.close()
    return name


async def owner(broker: str, changelog: str) -> Producer:
    """The producer of a worker that was just assigned the partition."""
    fence = Fence(3600)
    fence.lift()
    producer = Producer(broker, {}, fence)
    producer.claimed_topics.add(changelog)
    await producer.start([changelog])
    try:
        await producer.claim([(changelog, 0)])
    except BaseException:
        await producer.stop(1)
        raise
    return producer


async def contents(
    broker: str, topic: str, partitions: int = 1
) -> list[tuple[bytes, bytes | None]]:
    """Keys and values of all partitions, up to their ends."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest")
    await consumer.start()
    places = [TopicPartition(topic, n) for n in range(partitions)]
    consumer.assign(places)
    ends = await consumer.end_offsets(places)
    found: list[tuple[bytes, bytes | None]] = []
    async with asyncio.timeout(20):
        for place in places:
            while await consumer.position(place) < ends[place]:
                record = await consumer.getone(place)
                found.append((record.key, record.value))
    await consumer.stop()
    return found


@pytest.mark.parametrize("is_claimed", [True, False], ids=["claimed", "as any other topic"])
async def test_bytes_that_arrive_after_the_successors_are_refused(
    broker: str,
    changelog: str,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    is_claimed: bool,  # noqa: FBT001 - a table's column
) -> None:
    """The other way round the same trial shows that nothing else stops them."""

    def to_changelog(value: str) -> list[Outgoing]:
        return [Outgoing(changelog, b"k", value.encode(), (), 0)]

    with monkeypatch.context() as patch:
        patch.setattr(client, "create_conn", client.create_conn)  # put back in the end
        connect_through(wire.port)
        sleeper = await owner(broker, changelog)
    if not is_claimed:
        sleeper.claimed_topics.clear()
    await sleeper.send(to_changelog("a"))
    wire.hold(changelog)
    late = sleeper.send(to_changelog("late"))
    await asyncio.wait_for(wire.held.wait(), 10)
    sleeper._fence.give_up()

    successor = await owner(broker, changelog)
    await successor.send(to_changelog("b"))
    wire.release()
    await asyncio.wait_for(wire.arrived.wait(), 10)
    await successor.send(to_changelog("c"))

    values = [value for key, value in await contents(broker, changelog) if key == b"k"]
    assert values == ([b"a", b"b", b"c"] if is_claimed else [b"a", b"b", b"late", b"c"])
    if is_claimed:
        assert not late.done()
    await sleeper.stop(1)
    await successor.stop(5)


async def test_who_stops_before_a_batch_is_confirmed_leaves_no_connection_open(
    broker: str, changelog: str, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(client, "create_conn", client.create_conn)  # put back in the end
        connect_through(wire.port)
        producer = await owner(broker, changelog)
    wire.hold(changelog)
    late = producer.send([Outgoing(changelog, b"k", b"late", (), 0)])
    await asyncio.wait_for(wire.held.wait(), 10)
    await producer.stop(0.1)
    assert not late.done()
    stopped: Any = producer._producer
    assert not any(each.connected() for each in stopped.client._conns.values())


async def test_an_owner_whose_batch_failed_writes_on_under_a_new_claim(
    broker: str, changelog: str
) -> None:
    """It may have been written or not: what of it is still under way comes before what follows, or not at all."""
    producer = await owner(broker, changelog)
    await producer.send([Outgoing(changelog, b"k", b"0", (), 0)])
    producer._claims[changelog, 0].taken(5)  # as if five records had been lost on their way
    await producer.send([Outgoing(changelog, b"k", b"1", (), 0)])
    values = [value for key, value in await contents(broker, changelog) if key == b"k"]
    assert values == [b"0", b"1"]
    await producer.stop(5)


async def test_who_may_not_claim_stops_in_a_sentence(
    broker: str, changelog: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_client: object, partition: tuple[str, int]) -> Claim:
        raise TransactionalIdAuthorizationFailed(partition[0])

    monkeypatch.setattr(producer_module, "claimed", refused)
    with pytest.raises(OutputImpossibleError, match="do not allow its transactional ids"):
        await owner(broker, changelog)


def test_sequence_numbers_begin_again_after_the_last_one() -> None:
    claim = Claim(7, 2)
    claim.taken((1 << 31) - 1)
    assert claim.taken(3) == (7, 2, (1 << 31) - 1)
    assert claim.taken(1) == (7, 2, 2)


@pytest.mark.slow
async def test_a_sleepers_state_on_the_wire_does_not_replace_its_successors(
    flow: Flow, wire: Wire
) -> None:
    """One worker sleeps with a state on the wire, the next goes on, the bytes arrive, a third recovers the table."""
    changelog = f"{flow.prefix}app-joined-changelog"
    sleeper = flow.worker(wire=wire.port, work_s=(0.1, 0.5))
    await sleeper.ready()
    wire.hold(changelog)
    (request,) = await flow.ask(1, 10)
    await asyncio.wait_for(wire.held.wait(), 30)
    sleeper.process.send_signal(signal.SIGSTOP)

    successor = flow.worker()
    await successor.ready()
    assert not await flow.answers([request])
    await flow.caught_up()
    wire.release()
    await asyncio.wait_for(wire.arrived.wait(), 10)
    assert await known_of(flow, request) == 10

    successor.kill()
    sleeper.kill()
    third = flow.worker()
    await third.ready()
    await flow.send("worked", request, json.dumps({"part": f"{request}.more"}).encode())
    await flow.producer.flush()
    await flow.caught_up()
    assert await known_of(flow, request) == 11
    assert flow.check_progress([request]) == 0


async def known_of(flow: Flow, request: str) -> int:
    """How many parts the changelog's last state of a request knows, which has ended."""
    kept = dict(await contents(flow.broker, f"{flow.prefix}app-joined-changelog", PARTITIONS))
    state = json.loads(decode(kept[request.encode()] or b"").state or b"")
    assert state["over"]
    return len(state["got"])
