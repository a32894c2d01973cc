"""The event stays within its bound, keeps its best pairs and says how much of what was cut."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from streamproc.core.json_bytes import encode_json
from streamproc.core.result.encoding import Outcome, bounded_result, whole_result

NOTHING = dict.fromkeys(("pairs", "tokens", "balances", "names", "missing"), 0)


def outcome(pairs: int = 40, wallets: int = 3, rows: int = 30) -> Outcome:
    """A result with so many pairs, and wallets with so many token rows."""
    tokens = [{"mint": f"m{number:02}", "pad": "x" * 50} for number in range(rows)]
    return Outcome(
        request_id="r",
        engine_version="1",
        inputs_digest="d",
        wallets=[
            {"wallet": f"w{n}", "pnl": {"tokens": tokens}, "balances": {"tokens": tokens[:20]}}
            for n in range(wallets)
        ],
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


def test_days_stand_in_the_whole_result_alone() -> None:
    days = [{"day_at": 0, "realized_lamports": 1}]
    wallet: dict[str, Any] = {
        "wallet": "w",
        "pnl": {"realized_by_day": days, "tokens": []},
        "balances": None,
    }
    dated = replace(outcome(), wallets=[wallet])
    event = json.loads(bounded_result(dated, max_pairs=1, max_tokens_per_wallet=1))
    assert event["wallets"] == [{**wallet, "pnl": {"tokens": []}}]
    whole = json.loads(encode_json(whole_result(dated)))
    assert whole["wallets"] == [wallet]


def test_pairs_beyond_what_is_wanted_are_counted() -> None:
    _, result = bounded(max_pairs=10)
    assert [pair["rank"] for pair in result["pairs"]] == list(range(10))
    assert result["truncated"] == {**NOTHING, "pairs": 35}


def test_token_rows_beyond_what_is_wanted_are_counted() -> None:
    _, result = bounded(max_tokens_per_wallet=4)
    assert [len(each["pnl"]["tokens"]) for each in result["wallets"]] == [4, 4, 4]
    assert result["truncated"] == {**NOTHING, "pairs": 5, "tokens": 3 * 26}


@pytest.mark.parametrize("most", [12_000, 9_000, 6_000, 3_000, 2_500])
def test_what_is_too_large_loses_its_last_rows_and_pairs(most: int) -> None:
    value, result = bounded(max_bytes=most)
    assert len(value) <= most
    kept = len(result["pairs"])
    assert kept > 0
    assert [pair["rank"] for pair in result["pairs"]] == list(range(kept))
    rows = {len(each["pnl"]["tokens"]) for each in result["wallets"]}
    held = {len(each["balances"]["tokens"]) for each in result["wallets"]}
    assert len(rows) == len(held) == 1
    assert result["truncated"]["pairs"] == 45 - kept
    assert result["truncated"]["tokens"] == 3 * (30 - rows.pop())
    assert result["truncated"]["balances"] == 3 * (20 - held.pop())


def test_names_and_gaps_take_no_more_than_their_share() -> None:
    names = {f"m{number}": {"symbol": "x" * 40} for number in range(500)}
    gaps = [{"kind": "price", "id": f"m{number}", "reason": "x"} for number in range(500)]
    large = replace(outcome(), tokens=names, missing=gaps)
    value = bounded_result(large, max_pairs=9, max_tokens_per_wallet=9, max_bytes=10_000)
    result = json.loads(value)
    assert len(value) <= 10_000
    assert len(encode_json(result["tokens"])) <= 1_500
    assert len(encode_json(result["missing"])) <= 1_000
    assert result["truncated"]["names"] == 500 - len(result["tokens"])
    assert result["truncated"]["missing"] == 500 - len(result["missing"])
    assert len(result["pairs"]) == 9


def test_as_many_pairs_are_kept_as_fit() -> None:
    value, result = bounded(max_bytes=3_000)
    assert 0 < len(result["pairs"]) < 40
    assert 3_000 - len(value) < 100  # no further pair fits


def test_numbers_of_any_size_are_written() -> None:
    assert json.loads(encode_json({"lamports": 2**80})) == {"lamports": 2**80}
