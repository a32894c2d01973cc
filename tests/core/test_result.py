"""The event stays within its bound: pairs go first, worst ones before better ones, then token rows of all alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamproc.core.result import Outcome, bounded_result, encode_json, whole_result


def outcome(pairs: int = 40, wallets: int = 3, rows: int = 30) -> Outcome:
    """A result with so many pairs, and wallets with so many token rows."""
    tokens = [{"mint": f"m{number:02}", "pad": "x" * 50} for number in range(rows)]
    return Outcome(
        request_id="r",
        engine_version="1",
        inputs_digest="d",
        wallets=[{"wallet": f"w{n}", "pnl": {"tokens": tokens}} for n in range(wallets)],
        pairs=[encode_json({"rank": number, "pad": "y" * 60}) for number in range(pairs)],
        pairs_total=pairs + 5,
        set_figures={},
        clusters=[],
        tokens={},
        missing=[],
        completed_at=1,
        duration_ms=2,
        credits_spent=3,
    )


def bounded(**bounds: int) -> tuple[bytes, dict[str, Any]]:
    found = bounded_result(outcome(), **{"max_pairs": 100, "max_tokens_per_wallet": 100, **bounds})
    return found, json.loads(found)


def test_what_fits_is_the_whole_result() -> None:
    value, _ = bounded()
    assert value == encode_json(whole_result(outcome()))


def test_pairs_beyond_what_is_wanted_are_counted() -> None:
    _, result = bounded(max_pairs=10)
    assert [pair["rank"] for pair in result["pairs"]] == list(range(10))
    assert result["truncated"] == {"pairs": 35, "tokens": 0}


def test_token_rows_beyond_what_is_wanted_are_counted() -> None:
    _, result = bounded(max_tokens_per_wallet=4)
    assert [len(each["pnl"]["tokens"]) for each in result["wallets"]] == [4, 4, 4]
    assert result["truncated"] == {"pairs": 5, "tokens": 3 * 26}


@pytest.mark.parametrize("most", [12_000, 9_000, 6_000, 3_000, 1_000])
def test_what_is_too_large_loses_its_last_pairs_first_then_token_rows(most: int) -> None:
    value, result = bounded(max_bytes=most)
    assert len(value) <= most
    kept = len(result["pairs"])
    assert [pair["rank"] for pair in result["pairs"]] == list(range(kept))
    rows = {len(each["pnl"]["tokens"]) for each in result["wallets"]}
    assert len(rows) == 1
    assert kept == 0 or rows == {30}
    assert result["truncated"] == {"pairs": 45 - kept, "tokens": 3 * (30 - rows.pop())}


def test_as_many_pairs_are_kept_as_fit() -> None:
    value, result = bounded(max_bytes=10_000)
    assert 0 < len(result["pairs"]) < 40
    assert 10_000 - len(value) < 100  # no further pair fits


def test_numbers_of_any_size_are_written() -> None:
    assert json.loads(encode_json({"lamports": 2**80})) == {"lamports": 2**80}
