"""A draft of an end is kept as records, and read back as what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproc.agents.join.draft_records import draft_in, in_order
from streamproc.agents.shared.records import outgoing
from streamproc.core.join.end_draft import EndDraft
from streamproc.core.join.progress import progressed
from streamproc.events import AnalysisFailed, AnalysisProgressed
from streamproc.serde import Codec, codec_of
from streamproc.settings import load_settings
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from streamproc.core.join.end_draft import Publisher
    from streamproc.engine import Outgoing
    from streamproc.events import Event, Stage

FAILED = AnalysisFailed(request_id="r", status="expired", code="deadline_passed", message="", at=9)


@pytest.fixture
def codec() -> Codec:
    settings = load_settings({}, kafka_brokers="b:1", postgres_dsn="postgresql://p@h/d")
    return codec_of(settings, read_topology())


def progress(seq: int, stage: Stage) -> AnalysisProgressed:
    return progressed(
        request_id="r",
        seq=seq,
        stage=stage,
        percent=5,
        wallets_total=2,
        wallets_done=0,
        wallets_failed=0,
        balances_done=False,
        message="",
        at=9,
    )


def kept(codec: Codec, events: list[Event | EndDraft]) -> list[Outgoing]:
    """The events as records, in the order in which the changelog has them."""
    return [outgoing(codec.encode(each, time_ms=9000)) for each in in_order(events)]


@pytest.mark.parametrize(
    ("publisher", "said_before"),
    [("join", 0), ("join", 2), ("similarity", 0), ("stand_in", 0), ("stand_in", 1)],
)
def test_a_draft_is_read_back_with_its_publisher(
    codec: Codec, publisher: Publisher, said_before: int
) -> None:
    before: list[Event | EndDraft] = [progress(n + 1, "syncing") for n in range(said_before)]
    last = None if publisher == "similarity" else progress(said_before + 1, "expired")
    records = kept(codec, [*before, EndDraft(FAILED, publisher, last)])
    draft = draft_in(records, codec.topic_of(AnalysisFailed))
    assert draft is not None
    assert draft.publisher == publisher
    assert draft.before == kept(codec, before)
    assert AnalysisFailed.model_validate_json(draft.terminal.value) == FAILED
    expected = None if last is None else codec.encode(last, time_ms=9000)
    assert draft.progress == expected


def test_records_without_a_draft_are_left_alone(codec: Codec) -> None:
    assert draft_in([], codec.topic_of(AnalysisFailed)) is None
    assert draft_in(kept(codec, [progress(1, "accepted")]), codec.topic_of(AnalysisFailed)) is None
