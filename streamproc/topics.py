"""The typed reader of `topics.yaml`: which event on which topic, keyed by what, kept how long."""

from __future__ import annotations

from collections import Counter
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from streamproc import events
from streamproc.errors import ConfigurationError, Fault

DEAD_LETTERS_EVENT = None  # the one topic that carries bytes of any class
OUTSIDE = frozenset({"backends", "subscribers", "operators"})  # who is no agent of ours
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the fast one, where it is there
Span = Annotated[str, Field(pattern=r"^[1-9][0-9]*[dh]$")]


def _span_ms(span: str) -> int:
    """A span of days or hours in milliseconds."""
    return int(span[:-1]) * (DAY_MS if span.endswith("d") else HOUR_MS)


class _Declared(BaseModel):
    """A declaration that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Topic(_Declared):
    """One topic as declared; `name` is without the installation's prefix."""

    name: str
    event: str | None
    key: str | None
    partitions: PositiveInt
    producers: list[str]
    consumers: list[str]
    retention: Annotated[str, Field(pattern=r"^(forever|[1-9][0-9]*[dh])$")]
    segment: Span
    cleanup: Literal["delete", "compact"]
    largest: PositiveInt
    doc: str
    table: str | None = None

    @property
    def retention_ms(self) -> int | None:
        """How long records are kept in milliseconds, None without limit."""
        return None if self.retention == "forever" else _span_ms(self.retention)

    @property
    def segment_ms(self) -> int:
        """How long one file of the log is written, in milliseconds."""
        return _span_ms(self.segment)

    @property
    def is_outside(self) -> bool:
        """Whether others than our own agents write it."""
        return bool(OUTSIDE & set(self.producers))

    @property
    def max_message_bytes(self) -> int:
        """The largest record that the topic takes, in bytes."""
        return self.largest


class Table(_Declared):
    """One table of an agent; its changelog topic has the same partition count as the topics that feed it."""

    name: str
    agent: str
    partitions: PositiveInt
    segment: Span
    largest: PositiveInt
    doc: str

    @property
    def segment_ms(self) -> int:
        """How long one file of the changelog is written, in milliseconds: only older ones are compacted."""
        return _span_ms(self.segment)

    def changelog(self, app_id: str) -> str:
        """The name that Faust gives the table's changelog topic."""
        return f"{app_id}-{self.name}-changelog"


class Topology(_Declared):
    """All topics and tables, in the order of the file."""

    version: Literal[1]
    topics: tuple[Topic, ...]
    tables: tuple[Table, ...]

    @cached_property
    def by_event(self) -> dict[str, Topic]:
        """Each event class's topic."""
        return {topic.event: topic for topic in self.topics if topic.event is not None}

    @cached_property
    def dead_letters(self) -> Topic:
        """The topic that takes what could not be worked off."""
        return next(topic for topic in self.topics if topic.event is DEAD_LETTERS_EVENT)

    def consumed_by(self, agent: str) -> tuple[Topic, ...]:
        """The topics that one agent reads."""
        return tuple(topic for topic in self.topics if agent in topic.consumers)


def topology_path() -> Path:
    """Where `topics.yaml` lies: in the installed package, or at the top of a checkout."""
    package = Path(__file__).parent
    inside = package / "topics.yaml"
    return inside if inside.exists() else package.parent / "topics.yaml"


def read_topology(path: Path | None = None) -> Topology:
    """The declared topology; raises ConfigurationError with every fault of the file at once.

    The installation's own file is read once.
    """
    return _own_topology() if path is None else _read(path)


@cache
def _own_topology() -> Topology:
    """What the installation's own file declares."""
    return _read(topology_path())


def _read(path: Path) -> Topology:
    """What a file declares."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 - both are safe ones
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            [Fault(str(path), "unreadable", f"must be YAML: {error}")]
        ) from error
    topology = _parsed(raw, path)
    faults = [*_shape_faults(topology), *_table_faults(topology)]
    if faults:
        raise ConfigurationError(faults)
    return topology


def _parsed(raw: object, path: Path) -> Topology:
    """The file's content as models; the mapping's keys become the names."""
    if not isinstance(raw, dict):
        raise ConfigurationError([Fault(str(path), type(raw).__name__, "must be a mapping")])
    named = {section: _named(raw.get(section) or {}) for section in ("topics", "tables")}
    try:
        return Topology.model_validate({**raw, **named})
    except ValidationError as error:
        raise ConfigurationError(
            [
                Fault(".".join(map(str, found["loc"])), repr(found["input"])[:80], found["msg"])
                for found in error.errors()
            ]
        ) from error


def _named(section: object) -> object:
    """A section's bodies with their names inside; what is no mapping is left for the model to refuse."""
    if not isinstance(section, dict):
        return section
    return tuple(
        {"name": name, **body} if isinstance(body, dict) else body for name, body in section.items()
    )


def _shape_faults(topology: Topology) -> list[Fault]:
    """Events that do not exist, keys that are no field, events declared twice, no topic for dead letters."""
    faults = []
    for topic in topology.topics:
        model = getattr(events, topic.event, None) if topic.event else None
        if topic.event and not (isinstance(model, type) and issubclass(model, BaseModel)):
            faults.append(Fault(f"{topic.name}.event", topic.event, "must be an event class"))
        elif model is not None and topic.key not in model.model_fields:
            faults.append(
                Fault(f"{topic.name}.key", str(topic.key), f"must be a field of {topic.event}")
            )
    counts = Counter(topic.event for topic in topology.topics)
    faults += [
        Fault("topics", str(event), "must be declared on exactly one topic")
        for event, count in counts.items()
        if count > 1
    ]
    if counts[DEAD_LETTERS_EVENT] != 1:
        faults.append(Fault("topics", "dead letters", "exactly one topic must have event: null"))
    return faults


def _table_faults(topology: Topology) -> list[Fault]:
    """Topics that feed a table which does not exist, or with another partition count than it."""
    tables = {table.name: table for table in topology.tables}
    faults = []
    for topic in topology.topics:
        if topic.table is None:
            continue
        table = tables.get(topic.table)
        if table is None:
            faults.append(
                Fault(f"{topic.name}.table", topic.table, "must be declared under tables")
            )
        elif table.partitions != topic.partitions:
            rule = f"must equal the {table.partitions} of table {table.name}"
            faults.append(Fault(f"{topic.name}.partitions", str(topic.partitions), rule))
    return faults
