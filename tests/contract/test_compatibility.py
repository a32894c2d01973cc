"""A change that breaks somebody is named, one that breaks nobody is not."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from streamproc.contract import breaking, schema_of
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import Callable

TOPOLOGY = read_topology()
OURS = schema_of("AnalysisFailed", TOPOLOGY)
THEIRS = schema_of("AnalysisRequested", TOPOLOGY)


def changed(schema: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    new = copy.deepcopy(schema)
    change(new)
    return new


def fields(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["properties"]
    return found


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda new: fields(new).pop("code"), "AnalysisFailed.code: removed"),
        (lambda new: new["required"].remove("code"), "AnalysisFailed.code: can be absent"),
        (
            lambda new: fields(new).update(code={"anyOf": [{"type": "string"}, {"type": "null"}]}),
            "AnalysisFailed.code: can be null",
        ),
        (
            lambda new: fields(new)["status"]["enum"].append("paused"),
            "AnalysisFailed.status: paused can occur",
        ),
        (
            lambda new: fields(new)["at"].update({"x-unit": "milliseconds"}),
            "AnalysisFailed.at: x-unit was unix seconds, is milliseconds",
        ),
        (
            lambda new: new["$defs"]["FailedWallet"]["properties"].pop("wallet"),
            "AnalysisFailed.wallets_failed[].wallet: removed",
        ),
        (
            lambda new: fields(new)["at"].pop("minimum"),
            "AnalysisFailed.at: minimum was 0, is None",
        ),
    ],
)
def test_what_breaks_a_reader_is_named(
    change: Callable[[dict[str, Any]], object], named: str
) -> None:
    assert breaking(OURS, changed(OURS, change), is_read_by_us=False) == [named]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            lambda new: (
                fields(new).update(color={"type": "string"}),
                new["required"].append("color"),
            ),
            "AnalysisRequested.color: must be given",
        ),
        (lambda new: fields(new).pop("enrich"), "AnalysisRequested.enrich: removed"),
        (lambda new: new["required"].append("tenant"), "AnalysisRequested.tenant: must be given"),
        (
            lambda new: fields(new)["deadline_s"].update(maximum=10),
            "AnalysisRequested.deadline_s: maximum was 604800, is 10",
        ),
        (
            lambda new: fields(new)["rank_by"]["enum"].remove("idf"),
            "AnalysisRequested.rank_by: idf is refused",
        ),
        (
            lambda new: fields(new).update(until={"type": "integer"}),
            "AnalysisRequested.until: null is refused",
        ),
    ],
)
def test_what_breaks_a_writer_is_named(
    change: Callable[[dict[str, Any]], object], named: str
) -> None:
    found = breaking(THEIRS, changed(THEIRS, change), is_read_by_us=True)
    assert named in found
    assert all(each.split(":")[0] == named.split(":", maxsplit=1)[0] for each in found)


@pytest.mark.parametrize(
    ("schema", "is_read", "change"),
    [
        (OURS, False, lambda new: fields(new).update(color={"type": "string"})),
        (OURS, False, lambda new: fields(new)["status"]["enum"].remove("expired")),
        (OURS, False, lambda new: fields(new)["at"].update(description="When it was.")),
        (OURS, False, lambda new: new["$defs"]["FaultNote"]["required"].append("more")),
        (THEIRS, True, lambda new: fields(new).update(color={"type": "string"})),
        (THEIRS, True, lambda new: fields(new)["rank_by"]["enum"].append("tags")),
        (THEIRS, True, lambda new: fields(new)["deadline_s"].update(maximum=10**9)),
        (THEIRS, True, lambda new: new["required"].remove("request_id")),
    ],
)
def test_what_breaks_nobody_passes(
    schema: dict[str, Any],
    is_read: bool,  # noqa: FBT001 - a case
    change: Callable[[dict[str, Any]], object],
) -> None:
    assert breaking(schema, changed(schema, change), is_read_by_us=is_read) == []
