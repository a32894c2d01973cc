"""A stored result comes out in four forms; where there is none, the reason does."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from streamproc.cli.shared.records import codec_for
from streamproc.core.result.pair_columns import packed_columns, pair_columns
from streamproc.core.similarity import SimilarityInputs, TradedMint, WalletRow, compare
from streamproc.events import AnalysisCompleted, AnalysisFailed
from streamproc.export.csv_form import csv_lines
from streamproc.export.tables import pairs_table
from streamproc.store import Decision, NewRequest, open_store

if TYPE_CHECKING:
    from streamproc.events import Event
    from tests.cli.conftest import Installation


@pytest.fixture
def whole(installation: Installation, store_dsn: str) -> Installation:
    """An installation with a migrated store."""
    installation.environment["STREAMPROC_POSTGRES_DSN"] = store_dsn
    return installation


def end(
    installation: Installation,
    event: Event,
    status: str,
    result: bytes | None,
    pairs: bytes | None = None,
) -> None:
    """Record a request in the store and end it."""
    new = NewRequest(event.request_id, b"digest", "topic/0/0", ["a", "b"], {}, 1, 2_000_000_000)
    terminal = codec_for(installation.settings).encode(event, time_ms=1)
    code = getattr(event, "code", None)
    decision = Decision(event.request_id, status, code, terminal, None, result=result, pairs=pairs)

    async def stored() -> None:
        dsn = installation.environment["STREAMPROC_POSTGRES_DSN"]
        async with open_store(dsn, pool_size=1) as store:
            await store.record_request(new)
            await store.decide([decision])

    asyncio.run(stored())


@pytest.fixture
def ended(whole: Installation, result: dict[str, Any]) -> Installation:
    """An installation in which `lab-7f3a` has completed."""
    end(whole, AnalysisCompleted.model_validate(result), "completed", json.dumps(result).encode())
    return whole


@pytest.mark.real
def test_json_is_the_stored_result_itself(ended: Installation, result: dict[str, Any]) -> None:
    done = ended.run("result", "lab-7f3a", "--format", "json")
    assert (done.returncode, json.loads(done.stdout)) == (0, result)


@pytest.mark.real
def test_tables_show_pairs_wallets_and_what_it_took(
    ended: Installation, result: dict[str, Any]
) -> None:
    shown = ended.run("result", "lab-7f3a").stdout
    assert shown.index(result["set"]["sentence"]) < shown.index(
        "Pairs, the strongest verdict first"
    )
    assert "very high" not in shown
    assert all(wallet["wallet"] in shown for wallet in result["wallets"])
    assert "8.12 s, 420 upstream credits" in shown
    assert "the first 2 of 6" in ended.run("result", "lab-7f3a", "--pairs", "2").stdout


@pytest.mark.real
def test_html_is_the_report(ended: Installation) -> None:
    assert ended.run("result", "lab-7f3a", "--format", "html").stdout.startswith("<!doctype html>")


@pytest.mark.real
def test_csv_has_every_pair(ended: Installation, result: dict[str, Any]) -> None:
    text = ended.run("result", "lab-7f3a", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["wallet_a"], row["wallet_b"]) for row in rows] == [
        (pair["wallet_a"], pair["wallet_b"]) for pair in result["pairs"]
    ]


@pytest.mark.real
def test_csv_streams_the_pairs_that_the_result_itself_leaves_out(
    whole: Installation, result: dict[str, Any]
) -> None:
    rows = tuple(WalletRow(f"w{n}", (TradedMint("m", 1, n + 1),)) for n in range(21))
    found = compare(SimilarityInputs(rows, "digest", max_pairs=2))
    content = json.dumps(result).encode()
    end(
        whole,
        AnalysisCompleted.model_validate(result),
        "completed",
        content,
        packed_columns(pair_columns(found)),
    )
    text = whole.run("result", "lab-7f3a", "--format", "csv").stdout
    shown = list(csv.DictReader(io.StringIO(text)))
    assert len(shown) == 210
    assert (shown[0]["wallet_a"], shown[0]["wallet_b"], shown[0]["idf"]) == ("w0", "w1", "1.0")
    *_, last = pair_columns(found).rows()
    assert (shown[-1]["rank"], shown[-1]["p"]) == ("210", str(last["p"]))
    assert 0.9 < last["p"] <= 1.0, "all 21 traded the one token there is"


@pytest.mark.real
def test_a_request_that_failed_says_how(whole: Installation) -> None:
    event = AnalysisFailed(
        request_id="bad", status="expired", code="deadline_passed", message="too late", at=1
    )
    end(whole, event, "expired", None)
    done = whole.run("result", "bad")
    assert (done.returncode, done.stdout) == (1, "")
    assert "expired (deadline_passed): too late" in done.stderr


@pytest.mark.real
def test_an_unknown_request_says_so(whole: Installation) -> None:
    done = whole.run("result", "never")
    assert done.returncode == 1
    assert "never has not ended, or was never asked" in done.stderr


def test_csv_keeps_floats_to_the_last_bit_and_nulls_empty() -> None:
    pair = {
        "wallet_a": "a",
        "wallet_b": "b",
        "scores": {"idf": 0.1 + 0.2, "capital": None},
        "shared_tokens": 3,
        "label": "high, very",
        "lower_bound": False,
    }
    (row,) = csv.DictReader(io.StringIO("".join(csv_lines(pairs_table([pair])))))
    assert float(row["idf"]) == 0.1 + 0.2
    assert (row["capital"], row["label"], row["rank"]) == ("", "high, very", "1")
    assert list(row)[:7] == ["rank", "wallet_a", "wallet_b", "verdict", "q", "p", "lift"]
