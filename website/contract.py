"""Pages of the published contract: every event, field by field, from `schemas/` and `asyncapi.yaml`."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import yaml

from streamproc.cli.views.event_tables import record_tables
from streamproc.cli.views.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]
RESULT: Final = "AnalysisCompleted"  # described by a page of its own
EVENTS: Final = "contract/events"
DAY_MS: Final = 86_400_000
KIB: Final = 1024
LONGEST_EXAMPLE: Final = 4000  # characters; a longer one is linked and not shown


def read_contract(top: Path) -> Json:
    """The AsyncAPI document of a checkout."""
    document: Json = yaml.safe_load((top / "asyncapi.yaml").read_text("utf-8"))
    return document


def topics_table(document: Json) -> str:
    """All topics: what is on each, who writes and reads it, how long records stay and how large they may be."""
    rows = []
    for topic, channel in document["channels"].items():
        (event,) = channel["messages"]
        page = f"[{event}]({place_of(event)})" if _has_schema(document, event) else event
        rows.append([f"`{topic}`", page, channel["description"], *_bounds(channel)])
    return table(["topic", "event", "what it says", "partitions", "kept", "largest"], rows)


def place_of(event: str) -> str:
    """Where the event's page lies, from the page of all topics."""
    return "../result.md" if event == RESULT else f"events/{event}.md"


def event_pages(top: Path, document: Json) -> Iterator[tuple[str, str]]:
    """Every event's page but the result's: its place in the site, and its Markdown."""
    for topic, channel in document["channels"].items():
        (event,) = channel["messages"]
        if event != RESULT and _has_schema(document, event):
            yield f"{EVENTS}/{event}.md", _page(top, document, topic, event)


def _has_schema(document: Json, event: str) -> bool:
    """Whether the event is JSON by a schema; a dead letter is not."""
    return "$ref" in document["components"]["messages"][event].get("payload", {})


def _page(top: Path, document: Json, topic: str, event: str) -> str:
    """One event: what it says, where it is, its fields, an example of each outcome."""
    channel = document["channels"][topic]
    key = document["components"]["messages"][event]["bindings"]["kafka"]["key"]["description"]
    schema = json.loads((top / f"schemas/{event}.json").read_text("utf-8"))
    partitions, kept, largest = _bounds(channel)
    facts = [
        ["key", key],
        ["written by", _agents(document, topic, "send") or "backends"],
        ["read by", _agents(document, topic, "receive") or "backends and subscribers"],
        ["partitions", partitions],
        ["kept", kept],
        ["largest record", largest],
        ["schema", f"[schemas/{event}.json](../../files/schemas/{event}.json)"],
    ]
    fields = record_tables(schema).replace("## Top", "## Fields", 1).replace("\n## `", "\n### `")
    parts = [f"# {event}", schema["description"], table(["topic", f"`{topic}`"], facts), fields]
    return "\n\n".join([*parts, *_examples(top, event)]) + "\n"


def _bounds(channel: Json) -> list[str]:
    """How many partitions, how long records stay, and how large one may be, in words."""
    kafka = channel["bindings"]["kafka"]
    settings = kafka["topicConfiguration"]
    days, largest = settings["retention.ms"] / DAY_MS, settings["max.message.bytes"] // KIB
    size = f"{largest} KiB" if largest < KIB else f"{largest / KIB:g} MiB"
    return [str(kafka["partitions"]), f"{days:g} day{'s' * (days != 1)}", size]


def _agents(document: Json, topic: str, action: str) -> str:
    """Which agents send to a topic, or receive from it; empty where none does."""
    channel = f"#/channels/{topic}"
    for operation in document["operations"].values():
        if operation["action"] == action and operation["channel"]["$ref"] == channel:
            return str(operation["summary"]).removeprefix("By ").removesuffix(".")
    return ""


def _examples(top: Path, event: str) -> Iterator[str]:
    """The first published record of the event, whole, and links to the others."""
    files = sorted((top / "schemas/examples" / event).glob("*.json"))
    dump = partial(json.dumps, indent=2, ensure_ascii=False)
    for file in files[:1]:
        record = json.loads(file.read_text("utf-8"))
        yield f"## Example\n\nKey `{record['key']}`."
        for part in ("value", "headers"):
            text = dump(record[part])
            if len(text) <= LONGEST_EXAMPLE:
                yield f"The {part}:\n\n```json\n{text}\n```"
    links = [f"[{file.stem}](../../files/{file.relative_to(top).as_posix()})" for file in files]
    if links:
        yield f"Every published example: {', '.join(links)}."
