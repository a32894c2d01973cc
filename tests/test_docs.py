"""The documentation says what the code does: blocks are the code's own, links lead somewhere, examples run."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer

from streamproc import admin, events, metrics
from streamproc.cli.event_tables import event_tables
from streamproc.cli.markdown import with_block
from streamproc.cli.program import COMMANDS
from streamproc.cli.records import codec_for, now_ms, producing, send_record
from streamproc.cli.settings import settings_table
from streamproc.cli.topology_graph import graph
from streamproc.errors import InvalidInputError
from streamproc.events import AnalysisCompleted, AnalysisRequested
from streamproc.intake import decode_outside
from streamproc.serde import decode
from streamproc.settings import Settings
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(__file__).parents[1]
PAGES = [*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")]
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
USE = re.compile(r"(?:^|[`(;&|] ?)streamproc ([a-z]+)", re.MULTILINE)
PAYLOAD = re.compile(r"`([a-z-]+)`, key[^\n]*\n\n```json\n(.*?)```", re.DOTALL)
EXAMPLE = re.compile(r"<!-- example[^>]*-->\n```sh\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize(
    ("page", "name", "content"),
    [
        ("README.md", "topology", graph(read_topology())),
        ("README.md", "settings", settings_table()),
        ("docs/events.md", "events", event_tables(read_topology())),
    ],
)
def test_a_written_block_is_what_its_command_writes(page: str, name: str, content: str) -> None:
    text = (TOP / page).read_text("utf-8")
    assert with_block(text, name, content) == text


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no marks"):
        with_block("text", "topology", "x")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_every_command_that_is_named_exists(page: Path) -> None:
    assert set(USE.findall(page.read_text("utf-8"))) <= set(COMMANDS)


def test_every_page_of_the_documentation_is_reached_from_the_readme() -> None:
    reached, left = {TOP / "README.md"}, [TOP / "README.md"]
    while left:
        page = left.pop()
        for link in LINK.findall(page.read_text("utf-8")):
            found = (page.parent / link).resolve()
            if found.suffix == ".md" and found not in reached and found.is_file():
                reached.add(found)
                left.append(found)
    lost = {
        page for page in PAGES if page.resolve() not in reached and "decisions" not in page.parts
    }
    assert lost == set()


def test_the_readme_shows_what_the_two_commands_print() -> None:
    text = (TOP / "README.md").read_text("utf-8")
    assert "@@" not in text


def test_the_payloads_of_the_events_page_are_valid() -> None:
    by_topic = {topic.name: topic.event for topic in read_topology().topics}
    payloads = PAYLOAD.findall((TOP / "docs/events.md").read_text("utf-8"))
    assert len(payloads) == 2
    for topic, text in payloads:
        model = getattr(events, str(by_topic[topic]))
        assert json.loads(
            decode(model, text.encode()).model_dump_json(exclude_unset=True)
        ) == json.loads(text)


def test_every_metric_is_explained_and_every_explained_one_exists() -> None:
    text = (TOP / "docs/operations.md").read_text("utf-8")
    named = {name.removesuffix("_total") for name in re.findall(r"`(streamproc_[a-z_]+)", text)}
    there = {getattr(value, "_name", "") for value in vars(metrics).values()} - {""}
    assert named == there


def test_every_reason_of_a_dead_letter_is_explained() -> None:
    text = (TOP / "docs/operations.md").read_text("utf-8")
    raised: set[str] = set()
    for path in (TOP / "streamproc").rglob("*.py"):
        raised |= set(re.findall(r'DeadLetterError\(\s*"([a-z_]+)"', path.read_text("utf-8")))
    assert raised
    assert {reason for reason in raised if f"`{reason}`" not in text} == set()


@pytest.fixture
def installation(broker: str, topic_prefix: str) -> Settings:
    """Topics of one's own on the shared broker."""
    settings = Settings.model_validate(
        {
            "kafka_brokers": broker,
            "topic_prefix": topic_prefix,
            "postgres_dsn": "postgresql:///",
            "app_id": topic_prefix,
        }
    )
    asyncio.run(admin.apply(broker, read_topology(), prefix=topic_prefix, app_id=topic_prefix))
    return settings


@pytest.fixture
def answering(installation: Settings) -> Iterator[list[AnalysisRequested]]:
    """Something that answers the first request as a worker would; what it was asked is kept."""
    asked: list[AnalysisRequested] = []
    thread = threading.Thread(target=lambda: asyncio.run(_answer(installation, asked)))
    thread.start()
    yield asked
    thread.join(timeout=60)


@pytest.mark.real
@pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed")
def test_the_example_for_other_languages_runs_as_it_stands(
    installation: Settings, answering: list[AnalysisRequested], tmp_path: Path
) -> None:
    (example,) = EXAMPLE.findall((TOP / "README.md").read_text("utf-8"))
    (tmp_path / ".streamproc").mkdir()
    (tmp_path / ".streamproc" / "env").write_text(
        f"STREAMPROC_KAFKA_BROKERS={installation.kafka_brokers}\n", "utf-8"
    )
    script = example.replace("-t analysis-", f"-t {installation.topic_prefix}analysis-")
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=90
    )
    key, _, value = done.stdout.splitlines()[-1].partition(" ")
    assert key == "lab-7f3a", done.stderr
    assert decode(AnalysisCompleted, value.encode()).request_id == "lab-7f3a"
    assert [len(request.wallets) for request in answering] == [2]


async def _answer(settings: Settings, asked: list[AnalysisRequested]) -> None:
    """Take one request and publish a result for it."""
    codec = codec_for(settings)
    topic = settings.topic_prefix + codec.topology.by_event["AnalysisRequested"].name
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=settings.kafka_brokers, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        record = await asyncio.wait_for(consumer.getone(), 60)
    finally:
        await consumer.stop()
    asked.append(decode_outside(AnalysisRequested, record.value))
    content: dict[str, Any] = json.loads((TOP / "tests/report/result.json").read_text("utf-8"))
    completed = AnalysisCompleted.model_validate(content | {"request_id": asked[0].request_id})
    async with producing(settings) as producer:
        await send_record(producer, codec.encode(completed, time_ms=now_ms()))
