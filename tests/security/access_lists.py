"""Kafka's access lists, given by its own request: the client library has none for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int8, Int16, Int32, Schema, String

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# https://kafka.apache.org/protocol: numbers of resource types, operations and the like.
TOPIC: Final = 2
GROUP: Final = 3
TRANSACTIONAL_ID: Final = 5
ALL, READ, WRITE, CREATE, DESCRIBE, DESCRIBE_CONFIGS = 2, 3, 4, 5, 8, 10
LITERAL: Final = 3
DENY: Final = 2
ALLOW: Final = 3
ANY_HOST: Final = "*"


class Grant(NamedTuple):
    """What one user may do with one topic, group or transactional id, or may not whatever else allows it."""

    user: str
    kind: int
    name: str
    operation: int
    permission: int = ALLOW


class _Answer(Response):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = 30
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("results", Array(("error_code", Int16), ("error_message", String("utf-8")))),
    )


class _Question(RequestStruct):  # type: ignore[misc]  # as above
    API_KEY = 30
    API_VERSION = 1
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        (
            "creations",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                ("resource_pattern_type", Int8),
                ("principal", String("utf-8")),
                ("host", String("utf-8")),
                ("operation", Int8),
                ("permission_type", Int8),
            ),
        )
    )


def _rows(grants: Iterable[Grant]) -> list[tuple[object, ...]]:
    """The grants in Kafka's words."""
    return [
        (kind, name, LITERAL, f"User:{user}", ANY_HOST, operation, permission)
        for user, kind, name, operation, permission in grants
    ]


class _CreateAcls(Request[_Question]):  # type: ignore[misc]  # as above
    API_KEY = 30

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._rows = _rows(grants)

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class(self._rows)


class _TakenAnswer(Response):  # type: ignore[misc]  # as above
    API_KEY = 31
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                (
                    "taken",
                    Array(
                        ("error_code", Int16),
                        ("error_message", String("utf-8")),
                        ("resource_type", Int8),
                        ("resource_name", String("utf-8")),
                        ("pattern_type", Int8),
                        ("principal", String("utf-8")),
                        ("host", String("utf-8")),
                        ("operation", Int8),
                        ("permission_type", Int8),
                    ),
                ),
            ),
        ),
    )


class _Taking(RequestStruct):  # type: ignore[misc]  # as above
    API_KEY = 31
    API_VERSION = 1
    RESPONSE_TYPE = _TakenAnswer
    SCHEMA = Schema(("filters", _Question.SCHEMA.fields[0]))


class _DeleteAcls(Request[_Taking]):  # type: ignore[misc]  # as above
    API_KEY = 31

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._rows = _rows(grants)

    def build(self, request_struct_class: type[_Taking]) -> _Taking:
        return request_struct_class(self._rows)


async def _ask(bootstrap: str, security: Mapping[str, Any], request: Any) -> Any:  # noqa: ANN401
    """The broker's answer."""
    host, _, port = bootstrap.rpartition(":")
    connection = AIOKafkaConnection(host, int(port), **security)
    await connection.connect()
    try:
        return await connection.send(request)
    finally:
        await connection.close()


async def take(bootstrap: str, security: Mapping[str, Any], grants: Iterable[Grant]) -> None:
    """Let users do these things no longer."""
    answer = await _ask(bootstrap, security, _DeleteAcls(grants))
    assert all(code == 0 and taken for code, _, taken in answer.results), answer.results


async def give(bootstrap: str, security: Mapping[str, Any], grants: Iterable[Grant]) -> None:
    """Let users do these things; `security` is that of somebody who may say so."""
    answer = await _ask(bootstrap, security, _CreateAcls(grants))
    assert {code for code, _ in answer.results} == {0}, answer.results
