"""The embedded servers: real ones, that keep their records and leave nobody behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streamproc.errors import ConfigurationError
from streamproc.local.guarded import LocalStackError
from streamproc.local.stack import LocalStack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.real

TOPIC = "kept"
PARENT = """
import sys
from pathlib import Path
from streamproc.local.stack import LocalStack
with LocalStack(Path(sys.argv[1])) as stack:
    print(stack.broker.pid, stack.postgres.pid, flush=True)
    sys.stdin.read()
"""


async def write(stack: LocalStack, value: str) -> None:
    """Put a value into both servers."""
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(TOPIC, value.encode())
    finally:
        await producer.stop()
    connection = await asyncpg.connect(stack.dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (value text)")
    await connection.execute("INSERT INTO kept VALUES ($1)", value)
    await connection.close()


async def read(stack: LocalStack) -> tuple[list[str], list[str]]:
    """All values in Kafka and all values in Postgres."""
    consumer = AIOKafkaConsumer(
        TOPIC, bootstrap_servers=stack.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        partition = TopicPartition(TOPIC, 0)
        end = (await consumer.end_offsets([partition]))[partition]
        records = [(await consumer.getone()).value.decode() for _ in range(end)]
    finally:
        await consumer.stop()
    connection = await asyncpg.connect(stack.dsn)
    rows = await connection.fetch("SELECT value FROM kept ORDER BY value")
    await connection.close()
    return records, [row["value"] for row in rows]


async def create_topic(stack: LocalStack) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
    await client.start()
    await client.create_topics([NewTopic(TOPIC, 1, 1)])
    await client.close()


def is_alive(pid: int | None) -> bool:
    assert pid is not None
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_records_and_rows_survive_restarts_and_kills_at_the_same_addresses(
    stack_dir: Path,
) -> None:
    async with LocalStack(stack_dir) as stack:
        await create_topic(stack)
        await write(stack, "1")
        at = stack.bootstrap, stack.dsn
        for server in (stack.broker, stack.postgres):
            before = server.pid
            await asyncio.to_thread(server.kill)
            assert server.pid is None
            await asyncio.to_thread(server.start)
            assert server.pid != before
        await write(stack, "2")
        await asyncio.to_thread(stack.broker.restart)
        await asyncio.to_thread(stack.postgres.restart)
        assert (stack.bootstrap, stack.dsn) == at
    async with LocalStack(stack_dir) as stack:
        assert await read(stack) == (["1", "2"], ["1", "2"])


def test_nothing_is_left_running_after_the_block_and_the_stack_can_start_again(
    stack_dir: Path,
) -> None:
    stack = LocalStack(stack_dir)
    for _ in range(2):
        with stack:
            pids = stack.broker.pid, stack.postgres.pid
            assert all(map(is_alive, pids))
        assert not any(map(is_alive, pids))


def test_a_second_stack_on_the_folder_is_one_sentence_and_does_not_disturb_the_first(
    stack_dir: Path,
) -> None:
    with LocalStack(stack_dir) as stack:
        with pytest.raises(ConfigurationError, match=f"process {os.getpid()}.*{stack_dir}"):
            LocalStack(stack_dir).start()
        assert is_alive(stack.broker.pid)
        assert is_alive(stack.postgres.pid)


def test_no_server_outlives_a_killed_parent_and_its_folder_can_be_used_at_once(
    stack_dir: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, stack_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        servers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        guards = [server.parent() for server in servers]
        parent.kill()
    with LocalStack(stack_dir) as stack:
        assert is_alive(stack.broker.pid)
        assert psutil.wait_procs(servers, timeout=0)[1] == []
    assert psutil.wait_procs([guard for guard in guards if guard], timeout=20)[1] == []


async def test_a_start_that_is_cancelled_leaves_nothing_running(stack_dir: Path) -> None:
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()

    def say(sentence: str) -> None:
        if sentence.startswith("starting Kafka"):
            loop.call_soon_threadsafe(reached.set)

    stack = LocalStack(stack_dir, say=say)
    starting = asyncio.create_task(stack.__aenter__())
    await reached.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert stack.broker.pid is None
    assert stack.postgres.pid is None
    with LocalStack(stack_dir):
        pass


async def test_a_server_that_ends_by_itself_is_noticed_and_named(stack_dir: Path) -> None:
    async with LocalStack(stack_dir) as stack:
        watching = asyncio.create_task(stack.ended())
        await asyncio.to_thread(stack.postgres.kill)
        with pytest.raises(LocalStackError, match="embedded Postgres has ended"):
            await watching


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"broker_properties": {"log.retention.ms": "soon"}}, r"broker.*log\.retention\.ms"),
        ({"postgres_settings": {"max_connections": "many"}}, "Postgres ended .*max_connections"),
    ],
    ids=["broker", "postgres"],
)
def test_a_server_that_cannot_start_says_why_and_the_other_is_stopped(
    stack_dir: Path, wrong: dict[str, dict[str, str]], sentence: str
) -> None:
    make: Callable[[], LocalStack] = partial(LocalStack, stack_dir, **wrong)  # type: ignore[arg-type]
    stack = make()
    with pytest.raises(LocalStackError, match=f"(?s){sentence}"):
        stack.start()
    assert stack.broker.pid is None
    assert stack.postgres.pid is None


def test_the_progress_of_a_start_is_said_while_it_happens(stack_dir: Path) -> None:
    said: list[str] = []
    with LocalStack(stack_dir, say=said.append) as stack:
        text = "\n".join(said)
        assert stack.bootstrap in text
        assert str(stack.postgres.socket_folder) in text
