"""What stands beside odd requests: transactions, poison between agents, floods of cancels, ids that are taken."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import orjson
import psutil
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from solders.keypair import Keypair

from streamproc.engine.records import partition_of
from streamproc.topics import read_topology
from tests.hostile.house import CANCELS, PARTITIONS, REQUESTS
from tests.hostile.raw import Raw, batch, bomb

if TYPE_CHECKING:
    from tests.flow.installation import Installation
    from tests.hostile.house import Attacked

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

AGENTS = {"sync", "balances", "join", "similarity"}
CONSUMED = [
    topic.name
    for topic in read_topology().topics
    if AGENTS & set(topic.consumers) and not topic.is_outside
]


async def streamproc(installation: Installation, *arguments: str) -> tuple[int, str, str]:
    """The command line against this installation: exit code, output, remarks."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamproc", *arguments),
        env=installation.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_of_an_aborted_transaction_nothing_is_ever_said(house: Attacked) -> None:
    aborted, committed = house.name(1), house.name(1)
    topic = house.installation.prefix + REQUESTS
    producer = AIOKafkaProducer(
        bootstrap_servers=house.installation.environment["STREAMPROC_KAFKA_BROKERS"],
        transactional_id=f"{house.installation.prefix}hostile",
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, house.good(aborted), aborted.encode())
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic, house.good(committed), committed.encode())
    finally:
        await producer.stop()
    assert (await house.installation.ending(committed, 40))["status"] == "completed"
    await house.serves()
    ours = [each for each in house.installation.said if each.topic != REQUESTS]
    assert not [each for each in ours if each.key == aborted.encode()]


ODD: list[tuple[bytes | None, dict[str, Any]]] = [
    (None, {}),
    (b"", {}),
    (b"\xff\xfe", {"headers": [(b"\xff", None), (b"ce_subject", None)]}),
    (b"[" * 50_000, {}),
    (b'{"request_id": 7}', {}),
    (b'{"request_id": "x"}', {"key": None, "headers": [(b"traceparent", b"0" * 50_000)]}),
]


@pytest.mark.parametrize("topic", CONSUMED)
async def test_poison_between_agents_costs_itself_alone(house: Attacked, topic: str) -> None:
    key = house.name().encode()
    places = [await house.send(value, topic=topic, **{"key": key, **how}) for value, how in ODD]
    partition = partition_of(key, PARTITIONS)
    places.append(await house.put(bomb("zstd", 100_000_000), topic=topic, partition=partition))
    places.append(
        await house.put(batch([Raw(b"{}", key)], codec="lz4"), topic=topic, partition=partition)
    )
    for place in places:
        await house.letter(place)
    house.lives()


async def test_all_are_served_after_the_poison(house: Attacked) -> None:
    await house.serves()


async def worked_off(house: Attacked, topic: str) -> bool:
    """Whether the group has committed all of a topic."""
    environment = house.installation.environment
    admin = AIOKafkaAdminClient(bootstrap_servers=environment["STREAMPROC_KAFKA_BROKERS"])
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(environment["STREAMPROC_APP_ID"])
    finally:
        await admin.close()
    ends = house.ends[topic]
    full = house.installation.prefix + topic
    committed = {n: found.get(TopicPartition(full, n)) for n in ends}  # none before the first one
    return all(at is not None and at.offset >= ends[n] for n, at in committed.items())


async def test_twenty_thousand_cancels_of_unknown_ids_cost_no_memory(house: Attacked) -> None:
    """Not even for a moment: the worker's memory is looked at all the time while they are worked off."""
    await flood_of_cancels(house, 2_000)  # what any flood takes once: buffers, statements
    worker = psutil.Process(house.installation.workers[0].pid)
    before = worker.memory_info().rss
    house.worker_peak_bytes = 0
    await flood_of_cancels(house, 20_000)
    await house.serves()
    assert house.worker_peak_bytes - before < 20_000_000


async def flood_of_cancels(house: Attacked, count: int) -> None:
    """So many cancels of ids that nobody knows, worked off within a minute."""
    reason = "r" * 490
    for start in range(0, count, 1000):
        partition = start // 1000 % PARTITIONS
        names = [house.name(partition) for _ in range(1000)]
        records = [
            Raw(orjson.dumps({"request_id": name, "reason": reason}), name.encode())
            for name in names
        ]
        place = await house.put(batch(records, codec="zstd"), topic=CANCELS, partition=partition)
        house.ends[CANCELS][partition] = place.offset + len(records)
    async with asyncio.timeout(60):
        while not await worked_off(house, CANCELS):  # noqa: ASYNC110 - the broker is asked
            await asyncio.sleep(0.5)


async def test_a_forged_failure_is_still_one_end(house: Attacked) -> None:
    name = house.name()
    fresh = {"max_age_s": 0, "wallets": house.wallets[3:6]}
    await house.send(house.good(name, **fresh), key=name.encode())
    await house.installation.until(
        lambda: house.installation.of("analysis-accepted", name), "not accepted"
    )
    error = {"code": "internal", "message": "\x1b[31mforged"}
    for wallet in house.wallets[3:6]:
        forged = {
            "request_id": name,
            "wallet": wallet,
            "outcome": "failed",
            "error": error,
            "fatal": True,
        }
        await house.send(orjson.dumps(forged), key=name.encode(), topic="wallet-analyzed")
    await house.installation.ending(name, 60)
    await house.serves()
    ends = house.installation.of("analysis-failed", name) + house.installation.of(
        "analysis-completed", name
    )
    assert len({each.value for each in ends}) == 1


# --- the command line ---


@pytest.mark.parametrize("how", [["--wait"], []])
async def test_submit_says_that_an_id_is_taken(house: Attacked, how: list[str]) -> None:
    name = house.name()
    await house.send(house.good(name), key=name.encode())
    await house.installation.ending(name, 30)
    code, _, remarks = await streamproc(
        house.installation, "submit", "--request-id", name, *how, *house.wallets[2:4]
    )
    assert code == 1
    assert "request_id_reused" in remarks


async def test_the_result_of_a_rejected_request_is_its_faults(house: Attacked) -> None:
    name = house.name()
    await house.send(house.good(name, deadline_s=0, wallets=["x"]), key=name.encode())
    assert (await house.installation.ending(name))["status"] == "rejected"
    code, _, remarks = await streamproc(house.installation, "result", name)
    assert code == 1
    assert "wallets.0: must be base58" in remarks
    assert "deadline_s: must be at least 1" in remarks
    watched, _, remarks = await streamproc(house.installation, "watch", name, "--timeout-s", "20")
    assert watched == 1
    assert "deadline_s: must be at least 1" in remarks


async def test_skip_is_refused_while_a_worker_runs_and_steps_over_one_record_else(
    house: Attacked,
) -> None:
    installation = house.installation
    code, _, remarks = await streamproc(installation, "skip", REQUESTS, "0", "0")
    assert code == 2
    assert "must be stopped" in remarks
    await installation.stop_workers()
    installation.workers.clear()
    place = await house.send(b"no json", key=house.name(0).encode())
    behind = house.name(0)
    await house.send(house.good(behind), key=behind.encode())
    nowhere = await streamproc(installation, "skip", REQUESTS, "99", "0")
    assert nowhere[0] == 2
    assert f"partition: must be one of 0 to {PARTITIONS - 1} (found 99)" in nowhere[2]
    wrong = await streamproc(installation, "skip", REQUESTS, "0", str(place.offset + 1))
    assert wrong[0] == 2
    assert str(place.offset) in wrong[2]
    dry = await streamproc(installation, "skip", REQUESTS, "0", str(place.offset), "--dry-run")
    assert dry[0] == 0
    assert house.letter_of(place) is None
    done = await streamproc(
        installation, "skip", place.topic, "0", str(place.offset), "--output", "json"
    )
    assert done[0] == 0, done[2]
    letter = await house.letter(place)
    assert (letter.headers["x-reason"], letter.value) == (b"skipped", b"no json")
    assert json.loads(done[1])["dead_letter"]["offset"] == letter.offset
    await installation.ready_worker()
    assert (await installation.ending(behind))["status"] == "completed"
    letters = [each for each in installation.of("dead-letters") if each.value == b"no json"]
    assert len(letters) == 1


# --- the end ---


async def test_after_a_burst_of_one_producer_another_one_is_served(house: Attacked) -> None:
    """A thousand requests of wallets that nobody knows, then one whose sender shares nothing with them.

    The last test of the house: nothing is promised about when the burst ends, and nobody comes after it.
    """
    wallets = [str(Keypair().pubkey()) for _ in range(2)]
    burst: set[bytes | None] = set()
    for partition in range(PARTITIONS):
        names = [house.name(partition) for _ in range(1000 // PARTITIONS)]
        records = [
            Raw(house.good(name, wallets=wallets), name.encode(), [(b"ce_source", b"/burst")])
            for name in names
        ]
        await house.put(batch(records), partition=partition)
        burst.update(name.encode() for name in names)
    other = house.name()
    place = await house.send(
        house.good(other), key=other.encode(), headers=[(b"ce_source", b"/other")]
    )
    assert await house.answered(place, other, within_s=60) == "completed"

    def ended() -> set[bytes | None]:
        return {each.key for each in house.installation.of("analysis-completed")} & burst

    assert len(ended()) < len(burst) / 2, "it waited for most of the burst"
    await house.installation.until(ended, "the burst does not get on")
    house.lives()
