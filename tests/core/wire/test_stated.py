"""Real transactions against what other tools state of them, to the unit; and what must hold of every recorded one.

The expectations are those of `stated-trades.json` beside the recordings; nothing here knows a rule or a table of ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from streamproc.core.ledger.custody import resolved
from streamproc.core.ledger.entries import Entry, Page, canonical_order, same_facts
from streamproc.core.pnl.trades import Trade, trades_of
from streamproc.core.result.wallet_analysis import History, Scope, analyze
from streamproc.core.wire.enhanced import enhanced_page
from streamproc.core.wire.raw import raw_page

FOLDER: Final = Path(__file__).parents[3].parent / "shared/data/real-transactions-2"
WSOL: Final = "So11111111111111111111111111111111111111112"
USDC: Final = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
PYUSD: Final = "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"
RAY: Final = "4k3Dyjzvzp8eMZWUXbBCjEvwSkkk59S5iCNLY3QrkX6R"
ORDERER: Final = "GAgnD5XviS4wN7GpcTBbgvtFAZnT6Lc1ehkbnP3qo1bz"
PYUSD_SWAP: Final = "5pcpYhqJ"
DCA_FILL: Final = "S3z6oPjo"

Json = dict[str, Any]
Reader = Callable[[Json, str], Entry]

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"recorded transactions are not there: {FOLDER}"
)


@cache
def recorded() -> dict[str, Json]:
    """All recorded raw transactions by signature."""
    items = [
        item for path in sorted(FOLDER.glob("*.raw.json")) for item in json.loads(path.read_bytes())
    ]
    return {item["transaction"]["signatures"][0]: item for item in items}


def stated() -> list[Json]:
    """What other tools state."""
    if not FOLDER.is_dir():
        return []
    found: list[Json] = json.loads((FOLDER / "stated-trades.json").read_bytes())
    return found


def item(start: str) -> Json:
    """The recorded transaction whose signature begins so."""
    (found,) = [each for signature, each in recorded().items() if signature.startswith(start)]
    return found


def raw_entry(transaction: Json, wallet: str) -> Entry:
    """The entry of one transaction in raw form."""
    page = raw_page(json.dumps({"result": {"data": [transaction]}}).encode(), wallet)
    assert isinstance(page, Page)
    (entry,) = page.entries
    return entry


def enhanced_entry(transaction: Json, wallet: str) -> Entry:
    """The entry of the same transaction in enhanced form."""
    page = enhanced_page(json.dumps([enhanced(transaction)]).encode(), wallet, {})
    (entry,) = page.entries
    return entry


FORMS: Final = pytest.mark.parametrize("read", [raw_entry, enhanced_entry])


def keys_of(transaction: Json) -> list[str]:
    """All accounts in the order of balances."""
    loaded = transaction["meta"].get("loadedAddresses") or {}
    static: list[str] = transaction["transaction"]["message"]["accountKeys"]
    return [*static, *loaded.get("writable", []), *loaded.get("readonly", [])]


def holdings(transaction: Json) -> list[tuple[str, Json | None, Json | None]]:
    """Each token account with its balance before and after."""
    keys, meta = keys_of(transaction), transaction["meta"]
    before, after = [
        {each["accountIndex"]: each for each in meta.get(side) or ()}
        for side in ("preTokenBalances", "postTokenBalances")
    ]
    return [(keys[n], before.get(n), after.get(n)) for n in sorted(before.keys() | after.keys())]


def units_of(balance: Json | None) -> int:
    """Base units, none where there is no account."""
    return int(balance["uiTokenAmount"]["amount"]) if balance else 0


def enhanced(transaction: Json) -> Json:
    """The same as the enhanced list has it."""
    meta, keys = transaction["meta"], keys_of(transaction)
    changes: dict[str, list[Json]] = {key: [] for key in keys}
    for account, before, after in holdings(transaction):
        said = after or before
        units = units_of(after) - units_of(before)
        if said and units:
            amount = {"tokenAmount": str(units), "decimals": said["uiTokenAmount"]["decimals"]}
            change = {
                "userAccount": said.get("owner"),
                "tokenAccount": account,
                "mint": said["mint"],
            }
            changes[account].append({**change, "rawTokenAmount": amount})
    balances = zip(keys, meta["preBalances"], meta["postBalances"], strict=True)
    return {
        "signature": transaction["transaction"]["signatures"][0],
        "slot": transaction["slot"],
        "timestamp": transaction.get("blockTime"),
        "fee": meta["fee"],
        "feePayer": keys[0],
        "transactionError": meta["err"],
        "accountData": [
            {
                "account": key,
                "nativeBalanceChange": after - before,
                "tokenBalanceChanges": changes[key],
            }
            for key, before, after in balances
        ],
    }


def has_trade(entry: Entry, expected: Json) -> None:
    """The entry is one trade: side, amount and quote equal to the unit."""
    (trade,) = trades_of(entry, expected["wallet"])
    assert trade.side == ("buy" if expected["expected_token"] > 0 else "sell")
    assert trade.amount == abs(expected["expected_token"])
    assert dict(trade.quotes) == {expected["quote"]: expected["expected_quote"]}


TRADES = [
    each
    for each in stated()
    if each["kind"] == "trade" and not each["signature"].startswith(PYUSD_SWAP)
]
FILLS = [each for each in stated() if each["kind"] == "limit order v1 fill"]


@FORMS
@pytest.mark.parametrize(
    "expected", TRADES, ids=lambda each: f"{each['signature'][:8]}-{each['wallet'][:4]}"
)
def test_a_trade_is_what_another_tool_states(read: Reader, expected: Json) -> None:
    entry = read(recorded()[expected["signature"]], expected["wallet"])
    has_trade(entry, expected)
    assert entry.tips >= expected["tips"]


def test_there_are_as_many_as_were_handed_out() -> None:
    assert (len(stated()), len(TRADES), len(FILLS), len(recorded())) == (22, 15, 5, 206)


@FORMS
def test_sol_against_a_stable_is_an_exchange_and_no_trade(read: Reader) -> None:
    (expected,) = [each for each in stated() if each["signature"].startswith(PYUSD_SWAP)]
    entry = read(item(PYUSD_SWAP), expected["wallet"])
    assert (str(entry.kind), trades_of(entry, expected["wallet"])) == ("quote_swap", [])
    assert entry.trade_sol == expected["expected_quote"]
    assert entry.deltas == ((PYUSD, expected["expected_token"]),)


@FORMS
@pytest.mark.parametrize(
    ("start", "legs"),
    [
        ("2BppD7Zq", {WSOL: 85_236}),
        ("5Rt3Hkbv", {WSOL: -63_499}),
        ("4ijsPheC", {USDC: 31_007}),
        ("5ETEPdhL", {WSOL: 2_883_392}),
        ("2NvsB6Lb", {WSOL: 261_880}),
    ],
)
def test_an_arbitrage_is_a_round_trip(read: Reader, start: str, legs: dict[str, int]) -> None:
    transaction = item(start)
    entry = read(transaction, keys_of(transaction)[0])
    assert (str(entry.kind), entry.round_trips) == ("round_trip", legs)


# --- orders ---


def order_history(read: Reader) -> list[Entry]:
    """What is recorded of the wallet whose limit order was filled in parts."""
    starts = ["5iPvQ1Th", *(each["signature"] for each in FILLS)]
    return [read(item(start), ORDERER) for start in starts]


@FORMS
@pytest.mark.parametrize("expected", FILLS, ids=lambda each: each["signature"][:8])
def test_a_fill_is_a_trade_once_its_order_is_known(read: Reader, expected: Json) -> None:
    entries = resolved(canonical_order(order_history(read)), ORDERER)
    (fill,) = [each for each in entries if each.signature == expected["signature"]]
    assert str(fill.kind) == "order_filled"
    has_trade(fill, expected)
    assert fill.network_fee == 0, "a keeper paid it"


@FORMS
def test_without_its_order_a_fill_stays_what_it_looks_like(read: Reader) -> None:
    entries = resolved(canonical_order(order_history(read)[1:]), ORDERER)
    assert {str(each.kind) for each in entries} == {"transfer_in", "other"}


@FORMS
def test_the_lots_of_an_order_are_bought_for_all_that_was_filled(read: Reader) -> None:
    entries = order_history(read)
    slot = max(entry.slot for entry in entries)
    pnl = analyze(History(ORDERER, entries, [(0, slot)], slot), Scope()).pnl
    (row,) = pnl["tokens"]
    paid = -sum(each["expected_quote"] for each in FILLS)
    got = sum(each["expected_token"] for each in FILLS)
    assert (row["bought"], row["received"], row["open_amount"]) == (str(got), "0", str(got))
    assert row["quotes"] == {USDC: {"spent": str(paid), "received": "0", "realized": "0"}}
    assert pnl["stable_net_flow"] == {USDC: str(-paid)}
    assert (pnl["trades"], pnl["wallet_costs_lamports"]) == (5, 37_920)


def dca_placed(fill: Json, wallet: str) -> Json:
    """An opening that fits the recorded fill: the goods' account and its owner are made in one transaction."""
    before = {account: balance for account, balance, _ in holdings(fill) if balance}
    goods, owner = (
        "Eu2MKgnycb3vmgoiZVgz83bHMHqZGgynnapQXtspbMey",
        "DbQVM6pTeSypDes8uJmHwsRNjBdy5Fg2v6aEMsT5CSsU",
    )
    assert before[goods]["owner"] == owner
    units, record, kept = units_of(before[goods]), (128 + 289) * 6_960, 2_039_280
    keys = [wallet, "wallet's USDC", owner, goods]

    def balance(index: int, who: str, amount: int) -> Json:
        """A token balance."""
        said = {"amount": str(amount), "decimals": 6}
        return {"accountIndex": index, "mint": USDC, "owner": who, "uiTokenAmount": said}

    return {
        "slot": fill["slot"] - 1_000,
        "blockTime": fill["blockTime"] - 400,
        "transaction": {
            "signatures": ["1" * 63 + "2"],
            "message": {"accountKeys": keys},
        },
        "meta": {
            "err": None,
            "fee": 5_000,
            "preBalances": [10**9, kept, 0, 0],
            "postBalances": [10**9 - 5_000 - record - kept, kept, record, kept],
            "preTokenBalances": [balance(1, wallet, units + 7)],
            "postTokenBalances": [balance(1, wallet, 7), balance(3, owner, units)],
        },
    }


@FORMS
def test_a_fill_of_a_dca_is_a_trade_after_its_opening(read: Reader) -> None:
    (expected,) = [each for each in stated() if each["signature"].startswith(DCA_FILL)]
    wallet, fill = expected["wallet"], item(DCA_FILL)
    entries = [read(dca_placed(fill, wallet), wallet), read(fill, wallet)]
    opened, filled = resolved(canonical_order(entries), wallet)
    assert (str(opened.kind), opened.deltas) == ("order_placed", ())
    assert (str(filled.kind), filled.deltas[0][0]) == ("order_filled", RAY)
    has_trade(filled, expected)
    (alone,) = resolved([read(fill, wallet)], wallet)
    assert str(alone.kind) == "transfer_in"


# --- what holds of every recorded transaction ---


def wallets_of(transaction: Json) -> set[str]:
    """Everyone whose books it touches: accounts and owners, token accounts of others left out."""
    owned = holdings(transaction)
    owners: set[str] = {
        said["owner"] for _, *both in owned for said in both if said and said.get("owner")
    }
    inner = {
        account
        for account, *both in owned
        if any(said and said.get("owner") not in {None, "", account} for said in both)
    }
    return (set(keys_of(transaction)) | owners) - inner


def test_books_of_all_owners_add_up_to_minus_the_fee_and_to_every_mint() -> None:
    compared = 0
    for signature, transaction in recorded().items():
        if transaction["meta"]["err"] is not None:
            continue
        entries = [raw_entry(transaction, wallet) for wallet in sorted(wallets_of(transaction))]
        if any(str(entry.kind).startswith("order_") for entry in entries):
            continue  # an order's own address holds what is somebody's: both would book it
        compared += 1
        assert (
            sum(entry.sol_delta for entry in entries) + _in_no_delta(transaction)
            == -(transaction["meta"]["fee"])
        ), signature
        moved: dict[str, int] = {}
        for _, before, after in holdings(transaction):
            for said, sign in ((before, -1), (after, 1)):
                if said and said["mint"] != WSOL:
                    moved[said["mint"]] = moved.get(said["mint"], 0) + sign * units_of(said)
        booked: dict[str, int] = {}
        for entry in entries:
            for mint, units in entry.deltas:
                booked[mint] = booked.get(mint, 0) + units
        assert {mint: n for mint, n in booked.items() if n} == {
            mint: n for mint, n in moved.items() if n
        }, signature
    assert compared > 80


def _in_no_delta(transaction: Json) -> int:
    """What token accounts gained whose amount stayed: it is rent, and no delta of lamports."""
    meta = transaction["meta"]
    changes = {
        key: after - before
        for key, before, after in zip(
            keys_of(transaction), meta["preBalances"], meta["postBalances"], strict=True
        )
    }
    return sum(
        changes[account]
        for account, before, after in holdings(transaction)
        if units_of(before) == units_of(after)
        and (before or after or {}).get("owner") not in {None, "", account}
    )


def test_both_wire_forms_are_equal_or_the_enhanced_entry_is_estimated() -> None:
    compared = estimated = 0
    for transaction in recorded().values():
        if any(
            before and after and before.get("owner") != after.get("owner")
            for _, before, after in holdings(transaction)
        ):
            continue  # the enhanced form cannot show that an account changes hands
        for wallet in sorted(wallets_of(transaction)):
            raw, other = raw_entry(transaction, wallet), enhanced_entry(transaction, wallet)
            compared += 1
            estimated += other.estimated
            if not other.estimated:
                assert same_facts(raw, other), (raw, other)
            assert not raw.estimated
    assert compared > 1_000
    assert estimated * 10 < compared, "few are"


def test_every_entry_that_is_a_trade_makes_trades_and_no_other() -> None:
    kinds = {"buy", "sell", "token_swap"}
    for transaction in recorded().values():
        for wallet in sorted(wallets_of(transaction)):
            entry = raw_entry(transaction, wallet)
            trades: list[Trade] = trades_of(entry, wallet)
            assert bool(trades) == (str(entry.kind) in kinds)
            assert sum(trade.fees for trade in trades) in {0, entry.network_fee + entry.tips}
