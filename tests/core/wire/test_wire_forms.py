"""Raw and enhanced answers: each is read right, both give equal entries, and what is wrong with one is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from streamproc.core.chain.solana import USDC, WSOL
from streamproc.core.chain.tips import TIP_ACCOUNTS
from streamproc.core.ledger.entries import Entry, Kind, Page, RpcError, same_facts
from streamproc.core.wire.enhanced import enhanced_page
from streamproc.core.wire.raw import raw_page
from streamproc.errors import UpstreamUnavailableError

if TYPE_CHECKING:
    from random import Random

FEE = 5_000
Json = dict[str, Any]


class Account(NamedTuple):
    """An account before and after; `token` is (owner, mint, units before, units after), None a missing side."""

    key: str
    before: int
    after: int
    token: tuple[str, str, int | None, int | None] | None = None


def raw_item(accounts: list[Account], *, loaded: int = 0, **fields: object) -> Json:
    """A transaction of getTransactionsForAddress; the last `loaded` keys come from lookup tables."""
    keys = [account.key for account in accounts]
    static, looked_up = keys[: len(keys) - loaded], keys[len(keys) - loaded :]
    meta = {
        "fee": FEE,
        "err": None,
        "preBalances": [account.before for account in accounts],
        "postBalances": [account.after for account in accounts],
        "preTokenBalances": balances(accounts, 2),
        "postTokenBalances": balances(accounts, 3),
        "loadedAddresses": {"writable": looked_up[:1], "readonly": looked_up[1:]},
        "logMessages": ["Program log: something long that nobody reads"],
    }
    item = {"slot": 9, "transactionIndex": 4, "blockTime": 1000, "meta": meta, "version": 0}
    item["transaction"] = {"signatures": ["sig", "second"], "message": {"accountKeys": static}}
    return {**item, **fields}


def balances(accounts: list[Account], side: int) -> list[Json]:
    """Token balances of one side; side 2 is before, 3 after."""
    found = []
    for index, account in enumerate(accounts):
        if account.token is not None and account.token[side] is not None:
            owner, mint, units = account.token[0], account.token[1], account.token[side]
            amount = {"amount": str(units), "decimals": 6, "uiAmount": 0.1, "uiAmountString": "0.1"}
            found.append(
                {"accountIndex": index, "mint": mint, "owner": owner, "uiTokenAmount": amount}
            )
    return found


def raw_body(*items: Json, token: str | None = None) -> bytes:
    """A JSON-RPC answer."""
    result = {"data": list(items), "paginationToken": token}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()


def record(accounts: list[Account], **fields: object) -> Json:
    """A transaction of the enhanced list."""
    data = []
    for account in accounts:
        changes = []
        if account.token is not None:
            owner, mint, before, after = account.token
            units = (after or 0) - (before or 0)
            if units:
                amount = {"tokenAmount": str(units), "decimals": 6}
                changes.append(
                    {
                        "userAccount": owner,
                        "tokenAccount": account.key,
                        "mint": mint,
                        "rawTokenAmount": amount,
                    }
                )
        data.append(
            {
                "account": account.key,
                "nativeBalanceChange": account.after - account.before,
                "tokenBalanceChanges": changes,
            }
        )
    plain = {"signature": "sig", "slot": 9, "timestamp": 1000, "fee": FEE, "transactionError": None}
    rest = {
        "feePayer": accounts[0].key,
        "nativeTransfers": [],
        "tokenTransfers": [],
        "type": "SWAP",
    }
    return {**plain, **rest, "accountData": data, **fields}


def enhanced_body(*records: Json) -> bytes:
    """An enhanced answer."""
    return json.dumps(list(records)).encode()


def read_raw(body: bytes, wallet: str = "W") -> Page:
    """A raw page that is no error."""
    page = raw_page(body, wallet)
    assert isinstance(page, Page)
    return page


SALE = [
    Account("W", 10**9, 10**9 + 5_000_000 - FEE),
    Account("W.T", 2_039_280, 2_039_280, ("W", "T", 700, 200)),
    Account("pool.T", 2_039_280, 2_039_280, ("pool", "T", 0, 500)),
    Account("pool.Q", 10**10, 10**10 - 5_000_000, ("pool", WSOL, 10**9, 10**9 - 5_000_000)),
    Account("program", 1, 1),
]


def test_a_raw_sale_is_read_with_keys_of_lookup_tables() -> None:
    page = read_raw(raw_body(raw_item(SALE, loaded=3), token="9:4"))  # noqa: S106 - a cursor
    (entry,) = page.entries
    assert entry == Entry(
        signature="sig",
        slot=9,
        index=4,
        time=1000,
        failed=False,
        estimated=False,
        fee_payer="W",
        network_fee=5_000,
        sol_delta=4_995_000,
        tips=0,
        rent=0,
        kind=Kind.SELL,
        deltas=(("T", -500),),
        routed_quote=None,
        counterparty=None,
    )
    assert (page.next_token, page.decimals, page.foreign) == ("9:4", {"T": 6}, ())


def test_an_enhanced_sale_is_the_same_but_for_the_index() -> None:
    page = enhanced_page(enhanced_body(record(SALE)), "W", {})
    (raw,) = read_raw(raw_body(raw_item(SALE))).entries
    assert same_facts(page.entries[0], raw)
    assert page.entries[0].index == -1
    assert (page.decimals, page.next_token) == ({"T": 6}, None)


def test_entries_that_differ_in_anything_else_are_not_the_same() -> None:
    (raw,) = read_raw(raw_body(raw_item(SALE))).entries
    assert not same_facts(raw, structs.replace(raw, time=None))


def test_accounts_that_open_or_close_have_one_side_only() -> None:
    accounts = [
        Account("W", 0, 0),
        Account("old", 5, 0, ("W", "A", 7, None)),
        Account("new", 0, 5, ("W", "B", None, 8)),
    ]
    (entry,) = read_raw(raw_body(raw_item(accounts))).entries
    assert entry.deltas == (("A", -7), ("B", 8))


def test_an_account_that_changed_its_mint_moved_both() -> None:
    item = raw_item([Account("W", 9, 9 - FEE), Account("x", 5, 5, ("W", "A", 7, None))])
    amount = {"amount": "8", "decimals": 6}
    item["meta"]["postTokenBalances"] = [
        {"accountIndex": 1, "mint": "B", "owner": "W", "uiTokenAmount": amount}
    ]
    assert read_raw(raw_body(item)).entries[0].deltas == (("A", -7), ("B", 8))


def test_missing_parts_of_a_raw_transaction_are_allowed() -> None:
    item = raw_item([Account("W", FEE, 0)], blockTime=None)
    del item["transactionIndex"]
    for name in ("preTokenBalances", "postTokenBalances", "loadedAddresses", "err"):
        item["meta"][name] = None
    (entry,) = read_raw(raw_body(item)).entries
    assert (entry.index, entry.time, entry.network_fee) == (None, None, FEE)


def test_order_and_count_of_the_answer_are_kept() -> None:
    items = []
    for name in ("b", "a", "c"):
        item = raw_item(SALE)
        item["transaction"]["signatures"] = [name]
        items.append(item)
    assert [entry.signature for entry in read_raw(raw_body(*items)).entries] == ["b", "a", "c"]
    assert read_raw(raw_body(token="1:2")).entries == ()  # noqa: S106 - a cursor


def test_a_json_rpc_error_is_a_value() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid address"}}'
    assert raw_page(body, "W") == RpcError(-32602, "Invalid address")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"result":{"data":[{"slot":1}]}}',
        b"\xff",
        raw_body(raw_item(SALE))[:-9],
    ],
)
def test_what_is_no_raw_answer_is_unavailable(body: bytes) -> None:
    with pytest.raises(UpstreamUnavailableError):
        raw_page(body, "W")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b'[{"slot":1}]', b"\xff", b'[{"signature":"s"']
)
def test_what_is_no_enhanced_answer_is_unavailable(body: bytes) -> None:
    with pytest.raises(UpstreamUnavailableError):
        enhanced_page(body, "W", {})


def odd_items() -> dict[str, tuple[Json, str | None, int | None]]:
    """Raw transactions that cannot be read, with the signature and slot that they have."""
    found: dict[str, tuple[Json, str | None, int | None]] = {}

    def odd(name: str, signature: str | None = "sig", slot: int | None = 9) -> Json:
        item = raw_item(SALE)
        found[name] = item, signature, slot
        return item

    odd("no status")["meta"] = None
    odd("no owner")["meta"]["postTokenBalances"][0]["owner"] = None
    del odd("a field missing")["meta"]["fee"]
    odd("one balance less")["meta"]["postBalances"].pop()
    odd("an index past the accounts")["meta"]["preTokenBalances"][0]["accountIndex"] = 99
    odd("an index below them")["meta"]["preTokenBalances"][0]["accountIndex"] = -1
    odd("a word for an amount")["meta"]["postTokenBalances"][0]["uiTokenAmount"]["amount"] = "many"
    odd("no signature", None)["transaction"]["signatures"] = []
    odd("no body", None)["transaction"] = None
    odd("no accounts")["transaction"]["message"]["accountKeys"] = []
    odd("a slot of no chain", slot=None)["slot"] = 2**63
    odd("a slot below all", slot=None)["slot"] = -1
    odd("a time of no clock")["blockTime"] = 2**63
    odd("a word for a slot", None, None)["slot"] = "nine"
    return found


@pytest.mark.parametrize("name", odd_items())
def test_a_transaction_that_cannot_be_read_costs_itself_and_is_named(name: str) -> None:
    item, signature, slot = odd_items()[name]
    before, after = raw_item(SALE), raw_item(SALE)
    before["transaction"]["signatures"], after["transaction"]["signatures"] = ["b"], ["a"]
    page = read_raw(raw_body(before, item, after, token="9:4"))  # noqa: S106 - a cursor
    assert [entry.signature for entry in page.entries] == ["b", "a"]
    assert [(each.signature, each.slot) for each in page.unreadable] == [(signature, slot)]
    assert page.unreadable[0].reason
    assert (page.next_token, page.decimals) == ("9:4", {"T": 6})


def test_an_item_that_is_nothing_at_all_costs_itself() -> None:
    body = raw_body(raw_item(SALE)).replace(b'"data": [', b'"data": [null, 5, [], {}, ')
    page = read_raw(body)
    assert len(page.entries) == 1
    assert [(each.signature, each.slot) for each in page.unreadable] == [(None, None)] * 4


@pytest.mark.parametrize("owner", [None, 7])
def test_an_owner_that_is_none_makes_a_transaction_unreadable_and_a_missing_one_does_not(
    owner: object,
) -> None:
    item = raw_item(SALE)
    item["meta"]["preTokenBalances"][1]["owner"] = owner
    assert read_raw(raw_body(item)).entries == ()
    del item["meta"]["preTokenBalances"][1]["owner"]
    (entry,) = read_raw(raw_body(item)).entries
    assert entry.kind is Kind.SELL


def test_a_record_that_cannot_be_read_costs_itself_and_its_place() -> None:
    wordy, endless, bare = record(SALE), trimmed(), record(SALE, signature="bare")
    wordy["accountData"][1]["tokenBalanceChanges"][0]["rawTokenAmount"]["tokenAmount"] = "many"
    endless["tokenTransfers"][0]["tokenAmount"] = 1e300
    bare["accountData"][1]["account"] = None
    for item in (wordy, endless, bare):
        known = record(SALE, signature="known")
        page = enhanced_page(enhanced_body(item, known), "W", {"T": 6})
        assert [(each.signature, each.index) for each in page.entries] == [("known", -2)]
        assert [(each.signature, each.slot) for each in page.unreadable] == [(item["signature"], 9)]


def test_another_wallets_data_is_named() -> None:
    page = read_raw(raw_body(raw_item(SALE)), "somebody")
    assert page.foreign == ("sig",)
    assert enhanced_page(enhanced_body(record(SALE)), "somebody", {}).foreign == ("sig",)


@pytest.mark.parametrize("wallet", ["W", "pool", "program"])
def test_being_an_account_or_owning_one_is_being_named(wallet: str) -> None:
    assert read_raw(raw_body(raw_item(SALE, loaded=2)), wallet).foreign == ()
    assert enhanced_page(enhanced_body(record(SALE)), wallet, {}).foreign == ()


@pytest.mark.parametrize("token", [("somebody", "T", 7, 7), ("somebody", "T", 0, None)])
def test_owning_an_account_that_kept_its_amount_is_being_named(
    token: tuple[str, str, int, int | None],
) -> None:
    item = raw_item([*SALE, Account("kept", 5, 5, token)])
    assert read_raw(raw_body(item), "somebody").foreign == ()
    assert read_raw(raw_body(item), "somebody else").foreign == ("sig",)


def test_owning_an_account_of_a_failed_transaction_is_being_named() -> None:
    item = raw_item(SALE)
    item["meta"]["err"] = {"InstructionError": [0, "Custom"]}
    assert read_raw(raw_body(item), "pool").foreign == ()
    assert read_raw(raw_body(item), "somebody").foreign == ("sig",)


@pytest.mark.parametrize("side", ["preTokenBalances", "postTokenBalances"])
def test_owning_an_account_before_or_after_it_changed_hands_is_being_named(side: str) -> None:
    item = raw_item([*SALE, Account("handed", 5, 5, ("others", "T", 0, 0))])
    item["meta"][side][-1]["owner"] = "somebody"
    assert read_raw(raw_body(item), "somebody").foreign == ()


@pytest.mark.parametrize("value", [1, "somebody", ["somebody"], {"tokens": []}])
def test_what_is_kept_of_a_transaction_is_never_what_the_wire_says_it_is(value: object) -> None:
    item, odd = (
        raw_item(SALE),
        raw_item(SALE, changed=value, keys=value, bystanders=value),
    )
    for wallet in ("W", "somebody"):
        assert read_raw(raw_body(odd), wallet) == read_raw(raw_body(item), wallet)


def test_a_balance_without_owner_accuses_nobody() -> None:
    item = raw_item(SALE)
    for side in ("preTokenBalances", "postTokenBalances"):
        for balance in item["meta"][side]:
            del balance["owner"]
    assert read_raw(raw_body(item), "somebody").foreign == ()


# --- enhanced alone ---


def test_positions_go_on_over_pages_so_that_a_slot_keeps_its_order() -> None:
    body = enhanced_body(record(SALE, signature="new"), record(SALE, signature="old"))
    entries = enhanced_page(body, "W", {}, first_position=100).entries
    assert [(entry.signature, entry.index) for entry in entries] == [("new", -101), ("old", -102)]


def test_a_record_without_slot_time_fee_and_payer_is_read_from_its_balances() -> None:
    cut = record(SALE)
    for name in ("slot", "timestamp", "fee", "feePayer", "nativeTransfers", "tokenTransfers"):
        del cut[name]
    (entry,) = enhanced_page(enhanced_body(cut), "W", {}).entries
    (whole,) = read_raw(raw_body(raw_item(SALE))).entries
    assert same_facts(entry, structs.replace(whole, slot=0, time=None))


def test_a_failed_record_is_not_estimated_whatever_transfers_it_lists() -> None:
    transfer = {"fromUserAccount": "W", "toUserAccount": "R", "amount": 9}
    failed = record(
        [Account("W", 0, 0)],
        transactionError={"InstructionError": [0, {"Custom": 1}]},
        nativeTransfers=[transfer],
    )
    (entry,) = enhanced_page(enhanced_body(failed), "W", {}).entries
    assert (entry.kind, entry.estimated, entry.sol_delta) == (Kind.FAILED, False, -FEE)


def trimmed() -> Json:
    """A sale whose balances were cut: 500.000001 T to the pool, 1 SOL into a WSOL account that then closes."""
    token = {
        "mint": "T",
        "tokenAmount": 500.000001,
        "fromUserAccount": "W",
        "toUserAccount": "pool",
        "fromTokenAccount": "W.T",
        "toTokenAccount": "pool.T",
    }
    sol = {
        **token,
        "mint": WSOL,
        "tokenAmount": 1.0,
        "fromUserAccount": "pool",
        "toUserAccount": "W",
    }
    sol |= {"fromTokenAccount": "pool.Q", "toTokenAccount": "W.SOL"}
    other = {**sol, "toUserAccount": "X", "toTokenAccount": "X.SOL"}
    natives = [
        {"fromUserAccount": "W.SOL", "toUserAccount": "W", "amount": 1_000_000_000},
        {"fromUserAccount": "W", "toUserAccount": min(TIP_ACCOUNTS), "amount": 7_000},
        {"fromUserAccount": "X", "toUserAccount": "Y", "amount": 5},
    ]
    return record(
        [Account("W", 0, 123)],
        tokenTransfers=[token, sol, other],
        nativeTransfers=natives,
    )


def test_a_trimmed_record_is_read_from_the_transfers_that_touch_the_wallet() -> None:
    page = enhanced_page(enhanced_body(trimmed()), "W", {"T": 6})
    (entry,) = page.entries
    assert entry.estimated
    assert entry.deltas == (("T", -500_000_001),)
    assert (entry.sol_delta, entry.tips, entry.network_fee) == (10**9 - 7_000 - FEE, 7_000, FEE)
    assert (entry.trade_sol, entry.kind) == (10**9, Kind.SELL)
    assert page.decimals == {"T": 6}


def test_decimals_of_a_trimmed_record_come_from_balances_of_the_page_first() -> None:
    known = record(SALE, signature="known")
    page = enhanced_page(enhanced_body(known, trimmed()), "W", {"T": 2})
    assert page.entries[1].deltas == (("T", -500_000_001),)


def test_a_transfer_without_known_decimals_is_left_out_and_named() -> None:
    page = enhanced_page(enhanced_body(trimmed()), "W", {})
    assert page.unknown_decimals == ("T",)
    assert page.entries[0].deltas == ()


def test_a_wrap_in_a_trimmed_record_is_no_rent() -> None:
    wrap = {"fromUserAccount": "R", "toUserAccount": "W.SOL", "amount": 2_039_280}
    paid = {
        "mint": WSOL,
        "tokenAmount": 0.5,
        "fromUserAccount": "R",
        "toUserAccount": "W",
        "fromTokenAccount": "R.SOL",
        "toTokenAccount": "W.SOL",
    }
    cut = record([Account("R", 9, 9)], nativeTransfers=[wrap], tokenTransfers=[paid])
    (entry,) = enhanced_page(enhanced_body(cut), "W", {}).entries
    assert (entry.rent, entry.sol_delta) == (0, 502_039_280)


def test_a_wallet_named_by_a_transfer_alone_is_named() -> None:
    assert enhanced_page(enhanced_body(trimmed()), "X", {"T": 6}).foreign == ()


def test_an_account_named_by_nothing_but_its_owner_keeps_its_lamports_apart() -> None:
    paid = {"mint": WSOL, "tokenAmount": 1, "fromUserAccount": "W", "toUserAccount": "R"}
    cut = record([Account("W", 9, 9)], tokenTransfers=[paid])
    (entry,) = enhanced_page(enhanced_body(cut), "W", {}).entries
    assert entry.sol_delta == -(10**9) - FEE


# --- one transaction, two forms ---

KEYS = ["W", "A", "B", min(TIP_ACCOUNTS), "a1", "a2", "a3", "a4", "a5"]
units = st.one_of(st.none(), st.integers(0, 2**64 - 1), st.sampled_from([0, 990, 1000, 10_000]))
tokens = st.one_of(
    st.none(),
    st.tuples(st.sampled_from("WAB"), st.sampled_from(["T", "U", USDC, WSOL]), units, units),
)
lamports = st.one_of(st.integers(0, 10**12), st.sampled_from([0, 2_039_280, 2_074_080, 1_002_240]))


@st.composite
def transactions(draw: st.DrawFn) -> list[Account]:
    """Accounts whose lamports change by -FEE in sum; the first one pays."""
    accounts: list[Account] = []
    for key in draw(st.permutations(KEYS)):
        before, after = draw(lamports), draw(lamports)
        pays = not accounts  # as the chain has it, no token account does
        token = draw(tokens) if key.startswith("a") and not pays else None
        accounts.append(Account(key, before, after, token))
    off = sum(each.after - each.before for each in accounts) + FEE
    last = accounts[-1]
    return [*accounts[:-1], last._replace(before=last.before + off)]


RATES = (6_960, 6_333, 5_080)  # rent a byte, as it was and is
MOVES_LIKE_A_TOKEN_ACCOUNT = {(128 + size) * rate for size in range(165, 183) for rate in RATES}
MOVES_LIKE_A_TOKEN_ACCOUNT |= {293 * (6_960 - 6_333), 293 * (6_333 - 5_080), 293 * (6_960 - 5_080)}


def has_unnamed(accounts: list[Account], wallet: str) -> bool:
    """Whether an account without a token change moves as a token account does."""
    return any(
        abs(each.after - each.before) in MOVES_LIKE_A_TOKEN_ACCOUNT
        for each in accounts
        if each.key not in {wallet, accounts[0].key, min(TIP_ACCOUNTS)}
        and (each.token is None or (each.token[2] or 0) == (each.token[3] or 0))
    )


def kept(accounts: list[Account]) -> list[Account]:
    """Token accounts whose lamports move alone: only the raw form says whose they are."""
    return [
        each
        for each in accounts
        if each.token is not None
        and (each.token[2] or 0) == (each.token[3] or 0)
        and each.before != each.after
    ]


def moves_oddly(accounts: list[Account]) -> bool:
    """Whether a token account that keeps its amount moves as no token account does by itself: SOL sent to it."""
    return any(
        abs(each.after - each.before) not in MOVES_LIKE_A_TOKEN_ACCOUNT for each in kept(accounts)
    )


@given(transactions(), st.sampled_from("WAB"), st.integers(0, 5))
def test_both_forms_of_any_transaction_give_equal_entries(
    accounts: list[Account], wallet: str, loaded: int
) -> None:
    raw = read_raw(raw_body(raw_item(accounts, loaded=loaded)), wallet)
    enhanced = enhanced_page(enhanced_body(record(accounts)), wallet, {})
    (ours,), (theirs,) = raw.entries, enhanced.entries
    assert theirs.estimated == has_unnamed(accounts, wallet)
    if not kept(accounts) or not (theirs.estimated or moves_oddly(accounts)):
        assert same_facts(ours, structs.replace(theirs, estimated=False))
    assert (ours.index, ours.estimated) == (4, False)
    assert raw.decimals == enhanced.decimals
    assert {mint for mint, _ in ours.deltas} <= raw.decimals.keys()
    assert set(raw.decimals.values()) <= {6}


def test_the_decimals_of_goods_are_known_when_an_order_is_placed() -> None:
    accounts = [
        Account("W", 10**9, 10**9 - FEE - 5_122_560),
        Account("E", 0, 3_083_280),
        Account("escrow", 0, 2_039_280, ("E", "T", None, 100)),
        Account("W.T", 2_039_280, 2_039_280, ("W", "T", 100, 0)),
    ]
    raw = read_raw(raw_body(raw_item(accounts)))
    enhanced = enhanced_page(enhanced_body(record(accounts)), "W", {})
    assert raw.entries[0].kind is enhanced.entries[0].kind is Kind.ORDER_PLACED
    assert raw.decimals == enhanced.decimals == {"T": 6}


@given(transactions(), st.sampled_from("WAB"), st.randoms())
def test_an_entry_does_not_depend_on_the_order_of_accounts(
    accounts: list[Account], wallet: str, random: Random
) -> None:
    payer, *others = accounts
    mixed = random.sample(others, len(others))
    (one,) = read_raw(raw_body(raw_item(accounts))).entries
    (other,) = read_raw(raw_body(raw_item([payer, *mixed]))).entries
    assert one == other
    (one,) = enhanced_page(enhanced_body(record(accounts)), wallet, {}).entries
    (other,) = enhanced_page(enhanced_body(record([payer, *mixed])), wallet, {}).entries
    assert one == other


@pytest.mark.parametrize("units", [0, 700])
def test_an_own_account_that_keeps_its_amount_is_named_by_the_raw_form_alone(units: int) -> None:
    # A relayer pays the fee; W opens an account that stays empty, or frees what an old one keeps too much.
    before, after = (0, 1_488_440) if units == 0 else (2_039_280, 1_488_440)
    accounts = [
        Account("R", 9_000_000, 8_995_000),
        Account("W", 5_000_000, 5_000_000 - (after - before)),
        Account("W.T", before, after, ("W", "T", units or None, units)),
    ]
    (raw,) = read_raw(raw_body(raw_item(accounts))).entries
    (enhanced,) = enhanced_page(enhanced_body(record(accounts)), "W", {}).entries
    assert (raw.rent, raw.trade_sol, raw.estimated) == (after - before, 0, False)
    assert (enhanced.rent, enhanced.trade_sol, enhanced.estimated) == (0, before - after, True)
