"""The contract's rules about order and repetition, checked on everything an installation has said."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson

from tests.contract.valid import check_by_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.flow.installation import Said

Json = dict[str, Any]

TERMINAL_TOPICS = ("analysis-completed", "analysis-failed")
TERMINAL_STAGES = {"completed", "failed", "cancelled", "expired", "rejected"}
VOLATILE = ("completed_at", "duration_ms", "timings_ms", "credits_spent")


def check_end(said: Iterable[Said], request_id: str) -> Json:
    """The one distinct terminal record of a request, which is what its last progress record says."""
    topics = {*TERMINAL_TOPICS, "analysis-progress"}
    mine = [each for each in said if each.topic in topics and each.key == request_id.encode()]
    terminal = {
        (each.topic, each.value, tuple(sorted(each.headers.items())))
        for each in mine
        if each.topic in TERMINAL_TOPICS
    }
    assert len(terminal) == 1, f"{request_id} has {len(terminal)} different terminal records"
    ((_, value, _),) = terminal
    end: Json = orjson.loads(value or b"")
    last = check_progress([each for each in mine if each.topic == "analysis-progress"])[-1]
    assert last["stage"] == end["status"]
    check_by_schema("AnalysisProgressed", last)
    check_by_schema("AnalysisCompleted" if end["status"] == "completed" else "AnalysisFailed", end)
    return end


def check_progress(said: Sequence[Said]) -> list[Json]:
    """A request's progress without repeats: seq 1, 2, 3 ..., percent never falls, the terminal one is last.

    Repeats have the same seq and the same bytes, value and headers alike; none comes before what it repeats.
    """
    by_seq: dict[int, set[tuple[bytes | None, tuple[tuple[str, bytes], ...]]]] = defaultdict(set)
    first: list[Json] = []
    for each in said:
        seq = each.event["seq"]
        if seq not in by_seq:
            first.append(each.event)
        by_seq[seq].add((each.value, tuple(sorted(each.headers.items()))))
    differing = {seq: found for seq, found in by_seq.items() if len(found) > 1}
    assert not differing, f"different records of one seq: {differing}"
    assert [each["seq"] for each in first] == list(range(1, len(first) + 1))
    if first[0]["stage"] != "rejected":
        is_cohort = first[0]["message"].startswith("resolving the cohort")
        assert (first[0]["stage"], first[0]["percent"]) == ("accepted", 0 if is_cohort else 5)
        if is_cohort and not first[1]["terminal"]:
            assert (first[1]["stage"], first[1]["percent"]) == ("accepted", 5)
    assert all(before["percent"] <= after["percent"] for before, after in pairwise(first))
    assert [each["terminal"] for each in first] == [False] * (len(first) - 1) + [True]
    assert all(each["terminal"] == (each["stage"] in TERMINAL_STAGES) for each in first)
    assert (first[-1]["percent"] == 100) == (first[-1]["stage"] == "completed")
    return first


def check_headers(said: Iterable[Said], *, of_today: bool = True) -> None:
    """CloudEvents headers are complete; repeats have the same `ce_id` and all other headers, nothing else has it.

    Records of today also have no field that their schema does not name; those of a version to come may.
    """
    meant: dict[bytes, tuple[bytes | None, dict[str, bytes]]] = {}
    for each in said:
        headers = each.headers
        assert headers["ce_specversion"] == b"1.0"
        assert headers["content-type"] == b"application/json"
        assert headers["ce_source"]
        event = headers["ce_type"].decode()
        assert headers["ce_dataschema"].decode() == f"urn:streamproc:{event}:1"
        assert headers["ce_subject"].decode() == each.event["request_id"]
        assert datetime.fromisoformat(headers["ce_time"].decode()).tzinfo is not None
        uuid.UUID(headers["ce_id"].decode())
        if of_today and headers["ce_id"] not in meant:
            check_by_schema(event, each.event)
        found = meant.setdefault(headers["ce_id"], (each.value, headers))
        assert found == (each.value, headers), "one ce_id for different records"
    by_content = {(value, headers["ce_type"]): ident for ident, (value, headers) in meant.items()}
    assert len(by_content) == len(meant), "different ce_id for one record"


def lasting(result: Json) -> Json:
    """The result without what differs between two runs on the same inputs."""
    wallets = [
        {**wallet, "balances": _without_time(wallet["balances"])} for wallet in result["wallets"]
    ]
    return {k: v for k, v in result.items() if k not in VOLATILE} | {"wallets": wallets}


def _without_time(balances: Json | None) -> Json | None:
    if balances is None:
        return None
    return {name: value for name, value in balances.items() if name != "fetched_at"}
