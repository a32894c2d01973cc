"""The topics that an installation needs, and how what is found differs from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamproc import limits
from streamproc.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamproc.topics import Topology


KEPT_FOR_EVER = "-1"


SEGMENT = "segment.ms"


class WantedTopic(NamedTuple):
    """A topic as it should be on the broker, under its full name."""

    name: str
    partitions: int
    config: Mapping[str, str]


class Plan(NamedTuple):
    """The broker compared with the declaration: what would be created or set, and what differs and is left as it is."""

    missing: tuple[WantedTopic, ...]
    differing: tuple[Fault, ...]
    unset: tuple[WantedTopic, ...] = ()  # the length of whose files is left to the broker

    def faults(self) -> list[Fault]:
        """Everything that keeps a worker from starting; empty when all is as declared."""
        faults = list(self.differing)
        if self.unset:
            names = ", ".join(topic.name for topic in self.unset)
            rule = "must be set, as declared; `streamproc topics apply` sets it"
            faults.append(Fault(SEGMENT, f"the broker's own for {names}", rule))
        if self.missing:
            names = ", ".join(topic.name for topic in self.missing)
            rule = "must all exist; `streamproc topics apply` creates what is missing"
            faults.insert(0, Fault("topics", f"no {names}", rule))
        return faults


class FoundTopic(NamedTuple):
    """A topic as the broker describes it."""

    partitions: int
    config: dict[str, str]
    own: frozenset[str]  # what is set on the topic itself


def wanted_topics(topology: Topology, *, prefix: str, app_id: str) -> tuple[WantedTopic, ...]:
    """All topics of the declaration, then the changelog of each table, under their full names."""
    declared = [
        WantedTopic(
            prefix + topic.name,
            topic.partitions,
            {
                "cleanup.policy": topic.cleanup,
                "retention.ms": _retention(topic.retention_ms),
                SEGMENT: str(topic.segment_ms),
                "max.message.bytes": str(_batch_max_bytes(topic.max_message_bytes)),
            },
        )
        for topic in topology.topics
    ]
    changelogs = [
        WantedTopic(
            table.changelog(app_id),
            table.partitions,
            {
                "cleanup.policy": "compact",
                SEGMENT: str(table.segment_ms),
                "max.message.bytes": str(_batch_max_bytes(table.largest)),
            },
        )
        for table in topology.tables
    ]
    return (*declared, *changelogs)


def _retention(retention_ms: int | None) -> str:
    """Kafka's word for a retention."""
    return KEPT_FOR_EVER if retention_ms is None else str(retention_ms)


def _batch_max_bytes(record_max_bytes: int) -> int:
    """The largest batch that a topic must take: one largest record in its frame, or many small ones together."""
    return max(record_max_bytes + limits.RECORD_FRAME_BYTES, limits.BATCH_MAX_BYTES)


def differences(wanted: WantedTopic, found: FoundTopic) -> Iterable[Fault]:
    """One fault for each thing that is not as declared."""
    if found.partitions != wanted.partitions:
        rule = f"must be {wanted.partitions}, as declared; Kafka cannot take partitions back"
        yield Fault(f"{wanted.name} partitions", str(found.partitions), rule)
    for name, value in wanted.config.items():
        is_unset = name == SEGMENT and SEGMENT not in found.own
        if found.config.get(name) != value and not is_unset:
            rule = f"must be {value}, as declared"
            yield Fault(f"{wanted.name} {name}", found.config.get(name, "nothing"), rule)
