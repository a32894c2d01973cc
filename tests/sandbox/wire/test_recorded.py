"""Recorded transactions are served as they lie, and in the raw form where that is honest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest

from streamproc.errors import ConfigurationError
from streamproc.sandbox.service.command import SandboxOptions, archive_of, faults_of
from streamproc.sandbox.service.server import serve
from streamproc.sandbox.wire.recorded_archive import RecordedArchive
from streamproc.sandbox.wire.recorded_form import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDED = Path(__file__).parents[4] / "shared/data/real-transactions"


@pytest.fixture(scope="module")
def archive() -> RecordedArchive:
    if not RECORDED.exists():
        pytest.skip("recorded transactions are not beside this checkout")
    return RecordedArchive(RECORDED)


def recorded() -> Iterator[dict[str, Any]]:
    for path in RECORDED.glob("*.json"):
        content = orjson.loads(path.read_bytes())
        yield from content if isinstance(content, list) else [content]


def raw_changes(shown: dict[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    meta, keys = shown["meta"], shown["transaction"]["message"]["accountKeys"]
    lamports = {
        key: after - before
        for key, before, after in zip(keys, meta["preBalances"], meta["postBalances"], strict=True)
    }
    tokens: dict[str, int] = {}
    for sign, name in ((-1, "preTokenBalances"), (1, "postTokenBalances")):
        for row in meta[name]:
            key = keys[row["accountIndex"]]
            tokens[key] = tokens.get(key, 0) + sign * int(row["uiTokenAmount"]["amount"])
    return lamports, {key: units for key, units in tokens.items() if units}


def test_every_record_is_found_as_it_lies(archive: RecordedArchive) -> None:
    count = 0
    for transaction in recorded():
        record = archive.find(transaction["signature"])
        assert record is not None
        assert orjson.loads(archive.enhanced(record)) == transaction
        count += 1
    assert count == 300


def test_whole_records_change_the_same_balances_in_the_raw_form(archive: RecordedArchive) -> None:
    whole = 0
    for transaction in recorded():
        record = archive.find(transaction["signature"])
        assert record is not None
        if not is_whole(transaction):
            continue
        whole += 1
        lamports, tokens = raw_changes(orjson.loads(archive.raw(record) or b""))
        rows = transaction["accountData"]
        assert lamports == {row["account"]: row["nativeBalanceChange"] for row in rows}
        assert tokens == {
            change["tokenAccount"]: int(change["rawTokenAmount"]["tokenAmount"])
            for row in rows
            for change in row["tokenBalanceChanges"]
        }
    assert whole == 246


def test_trimmed_records_have_no_raw_form(archive: RecordedArchive) -> None:
    assert len(archive.trimmed) == 54
    for signature in archive.trimmed:
        record = archive.find(signature)
        assert record is not None
        assert archive.raw(record) is None


def test_named_wallets_have_whole_histories_only(archive: RecordedArchive) -> None:
    assert len(archive.wallets) > 50
    longest = archive.history(archive.wallets[0], "balanceChanged")
    assert len(longest) == 78
    for wallet in archive.wallets:
        for record in archive.history(wallet, "balanceChanged"):
            assert archive.raw(record) is not None


async def test_a_recorded_wallet_is_served_in_both_forms(archive: RecordedArchive) -> None:
    wallet = archive.wallets[0]
    options = {"transactionDetails": "full", "limit": 1000}
    call = {"jsonrpc": "2.0", "id": 1, "method": "getTransactionsForAddress"}
    async with serve(archive) as sandbox, httpx.AsyncClient(base_url=sandbox.url) as http:
        query = {"api-key": "k", "limit": "100"}
        enhanced = (await http.get(f"/v0/addresses/{wallet}/transactions", params=query)).json()
        reply = await http.post("/?api-key=k", json={**call, "params": [wallet, options]})
        about = (await http.get("/sandbox/world")).json()
    raw = reply.json()["result"]["data"]
    assert [row["transaction"]["signatures"][0] for row in raw] == [
        row["signature"] for row in enhanced
    ]
    assert about["wallets"][0] == {"address": wallet, "transactions": 78}


def test_a_folder_without_transactions_is_a_misconfiguration(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text('{"hello": 1}')
    with pytest.raises(ConfigurationError, match="must hold recorded transactions"):
        archive_of(SandboxOptions(data=tmp_path))


def test_all_unreadable_faults_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as wrong:
        faults_of(SandboxOptions(faults=("500", "teapot", "429:nth=x")))
    assert [fault.value for fault in wrong.value.faults] == ["teapot", "429:nth=x"]
