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
READ, WRITE, CREATE, DESCRIBE, DESCRIBE_CONFIGS = 3, 4, 5, 8, 10
LITERAL: Final = 3
ALLOW: Final = 3
ANY_HOST: Final = "*"


class Grant(NamedTuple):
    """What one user may do with one topic or group."""

    user: str
    kind: int
    name: str
    operation: int


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


class _CreateAcls(Request[_Question]):  # type: ignore[misc]  # as above
    API_KEY = 30

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._rows = [
            (kind, name, LITERAL, f"User:{user}", ANY_HOST, operation, ALLOW)
            for user, kind, name, operation in grants
        ]

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class(self._rows)


async def give(bootstrap: str, security: Mapping[str, Any], grants: Iterable[Grant]) -> None:
    """Let users do these things; `security` is that of somebody who may say so."""
    host, _, port = bootstrap.rpartition(":")
    connection = AIOKafkaConnection(host, int(port), **security)
    await connection.connect()
    try:
        answer = await connection.send(_CreateAcls(grants))
    finally:
        await connection.close()
    assert {code for code, _ in answer.results} == {0}, answer.results
