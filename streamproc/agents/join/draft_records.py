"""The draft of an end as records, which is how the changelog keeps it: their order says who publishes the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamproc.agents.shared.records import encoded
from streamproc.core.join.end_draft import EndDraft

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamproc.core.join.end_draft import Publisher
    from streamproc.engine import Outgoing
    from streamproc.events import Event
    from streamproc.serde import Encoded


class KeptDraft(NamedTuple):
    """A draft that was read back, and the records that are published before the end, whatever it is."""

    before: list[Outgoing]
    publisher: Publisher
    terminal: Encoded  # the draft itself
    progress: Encoded | None  # None where the similarity agent publishes


def in_order(events: Sequence[Event | EndDraft]) -> Iterator[Event]:
    """The events, with a draft of an end as its events: progress after it, before it, or none at all."""
    for event in events:
        if not isinstance(event, EndDraft):
            yield event
            continue
        if event.publisher == "stand_in" and event.progress is not None:
            yield event.progress
        yield event.failed
        if event.publisher == "join" and event.progress is not None:
            yield event.progress


def draft_in(records: list[Outgoing], terminal_topic: str) -> KeptDraft | None:
    """The draft among the records of one request, if there is one: a record on the topic of failed requests."""
    at = next((n for n, each in enumerate(records) if each.topic == terminal_topic), None)
    if at is None:
        return None
    terminal = encoded(records[at])
    if at < len(records) - 1:
        return KeptDraft(records[:at], "join", terminal, encoded(records[at + 1]))
    if at == 0:
        return KeptDraft([], "similarity", terminal, None)
    return KeptDraft(records[: at - 1], "stand_in", terminal, encoded(records[at - 1]))
