"""More partitions, step by step as the page on operations says."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from streamproc.engine.records import partition_of
from streamproc.topics import read_topology
from tests.flow.declaring import redeclared

if TYPE_CHECKING:
    from tests.flow.installation import Installation
    from tests.forked import Process

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

PAGE: Final = Path(__file__).parents[3] / "docs" / "operations.md"
COUNT: Final = 6
NOT_STARTED: Final = 2


def steps() -> list[list[str]]:
    """The commands of the page, in its order."""
    section = PAGE.read_text(encoding="utf-8").partition("## More partitions")[2]
    found = re.search(r"```\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return [shlex.split(line) for line in found[1].splitlines()]


async def run(environment: dict[str, str], words: list[str]) -> tuple[int, str]:
    """A command of streamproc: its exit code and all that it prints."""
    command = [sys.executable, "-m", *words]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        env={**environment, "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def alter(environment: dict[str, str], words: list[str]) -> None:
    """What Kafka's own tool does with these words."""
    said = dict(pairwise(words))
    admin = AIOKafkaAdminClient(bootstrap_servers=environment["STREAMPROC_KAFKA_BROKERS"])
    await admin.start()
    try:
        count = NewPartitions(int(said["--partitions"]))
        answer = await admin.create_partitions({said["--topic"]: count})
        assert [error[1] for error in answer.topic_errors] == [0], answer
    finally:
        await admin.close()


async def ask(installation: Installation, names: list[str], wallets: list[str]) -> None:
    """Ask as a backend does that has just started: it knows how many partitions there are."""
    brokers = installation.environment["STREAMPROC_KAFKA_BROKERS"]
    async with AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        for name in names:
            body = orjson.dumps({"request_id": name, "wallets": wallets})
            topic = installation.prefix + "analysis-requested"
            await producer.send_and_wait(topic, body, name.encode())


async def ended(environment: dict[str, str], names: list[str]) -> None:
    """Return when these requests are completed; the table knows, wherever their records lie."""
    words = ["streamproc", "list", "--output", "json"]
    async with asyncio.timeout(60):
        while True:
            _, text = await run(environment, words)
            rows = {row["request_id"]: row["status"] for row in json.loads(text)}
            if all(rows.get(name) == "completed" for name in names):
                return
            await asyncio.sleep(0.5)


async def left(worker: Process) -> None:
    """The worker is asked to stop and does."""
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, 30) == 0


async def test_more_partitions_as_the_page_says(
    installation: Installation, wallets: list[str], tmp_path: Path
) -> None:
    running, check, tool, again = steps()
    few = wallets[:2]
    worker = await installation.ready_worker()
    await ask(installation, ["before"], few)
    await ended(installation.environment, ["before"])
    assert "before" not in (await run(installation.environment, running))[1]
    await left(worker)

    topology = read_topology()
    names = [topic.name for topic in topology.topics] + [table.name for table in topology.tables]
    declared = redeclared(tmp_path / "declared", dict.fromkeys(names, COUNT))
    environment = {**installation.environment, "PYTHONPATH": declared}
    code, text = await run(environment, [*check, "--output", "json"])
    assert code == 1
    fewer = [fault["field"].removesuffix(" partitions") for fault in json.loads(text)["faults"]]
    changelogs = [each.changelog(environment["STREAMPROC_APP_ID"]) for each in topology.tables]
    assert sorted(fewer) == sorted(
        [installation.prefix + each.name for each in topology.topics] + changelogs
    )
    assert (await run(environment, ["streamproc", "topics", "apply"]))[0] == 1
    refused = installation.start_worker(PYTHONPATH=declared)
    assert await asyncio.to_thread(refused.wait, 30) == NOT_STARTED
    for name in fewer:
        words = {"TOPIC": name, "COUNT": str(COUNT)}
        await alter(environment, [words.get(word, word) for word in tool])
    assert (await run(environment, again))[0] == 0

    await installation.ready_worker(PYTHONPATH=declared)
    homes = {partition_of(f"after-{n}".encode(), COUNT): f"after-{n}" for n in range(40)}
    assert len(homes) == COUNT
    await ask(installation, [*homes.values(), "before"], few)
    await ended(environment, list(homes.values()))
    assert (await run(environment, ["streamproc", "result", "before"]))[0] == 0
