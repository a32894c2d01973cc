"""The published examples are what the code says today, valid by their schemas, and a whole course of each outcome."""

from __future__ import annotations

import json
import uuid
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from streamproc import events
from streamproc.serde import decode
from streamproc.topics import read_topology
from tests.contract import produced
from tests.contract.valid import check_by_schema

if TYPE_CHECKING:
    from pathlib import Path

TOPOLOGY = read_topology()
TEXTS = produced.texts()
ENDS = [*produced.JOINED, *produced.UNRESOLVED, "rejected"]


def records(event: str, outcome: str) -> list[dict[str, Any]]:
    """The examples of an event, in their order."""
    found = [
        record
        for (kind, name), record in produced.records().items()
        if kind == event and name.rpartition("-")[0] in {outcome, ""} and name.startswith(outcome)
    ]
    return [record["value"] for record in found]


def test_every_file_is_what_the_code_says_and_there_are_no_others() -> None:
    there = set(produced.EXAMPLES.glob("*/*.json"))
    assert there == set(TEXTS), "`python -m tests.contract.produced` writes them anew"
    for path, text in TEXTS.items():
        assert path.read_text("utf-8") == text, path


def test_every_event_has_an_example_and_every_code_of_a_failure_too() -> None:
    assert {path.parent.name for path in TEXTS} == set(TOPOLOGY.by_event)
    failures = [
        json.loads(text)["value"]
        for path, text in TEXTS.items()
        if path.parent.name == "AnalysisFailed"
    ]
    assert {each["code"] for each in failures} == {
        *("invalid_request", "wallets_failed", "too_few_wallets", "balances_failed", "internal"),
        *("upstream_key_rejected", "upstream_credits_exhausted", "credit_budget_exceeded"),
        *("deadline_passed", "cancelled"),
        *("unknown_mint", "not_a_mint", "not_a_token", "no_holders", "no_buyers"),
        *("cohort_unsupported", "cohort_failed"),
    }
    assert {each["status"] for each in failures} == {"failed", "cancelled", "expired", "rejected"}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_example_is_valid_and_lies_where_its_topic_says(path: Path) -> None:
    record, event = json.loads(TEXTS[path]), path.parent.name
    check_by_schema(event, record["value"])
    decode(getattr(events, event), json.dumps(record["value"]).encode())
    topic = TOPOLOGY.by_event[event]
    assert record["topic"] == topic.name
    assert record["key"] == record["value"][str(topic.key)]
    assert record["headers"]["ce_type"] == event
    uuid.UUID(record["headers"]["ce_id"])


@pytest.mark.parametrize("outcome", ENDS)
def test_progress_of_an_outcome_runs_from_first_to_last(outcome: str) -> None:
    steps = records("AnalysisProgressed", outcome)
    assert [each["seq"] for each in steps] == list(range(1, len(steps) + 1))
    assert all(one["percent"] <= other["percent"] for one, other in pairwise(steps))
    assert [each["terminal"] for each in steps] == [False] * (len(steps) - 1) + [True]
    (end,) = records("AnalysisCompleted", outcome) + records("AnalysisFailed", outcome)
    assert steps[-1]["stage"] == end["status"]
