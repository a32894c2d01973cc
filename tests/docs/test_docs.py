"""The documentation says what the code does: blocks are the code's own, links lead somewhere, examples run."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from streamproc import events, metrics
from streamproc.cli.commands.settings import settings_table
from streamproc.cli.program import COMMANDS
from streamproc.cli.views.event_tables import event_tables, result_tables
from streamproc.cli.views.markdown import with_block
from streamproc.cli.views.topology_graph import graph
from streamproc.errors import InvalidInputError
from streamproc.events import AnalysisCompleted
from streamproc.sandbox.world.world import World
from streamproc.serde import decode
from streamproc.topics import read_topology
from tests.docs.rooms import rooms_table
from tests.flow.conftest import served, upstream_settings
from tests.flow.installation import installed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.sandbox.service.server import Sandbox
    from tests.flow.installation import Installation

TOP = Path(__file__).parents[2]
PAGES = [*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")]
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|sql|yaml|toml)|(?:[a-z_]+/)+)`")
DEFINED = re.compile(r"`([a-z_/]+\.py)` \(`(\w+)`\)")
USE = re.compile(r"(?:^|[`(;&|] ?)streamproc ([a-z]+)", re.MULTILINE)
PAYLOAD = re.compile(r"`([a-z-]+)`, key[^\n]*\n\n```json\n(.*?)```", re.DOTALL)
EXAMPLE = re.compile(r"<!-- example[^>]*-->\n```sh\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize(
    ("page", "name", "content"),
    [
        ("README.md", "topology", graph(read_topology())),
        ("docs/settings.md", "settings", settings_table()),
        ("docs/events.md", "events", event_tables(read_topology())),
        ("docs/result.md", "result", result_tables(read_topology())),
        ("docs/architecture.md", "rooms", rooms_table()),
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
def test_every_path_in_code_style_is_one_of_the_checkout(page: Path) -> None:
    """From the top of the checkout or of the package; a history of what changed names what is gone."""
    if page.name != "CHANGELOG.md":
        paths = PATH.findall(page.read_text("utf-8"))
        places = (TOP, TOP / "streamproc", page.parent)
        assert [path for path in paths if not any((top / path).exists() for top in places)] == []


def test_what_one_looks_for_first_is_defined_where_the_page_of_the_architecture_says() -> None:
    opening = (TOP / "docs/architecture.md").read_text("utf-8").split("## ")[0]
    found = DEFINED.findall(opening)
    assert len(found) > 1
    assert [each for each in found if f"def {each[1]}(" not in (TOP / each[0]).read_text()] == []


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


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(shutil.which, ("kcat", "curl", "jq"))), reason="kcat, curl or jq is not installed"
)
async def test_the_example_for_other_languages_runs_as_it_stands_also_twice(
    broker: str, store_dsn: str, topic_prefix: str, tmp_path: Path
) -> None:
    (example,) = EXAMPLE.findall((TOP / "README.md").read_text("utf-8"))
    script = example.replace("-t analysis-", f"-t {topic_prefix}analysis-")
    (tmp_path / ".streamproc").mkdir(mode=0o700)
    places = Places(broker, store_dsn, topic_prefix, tmp_path)
    with served(World(seed=1, wallets=3, transactions=(5, 9))) as sandbox:
        written = (
            f"STREAMPROC_KAFKA_BROKERS={broker}\nSTREAMPROC_HELIUS_RPC_URL={sandbox.rpc_url}\n"
        )
        (tmp_path / ".streamproc" / "env").write_text(written, "utf-8")
        async with at_work(places, sandbox) as worked:
            said = [await asyncio.to_thread(shell, script, tmp_path) for _ in range(2)]
            again = worked.of("analysis-completed", "lab-7f3a")
    result = decode(AnalysisCompleted, again[0].value)
    pairs = [f"{each['wallet_a']} {each['wallet_b']} " for each in result.pairs]
    assert len(pairs) == 3
    for done in said:
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()[-3:]
        assert [line.startswith(pair) for line, pair in zip(lines, pairs, strict=True)] == [
            True
        ] * 3
    assert len({each.value for each in again}) == 1


class Places(NamedTuple):
    """Where an installation lives."""

    broker: str
    dsn: str
    prefix: str
    folder: Path


@asynccontextmanager
async def at_work(places: Places, sandbox: Sandbox) -> AsyncIterator[Installation]:
    """An installation with a worker that has its partitions."""
    async with installed(upstream=upstream_settings(sandbox), **places._asdict()) as installation:
        await installation.ready_worker()
        yield installation


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The script run in that folder, within the time that the example takes at most."""
    return subprocess.run(
        ["sh", "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=40
    )
