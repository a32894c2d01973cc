"""The recorded real transactions: each is read, adds up, and a few are known to the last unit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamproc.core.chain.solana import WSOL, is_address
from streamproc.core.ledger.entries import TRADE_KINDS, Entry, Kind
from streamproc.core.pnl.trades import Confidence, trades_of
from streamproc.core.wire.enhanced import enhanced_page

FOLDER = Path(__file__).parents[3].parent / "shared/data/real-transactions"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"recorded transactions are not there: {FOLDER}"
)


def records(name: str = "*") -> list[dict[str, Any]]:
    """The transactions of the recorded files of that name."""
    found: list[dict[str, Any]] = []
    for path in sorted(FOLDER.glob(f"{name}.json")):
        content = json.loads(path.read_bytes())
        found += content if isinstance(content, list) else [content]
    return found


def wallets_of(record: dict[str, Any]) -> set[str]:
    """Everyone whose books a record touches: accounts and owners."""
    owners = {
        change["userAccount"]
        for account in record["accountData"]
        for change in account["tokenBalanceChanges"]
    }
    return {account["account"] for account in record["accountData"]} | owners - {None, ""}


def entry_in(record: dict[str, Any], wallet: str) -> Entry:
    """The entry of one record."""
    (entry,) = enhanced_page(json.dumps([record]).encode(), wallet, {}).entries
    return entry


def test_all_three_hundred_are_read_for_everyone_they_touch() -> None:
    found = records()
    assert len({record["signature"] for record in found}) == 300
    for record in found:
        for wallet in wallets_of(record):
            page = enhanced_page(json.dumps([record]).encode(), wallet, {})
            (entry,) = page.entries
            assert page.foreign == ()
            assert is_address(entry.fee_payer)
            assert entry.failed == (record["transactionError"] is not None)
            assert bool(trades_of(entry, wallet)) == (entry.kind in TRADE_KINDS)


def test_books_of_all_owners_add_up_to_minus_the_fee_and_to_every_mint() -> None:
    for record in records():
        data = record["accountData"]
        total = sum(account["nativeBalanceChange"] for account in data)
        if record["transactionError"] is not None or total != -record.get("fee", -total):
            continue
        changes = [change for account in data for change in account["tokenBalanceChanges"]]
        inner = {change["tokenAccount"] for change in changes}
        entries = [entry_in(record, wallet) for wallet in wallets_of(record) - inner]
        assert sum(entry.sol_delta for entry in entries) == total
        for mint in {change["mint"] for change in changes} - {WSOL}:
            booked = sum(units for entry in entries for name, units in entry.deltas if name == mint)
            moved = sum(
                int(c["rawTokenAmount"]["tokenAmount"]) for c in changes if c["mint"] == mint
            )
            assert booked == moved


@pytest.mark.parametrize(
    ("name", "kind", "trade_sol"),
    [
        ("pumpfun-buy", Kind.BUY, -1_623_762_315),
        ("raydium-buy", Kind.BUY, -10_000_000),
        ("pump-amm-buy", Kind.BUY, -20_240_000_002),
        ("pump-amm-sell", Kind.SELL, 11_150_507_860),
        ("burn", Kind.BURN, -39_280),
        ("create-pool-a", Kind.LIQUIDITY, -450_447_202_720),
        ("create-pool-b", Kind.LIQUIDITY, -22_447_202_720),
        ("transfer-sol", Kind.TRANSFER_OUT, -4_000_000_000),
        ("transfer-token", Kind.TRANSFER_OUT, 0),
        ("xray-swap", Kind.QUOTE_SWAP, 60_508_454_307),
        ("failed-instruction-error", Kind.FAILED, 0),
        ("failed-insufficient-funds", Kind.FAILED, 0),
        ("fee-payer-differs", Kind.OTHER, 0),
    ],
)
def test_known_transactions_have_their_kind_and_price(
    name: str, kind: Kind, trade_sol: int
) -> None:
    (record,) = records(name)
    entry = entry_in(record, record["feePayer"])
    assert (entry.kind, entry.trade_sol) == (kind, trade_sol)


TOKEN_RENTS = {
    (128 + size) * 6_960 for size in range(165, 183)
}  # all are older than September 2026


def may_hold_tokens(record: dict[str, Any], payer: str) -> bool:
    """Whether an account that nobody names moved by what a token account keeps."""
    return any(
        abs(account["nativeBalanceChange"]) in TOKEN_RENTS
        for account in record["accountData"]
        if account["account"] != payer and not account["tokenBalanceChanges"]
    )


def test_exactly_trimmed_records_and_those_with_accounts_that_nobody_names_are_estimated() -> None:
    estimated, trimmed, doubtful = set(), set(), set()
    for record in records():
        data = record["accountData"]
        payer = record.get("feePayer") or data[0]["account"]
        total = sum(account["nativeBalanceChange"] for account in data)
        if entry_in(record, payer).estimated:
            estimated.add(record["signature"])
        if record["transactionError"] is None and total != -record.get("fee", -total):
            trimmed.add(record["signature"])
        elif record["transactionError"] is None and may_hold_tokens(record, payer):
            doubtful.add(record["signature"])
    assert estimated == trimmed | doubtful
    assert len(doubtful) == 2
    assert len(trimmed) >= 2


@pytest.mark.parametrize("name", ["pump-amm-buy", "pump-amm-sell"])
def test_a_trade_of_a_trimmed_record_is_estimated(name: str) -> None:
    (record,) = records(name)
    (trade,) = trades_of(entry_in(record, record["feePayer"]), record["feePayer"])
    assert trade.confidence is Confidence.ESTIMATED
