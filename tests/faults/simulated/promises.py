"""What must hold of everything that a simulation has said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streamproc.engine.records import Record
    from tests.faults.simulated.model import ModelStore

# What may happen in a run: points that no seed reaches would be promises that nothing has tried.
POINTS: Final = frozenset(
    {
        "completed",
        "failed",
        "cancelled",
        "expired",
        "crash before outputs",
        "crash after outputs",
        "crash in a cycle",
        "crash after a decision",
        "crash before the table",
        "written ahead is repeated",
        "a state is put together of its changes",
        "a part overtakes the opening",
        "a part after the end",
        "healed",
        "handed over again",
        "the join has the last word",
        "cancel after the hand-over",
        "a cancel before its request",
        "repeated terminal",
        "resent request",
    }
)
ENDS: Final = ("analysis-completed", "analysis-failed")


def kept_promises(
    log: Mapping[str, Sequence[Record]], requests: Iterable[str], store: ModelStore
) -> set[str]:
    """One end each, decided once, and progress in order; the points that this shows to be reached."""
    reached = set()
    for name in requests:
        terminal = [
            (topic, record.value, record.headers)
            for topic in ENDS
            for record in log.get(topic, ())
            if record.key == name.encode()
        ]
        assert len(set(terminal)) == 1, f"{name}: {len(set(terminal))} different ends"
        if len(terminal) > 1:
            reached.add("repeated terminal")
        status: str = orjson.loads(terminal[0][1] or b"")["status"]
        assert name in store.endings, f"{name}: an end that nobody decided"
        assert status == store.endings[name].status
        reached.add(status)
        check_progress(log.get("analysis-progress", ()), name, status)
    assert len(store.decisions) == len(set(store.decisions)), "an end was decided twice"
    check_identities(record for records in log.values() for record in records)
    return reached


def check_identities(records: Iterable[Record]) -> None:
    """What has the `ce_id` of another record is that record again: value, headers and time."""
    first: dict[bytes, Record] = {}
    for record in records:
        headers = dict(record.headers)
        if "ce_id" in headers:  # ours; the requests of a simulation come without
            known = first.setdefault(headers["ce_id"] or b"", record)
            same = (known.topic, known.key, known.value, known.headers, known.timestamp_ms)
            found = (record.topic, record.key, record.value, record.headers, record.timestamp_ms)
            assert same == found, f"one ce_id for two records of {record.topic}"


def check_progress(records: Iterable[Record], name: str, status: str) -> None:
    """Numbers without gaps, repeats that are equal, a percent that never falls, and the end at the end."""
    first: dict[int, Record] = {}
    for record in records:
        if record.key == name.encode():
            known = first.setdefault(orjson.loads(record.value or b"")["seq"], record)
            assert (known.value, known.headers) == (record.value, record.headers), name
    told = [orjson.loads(record.value or b"") for record in first.values()]
    assert [each["seq"] for each in told] == list(range(1, len(told) + 1)), name
    percents = [each["percent"] for each in told]
    assert percents == sorted(percents), (name, percents)
    done = [each["wallets_done"] for each in told]
    assert done == sorted(done), (name, done)
    assert [each["terminal"] for each in told] == [False] * (len(told) - 1) + [True], name
    assert told[-1]["stage"] == status, name
