"""`schemas/` is what the models say: current, valid, every field explained, nothing broken since the last release."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from jsonschema import Draft202012Validator

from streamproc import events
from streamproc.contract import breaking, files, schema_of
from streamproc.contract.files import read_examples
from streamproc.contract.schemas import fields_of, is_from_outside
from streamproc.core.behavior import records as behavior_records
from streamproc.core.pnl.records import QuotePnl, TokenPnl, WalletPnl
from streamproc.core.pnl.unread import Unread
from streamproc.core.similarity import verdict
from streamproc.core.similarity.evidence import item
from streamproc.events import SCORES, AnalysisCompleted
from streamproc.result import (
    AnalysisResult,
    CoverageRecord,
    EvidenceItem,
    Pnl,
    QuoteFlows,
    TokenRow,
    behavior,
    pairs,
    pnl,
)
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import Iterable

TOP = Path(__file__).parents[2]
RELEASED = TOP / "schemas" / "released"
TOPOLOGY = read_topology()
EVENTS = list(TOPOLOGY.by_event)


def schema(event: str) -> dict[str, Any]:
    return schema_of(event, TOPOLOGY)


def names(kind: type) -> list[str]:
    return list(kind.__annotations__)


# --- the files ---


def test_every_file_is_what_the_command_writes() -> None:
    made = files(TOPOLOGY, read_examples(TOP))
    for name, text in made.items():
        assert (TOP / name).read_text("utf-8") == text, (
            f"`streamproc topics schema --into .` ({name})"
        )
    there = {f"schemas/{path.name}" for path in (TOP / "schemas").glob("*.json")}
    assert there == {name for name in made if name.startswith("schemas/")}


@pytest.mark.parametrize("event", EVENTS)
def test_every_schema_is_one_of_json_schema_2020_12(event: str) -> None:
    Draft202012Validator.check_schema(schema(event))


@pytest.mark.parametrize("event", EVENTS)
def test_every_field_has_a_meaning_and_every_number_a_unit(event: str) -> None:
    for kind, name, field in fields_of(schema(event)):
        assert field.get("description"), f"{kind}.{name} says nothing"
        for part in _plain(field):
            if part.get("type") in {"integer", "number"}:
                assert part.get("x-unit"), f"{kind}.{name} has no unit"


def _plain(part: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """A value's schema and those of what it is made of."""
    yield part
    for each in [
        *part.get("anyOf", ()),
        *part.get("prefixItems", ()),
        *(
            part[name]
            for name in ("items", "additionalProperties")
            if isinstance(part.get(name), dict)
        ),
    ]:
        yield from _plain(each)


# --- compared with the last released ones ---


@pytest.mark.parametrize("path", sorted(RELEASED.glob("*.json")), ids=lambda path: path.stem)
def test_nothing_that_was_released_is_broken(path: Path) -> None:
    old = json.loads(path.read_text("utf-8"))
    is_read = is_from_outside(getattr(events, path.stem))
    assert breaking(old, schema(path.stem), is_read_by_us=is_read) == []


def test_every_event_was_released() -> None:
    assert {path.stem for path in RELEASED.glob("*.json")} <= set(EVENTS)


# --- the types are those of what is computed ---


def test_the_top_of_the_result_is_the_event() -> None:
    assert names(AnalysisResult) == list(AnalysisCompleted.model_fields)


@pytest.mark.parametrize(
    ("published", "computed"),
    [
        (behavior.Behavior, behavior_records.Behavior),
        (behavior.ActiveWindow, behavior_records.ActiveWindow),
        (behavior.TradedToken, behavior_records.TradedToken),
        (behavior.Holding, behavior_records.Holding),
        (behavior.OpenLots, behavior_records.OpenLots),
        (behavior.Sessions, behavior_records.Sessions),
        (behavior.Cycles, behavior_records.Cycles),
        (behavior.Label, behavior_records.Label),
        (behavior.Bot, behavior_records.Bot),
        (Pnl, WalletPnl),
        (TokenRow, TokenPnl),
        (QuoteFlows, QuotePnl),
    ],
)
def test_a_published_record_has_the_fields_of_the_computed_one(
    published: type,
    computed: Any,  # noqa: ANN401 - a dataclass
) -> None:
    assert set(names(published)) == {each.name for each in fields(computed)}


def test_words_and_names_are_those_of_the_core() -> None:
    assert get_args(pairs.Verdict) == get_args(verdict.Verdict)
    assert get_args(pairs.Kind) == get_args(item.Kind)
    assert names(pairs.Scores) == list(SCORES)
    assert names(pnl.UnreadCounts) == [each.value for each in Unread]
    assert names(EvidenceItem) == list(item.item("chance", ""))
    assert set(names(CoverageRecord)) == set(events.Coverage.model_fields)
