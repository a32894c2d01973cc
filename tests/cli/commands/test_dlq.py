"""Dead letters on a real broker: listed by filters, shown, sent again untouched, removed up to an offset."""

from __future__ import annotations

import asyncio
import json
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from streamproc.cli.shared import dead_letters
from streamproc.serde import Encoded
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from tests.cli.conftest import Installation

pytestmark = pytest.mark.real
TRACE = ("traceparent", b"00-aa-bb-01")


def letter(
    installation: Installation,
    key: str | None,
    value: bytes | None,
    *,
    reason: str,
    topic: str = "analysis-requested",
) -> Encoded:
    """A dead letter as the engine writes it."""
    prefix = installation.settings.topic_prefix
    headers = (
        TRACE,
        ("__streams.errors.topic", f"{prefix}{topic}".encode()),
        ("__streams.errors.partition", b"0"),
        ("__streams.errors.offset", b"7"),
        ("__streams.errors.exception", b"DeadLetterError"),
        ("__streams.errors.message", b"[why]"),
        ("x-reason", reason.encode()),
        ("x-first-seen", b"2026-01-01T00:00:00Z"),
    )
    name = prefix + read_topology().dead_letters.name
    return Encoded(name, None if key is None else key.encode(), value, headers)  # type: ignore[arg-type] # may be null


@pytest.fixture
def letters(installation: Installation) -> Installation:
    """An installation with four dead letters."""
    installation.send(
        letter(installation, "a", b"not json", reason="not_json"),
        letter(installation, "b", b"\xff\xfe", reason="not_json"),
        letter(installation, "c", None, reason="tombstone"),
        letter(installation, "d", b"{}", reason="handler_failed", topic="wallet-sync"),
    )
    return installation


def listed(installation: Installation, *filters: str) -> list[dict[str, Any]]:
    """What `dlq list` tells a program."""
    done = installation.run("dlq", "list", "--output", "json", *filters)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def keys(found: list[dict[str, Any]]) -> set[str]:
    """Their keys."""
    return {each["key"] for each in found}


def test_letters_are_listed_by_reason_topic_and_time(letters: Installation) -> None:
    assert keys(listed(letters)) == {"a", "b", "c", "d"}
    assert keys(listed(letters, "--reason", "not_json")) == {"a", "b"}
    assert keys(listed(letters, "--topic", "wallet-sync")) == {"d"}
    assert keys(listed(letters, "--topic", "wallet-sync", "--reason", "not_json")) == set()
    assert keys(listed(letters, "--since", "2020-01-01")) == {"a", "b", "c", "d"}
    assert listed(letters, "--since", "2099-01-01") == []
    assert len(listed(letters, "--limit", "3")) == 3


def test_people_see_why_and_from_where(letters: Installation) -> None:
    done = letters.run("dlq", "list")
    assert "[why]" in done.stdout
    assert f"{letters.settings.topic_prefix}wallet-sync" in done.stdout


def test_a_letter_is_shown_with_headers_and_value(letters: Installation) -> None:
    places = {each["key"]: each["letter"] for each in listed(letters)}
    shown = letters.run("dlq", "show", places["a"])
    assert "not json" in shown.stdout
    assert "traceparent" in shown.stdout
    (binary,) = json.loads(letters.run("dlq", "show", places["b"], "--output", "json").stdout)
    assert binary["value"] == {"base64": "//4="}
    (tombstone,) = json.loads(letters.run("dlq", "show", places["c"], "--output", "json").stdout)
    assert tombstone["value"] is None


def test_a_letter_that_is_not_there_is_named(letters: Installation) -> None:
    done = letters.run("dlq", "show", "0:999", "oops")
    assert done.returncode == 2
    assert "oops" in done.stderr
    done = letters.run("dlq", "show", "0:999")
    assert done.returncode == 1
    assert "no dead letter at 0:999" in done.stderr


def test_a_replay_sends_the_same_key_value_and_headers_to_the_source(letters: Installation) -> None:
    done = letters.run("dlq", "replay", "--reason", "not_json", "--output", "json")
    sent = json.loads(done.stdout)["sent"]
    assert done.returncode == 0, done.stderr
    assert len(sent) == 2
    records = {record.key: record for record in letters.records("analysis-requested")}
    assert {key: record.value for key, record in records.items()} == {
        b"a": b"not json",
        b"b": b"\xff\xfe",
    }
    assert all(
        tuple(record.headers) == (TRACE, ("x-first-seen", b"2026-01-01T00:00:00Z"))
        for record in records.values()
    )
    assert len(listed(letters)) == 4


def test_a_tombstone_is_replayed_as_a_tombstone(letters: Installation) -> None:
    assert letters.run("dlq", "replay", "--reason", "tombstone").returncode == 0
    (record,) = letters.records("analysis-requested")
    assert (record.key, record.value) == (b"c", None)


def test_a_dry_run_sends_nothing(letters: Installation) -> None:
    done = letters.run("dlq", "replay", "--reason", "not_json", "--dry-run")
    assert "2 would be sent" in done.stderr
    assert letters.records("analysis-requested") == []


def test_a_replay_of_everything_must_be_asked_for(letters: Installation) -> None:
    assert letters.run("dlq", "replay").returncode == 2


def test_a_purge_removes_up_to_the_offset_and_a_dry_run_only_counts(letters: Installation) -> None:
    before = listed(letters)
    first = before[0]
    partition = first["letter"].partition(":")[0]
    same = [each for each in before if each["letter"].startswith(f"{partition}:")]
    dry = letters.run("dlq", "purge", first["letter"], "--dry-run")
    assert "would remove 1" in dry.stdout
    assert len(listed(letters)) == 4
    done = letters.run("dlq", "purge", first["letter"], "--yes")
    assert (done.returncode, done.stdout) == (0, f"partition {partition}: removed 1\n")
    assert len(listed(letters)) == 3
    assert keys(listed(letters)) == keys(before) - {first["key"]}
    assert len(same) >= 1


def test_a_purge_past_the_end_is_refused(letters: Installation) -> None:
    done = letters.run("dlq", "purge", "0:999")
    assert done.returncode == 2
    assert "0:999" in done.stderr
    assert len(listed(letters)) == 4


def test_a_purge_up_to_a_time_leaves_what_is_younger(letters: Installation) -> None:
    nothing = letters.run("dlq", "purge", "--until", "2020-01-01")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert len(listed(letters)) == 4
    dry = letters.run("dlq", "purge", "--until", "2099-01-01", "--dry-run", "--output", "json")
    assert sum(json.loads(dry.stdout)["would_remove"].values()) == 4
    assert len(listed(letters)) == 4
    assert letters.run("dlq", "purge", "--until", "2099-01-01", "--yes").returncode == 0
    assert listed(letters) == []


@pytest.mark.parametrize(
    ("answer", "removed"), [("n\n", False), ("", False), ("\n", False), ("y\n", True)]
)
def test_a_purge_asks_and_removes_only_what_somebody_agrees_to(
    letters: Installation, answer: str, *, removed: bool
) -> None:
    asked = letters.start("dlq", "purge", "--until", "2099-01-01", stdin=subprocess.PIPE)
    out, err = asked.communicate(answer, timeout=60)
    assert "Remove 4 dead letters for good" in err
    assert (asked.returncode, "nothing was removed" in err) == (
        (0, False) if removed else (1, True)
    )
    assert ("removed" in out) is removed
    assert len(listed(letters)) == (0 if removed else 4)


def test_a_purge_of_everything_must_be_asked_for(letters: Installation) -> None:
    assert letters.run("dlq", "purge").returncode == 2
    assert len(listed(letters)) == 4


def test_of_two_positions_in_one_partition_a_purge_counts_the_later_one(
    installation: Installation,
) -> None:
    same = [letter(installation, "k", b"%d" % n, reason="not_json") for n in range(3)]
    installation.send(*same)
    (partition,) = {each["letter"].partition(":")[0] for each in listed(installation)}
    done = installation.run("dlq", "purge", f"{partition}:1", f"{partition}:0", "--yes")
    assert done.stdout == f"partition {partition}: removed 2\n"
    assert len(listed(installation)) == 1


@pytest.mark.parametrize("words", [("purge", "99:0"), ("purge", "99:0", "--dry-run")])
def test_a_partition_that_is_not_there_is_named(
    letters: Installation, words: tuple[str, ...]
) -> None:
    done = letters.run("dlq", *words)
    assert done.returncode == 2
    assert "99:" in done.stderr


def test_show_and_replay_of_a_partition_that_is_not_there_find_nothing(
    letters: Installation,
) -> None:
    for command in ("show", "replay"):
        done = letters.run("dlq", command, "99:0")
        assert done.returncode == 1
        assert "no dead letter at 99:0" in done.stderr


def test_a_replay_takes_the_letters_that_match_all_filters_and_no_others(
    letters: Installation,
) -> None:
    filters = ("--reason", "not_json", "--topic", "wallet-sync")
    done = letters.run("dlq", "replay", *filters, "--output", "json")
    assert (done.returncode, json.loads(done.stdout)["sent"]) == (0, [])
    done = letters.run("dlq", "replay", "--topic", "wallet-sync", "--since", "2020-01-01")
    assert "1 sent" in done.stderr
    assert [record.key for record in letters.records("wallet-sync")] == [b"d"]
    assert letters.run("dlq", "replay", "--since", "2099-01-01").stderr.endswith("0 sent\n")


def test_a_letter_without_a_source_stops_a_replay_before_anything_is_sent(
    letters: Installation,
) -> None:
    name = letters.settings.topic_prefix + read_topology().dead_letters.name
    letters.send(Encoded(name, b"e", b"x", (("x-reason", b"not_json"),)))
    done = letters.run("dlq", "replay", "--reason", "not_json")
    assert done.returncode == 2
    assert "no source" in done.stderr
    assert letters.records("analysis-requested") == []


@pytest.mark.parametrize("left_out", ["x-value-bytes", "x-headers-left-out", "x-key-bytes"])
def test_a_letter_of_which_a_part_was_left_out_is_not_sent_as_if_it_were_whole(
    letters: Installation, left_out: str
) -> None:
    name = letters.settings.topic_prefix + "dead-letters"
    source = letters.settings.topic_prefix.encode() + b"analysis-requested"
    why = (("x-reason", b"large"), ("__streams.errors.topic", source), (left_out, b"9000000"))
    letters.send(Encoded(name, b"l", b"x", why))
    done = letters.run("dlq", "replay", "--reason", "large")
    assert done.returncode == 2
    assert "left out" in done.stderr
    assert letters.records("analysis-requested") == []


def test_a_replay_waits_between_two_records_as_its_rate_says(
    letters: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    patched = SimpleNamespace(**{**vars(asyncio), "sleep": sleep})
    monkeypatch.setattr(dead_letters, "asyncio", patched)
    done = letters.run("dlq", "replay", "--reason", "not_json", "--rate", "4")
    assert done.returncode == 0, done.stderr
    assert waited == [0.25, 0.25]
