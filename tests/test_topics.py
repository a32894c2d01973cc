"""`topics.yaml` declares every event once, and a wrong declaration is refused with all its faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from streamproc import events, limits
from streamproc.errors import ConfigurationError
from streamproc.events import Event
from streamproc.topics import Topology, read_topology, topology_path

GOOD: dict[str, Any] = {
    "version": 1,
    "topics": {
        "asked": {
            "event": "AnalysisRequested",
            "key": "request_id",
            "partitions": 2,
            "producers": ["backends"],
            "consumers": ["join"],
            "retention": "7d",
            "segment": "6h",
            "cleanup": "delete",
            "largest": 1000,
            "table": "state",
            "doc": "A request.",
        },
        "dead": {
            "event": None,
            "key": None,
            "partitions": 1,
            "producers": [],
            "consumers": [],
            "retention": "forever",
            "segment": "6h",
            "cleanup": "delete",
            "largest": 1000,
            "doc": "Dead letters.",
        },
    },
    "tables": {
        "state": {
            "agent": "join",
            "segment": "1h",
            "partitions": 2,
            "largest": 1000,
            "doc": "State.",
        }
    },
}


def written(folder: Path, content: object) -> Path:
    """A declaration as a file."""
    path = folder / "topics.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def changed(topic: str | None, **changes: object) -> dict[str, Any]:
    """The good declaration with one topic's keys changed; None as a topic changes the top level."""
    copy: dict[str, Any] = yaml.safe_load(yaml.safe_dump(GOOD))
    place = copy if topic is None else copy["topics"][topic]
    place.update(changes)
    return copy


@pytest.fixture(scope="module")
def topology() -> Topology:
    return read_topology()


def test_every_event_class_has_exactly_one_topic(topology: Topology) -> None:
    classes = {
        name
        for name, value in vars(events).items()
        if isinstance(value, type) and issubclass(value, Event)
    } - {"Event", "OutsideEvent"}
    assert set(topology.by_event) == classes | {"AnalysisRequested"}


def test_topics_that_feed_one_table_have_its_partition_count(topology: Topology) -> None:
    tables = {table.name: table.partitions for table in topology.tables}
    feeding = [topic for topic in topology.topics if topic.table is not None]
    assert feeding
    assert all(topic.partitions == tables[str(topic.table)] for topic in feeding)


def test_what_feeds_the_join_is_keyed_by_request(topology: Topology) -> None:
    assert {topic.key for topic in topology.consumed_by("join")} == {"request_id"}


def test_only_the_sync_of_wallets_is_keyed_by_wallet(topology: Topology) -> None:
    assert [topic.event for topic in topology.topics if topic.key == "wallet"] == [
        "WalletSyncRequested"
    ]


def test_results_and_dead_letters_may_be_as_large_as_an_event(topology: Topology) -> None:
    assert topology.by_event["AnalysisCompleted"].max_message_bytes > limits.EVENT_MAX_BYTES
    assert topology.dead_letters.max_message_bytes > limits.EVENT_MAX_BYTES


def test_no_topic_name_is_written_in_python(topology: Topology) -> None:
    names = {topic.name for topic in topology.topics} | {table.name for table in topology.tables}
    package = Path(events.__file__).parents[1]
    found = [
        f"{path.relative_to(package)}: {name}"
        for path in package.rglob("*.py")
        for name in sorted(names)
        if f'"{name}"' in path.read_text(encoding="utf-8")
    ]
    assert found == []


def test_every_topic_has_a_reader_and_a_sentence(topology: Topology) -> None:
    assert all(topic.consumers and topic.producers for topic in topology.topics)
    assert all(topic.doc.endswith(".") for topic in topology.topics)


def test_a_good_declaration_reads(tmp_path: Path) -> None:
    topology = read_topology(written(tmp_path, GOOD))
    asked, dead = topology.topics
    assert (asked.name, asked.retention_ms) == ("asked", 7 * 86_400_000)
    assert asked.segment_ms == 6 * 3_600_000
    assert dead.retention_ms is None
    assert topology.tables[0].changelog("app") == "app-state-changelog"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (changed("asked", colour="red"), "colour"),
        (changed("asked", partitions=0), "partitions"),
        (changed("asked", partitions="4"), "partitions"),
        (changed("asked", retention="7w"), "retention"),
        (changed("asked", cleanup="burn"), "cleanup"),
        (changed("asked", event="NoSuchEvent"), "asked.event"),
        (changed("asked", key="wallet"), "asked.key"),
        (changed("asked", table="nothing"), "asked.table"),
        (changed("asked", partitions=3), "asked.partitions"),
        (changed("dead", event="AnalysisRequested", key="request_id"), "topics"),
        (changed(None, version=2), "version"),
        (changed(None, extra={}), "extra"),
        ([], "topics.yaml"),
        ("text", "topics.yaml"),
    ],
)
def test_a_wrong_declaration_names_what_is_wrong(
    content: object, names: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_topology(written(tmp_path, content))
    assert any(names in fault.field for fault in caught.value.faults), caught.value


def test_all_faults_of_a_declaration_come_at_once(tmp_path: Path) -> None:
    content = changed("asked", event="NoSuchEvent", table="nothing")
    with pytest.raises(ConfigurationError) as caught:
        read_topology(written(tmp_path, content))
    assert {fault.field for fault in caught.value.faults} >= {"asked.event", "asked.table"}


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"topics: [unclosed", b""])
def test_what_is_no_yaml_mapping_is_a_configuration_error(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigurationError):
        read_topology(path)


@pytest.mark.parametrize("section", ["topics", "tables"])
@pytest.mark.parametrize("content", [["a", "b"], "text", 3])
def test_a_section_that_is_no_mapping_is_a_configuration_error(
    section: str, content: object, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError):
        read_topology(written(tmp_path, changed(None, **{section: content})))


def test_an_absent_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        read_topology(tmp_path / "nowhere.yaml")


def test_the_declaration_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert topology_path().is_file()
