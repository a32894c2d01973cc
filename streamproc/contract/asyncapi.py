"""AsyncAPI 3.0 of all topics: channels with their Kafka bindings, messages with headers, operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc import __version__, events
from streamproc.topics import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.json_types import Json
    from streamproc.topics import Topic, Topology


BINDING: Final = "0.5.0"  # of AsyncAPI's Kafka bindings
_TEXT: Final = {"type": "string"}
_HEADERS: Final = {
    "ce_specversion": {"const": "1.0", "description": "CloudEvents, binary mode."},
    "ce_id": {
        "type": "string",
        "format": "uuid",
        "description": "From what the event means: a repeat has the same. Drop repeats by it.",
    },
    "ce_source": {**_TEXT, "description": "Who speaks; a setting of the installation."},
    "ce_type": {**_TEXT, "description": "The event, after the installation's prefix."},
    "ce_dataschema": {**_TEXT, "description": "The `$id` of the value's schema."},
    "ce_time": {"type": "string", "format": "date-time", "description": "The record's time."},
    "ce_subject": {**_TEXT, "description": "The request id."},
    "ce_tenant": {**_TEXT, "description": "Whose request it is; only when it names a tenant."},
    "content-type": {"const": "application/json", "description": "Of the value."},
    "traceparent": {**_TEXT, "description": "W3C Trace Context."},
}
_SOMETIMES: Final = frozenset({"ce_tenant", "traceparent"})


def document(topology: Topology, examples: Mapping[str, list[Json]]) -> Json:
    """The whole document; `examples` are AsyncAPI message examples by event."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "streamproc",
            "version": __version__,
            "description": (
                "Analyses of Solana wallets, asked for and answered on Kafka. Topic names are without the "
                "installation's prefix."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in topology.topics},
        "operations": dict(
            operation for topic in topology.topics for operation in _operations(topic)
        ),
        "components": {
            "messages": {
                _message_name(topic): _message(topic, examples) for topic in topology.topics
            },
            "schemas": {"CloudEventHeaders": _headers()},
        },
    }


def _message_name(topic: Topic) -> str:
    """The name of what a topic carries."""
    return topic.event or "DeadLetter"


def _channel(topic: Topic) -> Json:
    """One topic."""
    config: Json = {"cleanup.policy": [topic.cleanup], "max.message.bytes": topic.largest}
    if topic.retention_ms is not None:
        config["retention.ms"] = topic.retention_ms
    name = _message_name(topic)
    return {
        "address": topic.name,
        "description": topic.doc,
        "tags": [{"name": "public" if _is_public(topic) else "between agents"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": config,
                "bindingVersion": BINDING,
            }
        },
    }


def _is_public(topic: Topic) -> bool:
    """Whether somebody outside writes or reads it."""
    return bool(OUTSIDE & {*topic.producers, *topic.consumers})


def _operations(topic: Topic) -> list[tuple[str, Json]]:
    """What the agents do with a topic: receive what others or they themselves write, send what they write."""
    name, found = _message_name(topic), []
    sides = (("receive", topic.consumers), ("send", topic.producers))
    for action, who in sides:
        agents = sorted(set(who) - OUTSIDE)
        if agents:
            operation = {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": f"By {', '.join(agents)}.",
                "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"}],
            }
            found.append((f"{action}{name}", operation))
    return found


def _message(topic: Topic, examples: Mapping[str, list[Json]]) -> Json:
    """What a topic carries."""
    if topic.event is None:
        return {
            "name": "DeadLetter",
            "summary": topic.doc,
            "contentType": "application/octet-stream",
            "payload": {"description": "The record's bytes as they came."},
        }
    doc = (getattr(events, topic.event).__doc__ or "").strip().splitlines()[0]
    message: Json = {
        "name": topic.event,
        "title": topic.event,
        "summary": doc,
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
        "payload": {"$ref": f"schemas/{topic.event}.json"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"The field `{topic.key}`."},
                "bindingVersion": BINDING,
            }
        },
    }
    if topic.event in examples:
        message["examples"] = examples[topic.event]
    return message


def _headers() -> Json:
    """CloudEvents 1.0 in Kafka headers, as every record of ours has them."""
    return {
        "type": "object",
        "properties": _HEADERS,
        "required": [name for name in _HEADERS if name not in _SOMETIMES],
    }
