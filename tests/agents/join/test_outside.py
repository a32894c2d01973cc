"""What strangers write to the join: a cancel that breaks rules is told apart from two versions that do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproc.agents.join.logic import JoinLogic
from streamproc.engine import Record
from streamproc.errors import DeadLetterError
from streamproc.serde import Codec
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from streamproc.store import Store


def no_store() -> Store:
    """Nobody asks it about a record that does not decode."""
    raise AssertionError


@pytest.mark.parametrize(
    ("topic", "value", "reason"),
    [
        ("analysis-cancel-requested", b'{"request_id": "r", "reason": 5}', "invalid_request"),
        ("analysis-cancel-requested", b'{"request_id": "r", "more": 1}', "invalid_request"),
        ("analysis-cancel-requested", b"[]", "invalid_request"),
        ("analysis-cancel-requested", b"no json", "not_json"),
        ("wallet-analyzed", b'{"request_id": "r"}', "invalid"),
    ],
)
def test_why_a_record_is_a_dead_letter(topic: str, value: bytes, reason: str) -> None:
    logic = JoinLogic(codec=Codec(read_topology()), store=no_store, clock_ms=lambda: 0)
    with pytest.raises(DeadLetterError) as caught:
        logic.fold(b"r", None, Record(topic, 0, 0, b"r", value, (), 0))
    assert caught.value.reason == reason
