"""Both wire forms of every transaction tell the same, and tell what happened."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from streamproc.sandbox.chain import known
from streamproc.sandbox.wire.generated_archive import WorldArchive
from streamproc.sandbox.wire.raw_form import shown_amount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamproc.sandbox.world.world import World

Changes = tuple[dict[str, int], dict[tuple[str, str, str], int]]


def both_forms(world: World) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    archive = WorldArchive(world)
    for transaction in world.transactions:
        record = archive.find(transaction.place.signature)
        assert record is not None
        yield orjson.loads(archive.raw(record) or b""), orjson.loads(archive.enhanced(record))


def changes_of_raw(shown: dict[str, Any]) -> Changes:
    meta = shown["meta"]
    loaded = meta.get("loadedAddresses") or {"writable": [], "readonly": []}
    keys = shown["transaction"]["message"]["accountKeys"] + loaded["writable"] + loaded["readonly"]
    assert len(keys) == len(meta["preBalances"]) == len(meta["postBalances"]) == len(set(keys))
    lamports = {
        key: after - before
        for key, before, after in zip(keys, meta["preBalances"], meta["postBalances"], strict=True)
    }
    tokens: Counter[tuple[str, str, str]] = Counter()
    for sign, balances in ((-1, meta["preTokenBalances"]), (1, meta["postTokenBalances"])):
        for row in balances:
            place = (keys[row["accountIndex"]], row["owner"], row["mint"])
            tokens[place] += sign * int(row["uiTokenAmount"]["amount"])
    return lamports, {place: units for place, units in tokens.items() if units}


def changes_of_enhanced(shown: dict[str, Any]) -> Changes:
    lamports = {row["account"]: row["nativeBalanceChange"] for row in shown["accountData"]}
    tokens = {
        (change["tokenAccount"], change["userAccount"], change["mint"]): int(
            change["rawTokenAmount"]["tokenAmount"]
        )
        for row in shown["accountData"]
        for change in row["tokenBalanceChanges"]
    }
    return lamports, tokens


def test_both_forms_of_every_transaction_tell_the_same_changes(world: World) -> None:
    for raw, enhanced in both_forms(world):
        assert changes_of_raw(raw) == changes_of_enhanced(enhanced)
        assert raw["transaction"]["signatures"][0] == enhanced["signature"]
        assert raw["slot"] == enhanced["slot"]
        assert raw["blockTime"] == enhanced["timestamp"]
        assert raw["meta"]["fee"] == enhanced["fee"]
        assert (raw["meta"]["err"] is None) == (enhanced["transactionError"] is None)
        assert raw["transaction"]["message"]["accountKeys"][0] == enhanced["feePayer"]


def test_a_raw_transaction_s_header_and_tables_fit_its_keys(world: World) -> None:
    versions: Counter[str | int] = Counter()
    for raw, _ in both_forms(world):
        message, versions[raw["version"]] = raw["transaction"]["message"], 1
        header = message["header"]
        assert header["numRequiredSignatures"] == len(raw["transaction"]["signatures"])
        programs = message["accountKeys"][-header["numReadonlyUnsignedAccounts"] :]
        assert set(programs) <= set(known.PROGRAMS)
        assert ("addressTableLookups" in message) == (raw["version"] == 0)
        assert ("transactionConfig" in message) == (raw["version"] == 1)
        if raw["version"] == 1:
            assert known.COMPUTE_BUDGET not in message["accountKeys"]
            assert "loadedAddresses" not in raw["meta"]
            paid = raw["meta"]["fee"] - 5_000 * header["numRequiredSignatures"]
            assert message["transactionConfig"]["priorityFee"] == paid
    assert versions.keys() == {"legacy", 0, 1}


def test_some_transactions_load_keys_from_tables_and_change_them(world: World) -> None:
    assert any(
        lamports[key]
        for raw, _ in both_forms(world)
        for key in (raw["meta"].get("loadedAddresses") or {"writable": []})["writable"]
        for lamports in [changes_of_raw(raw)[0]]
    )


def test_opened_accounts_stand_only_after_and_closed_ones_only_before(world: World) -> None:
    opened = closed = 0
    for raw, _ in both_forms(world):
        before, after = (
            {row["accountIndex"] for row in raw["meta"][name]}
            for name in ("preTokenBalances", "postTokenBalances")
        )
        opened += len(after - before)
        closed += len(before - after)
    assert opened > 0
    assert closed > 0


def test_the_enhanced_form_misnames_and_repeats_as_the_real_one_does(world: World) -> None:
    kinds: Counter[tuple[str, str, bool]] = Counter()
    repeats = 0
    for _, enhanced in both_forms(world):
        kinds[enhanced["type"], enhanced["source"], "swap" in enhanced["events"]] += 1
        amounts = Counter((t["mint"], t["tokenAmount"]) for t in enhanced["tokenTransfers"])
        repeats += any(count > 1 for count in amounts.values())
    assert kinds["TRANSFER", "SYSTEM_PROGRAM", False], "a purchase on a curve is typed TRANSFER"
    assert kinds["SWAP", "PUMP_AMM", False], "a swap without an event"
    assert kinds["SWAP", "JUPITER", True]
    assert kinds["TOKEN_MINT", "UNKNOWN", False], "a quote swap typed TOKEN_MINT"
    assert repeats, "routers repeat amounts"


def test_failed_transactions_list_transfers_that_never_were(world: World) -> None:
    failed = [enhanced for _, enhanced in both_forms(world) if enhanced["transactionError"]]
    assert any(shown["nativeTransfers"] for shown in failed)
    for shown in failed:
        lamports, tokens = changes_of_enhanced(shown)
        assert {key: change for key, change in lamports.items() if change} == {
            shown["feePayer"]: -shown["fee"]
        }
        assert not tokens


@pytest.mark.parametrize(
    ("units", "decimals", "shown"),
    [(1_500_000, 6, "1.5"), (7, 0, "7"), (0, 9, "0"), (2**64 - 1, 18, "18.446744073709551615")],
)
def test_amounts_are_shown_without_trailing_zeros(units: int, decimals: int, shown: str) -> None:
    assert shown_amount(units, decimals) == shown


def test_the_shape_is_that_of_a_recorded_transaction(world: World) -> None:
    folder = Path(__file__).parents[4] / "shared/data/real-transactions"
    if not folder.exists():
        pytest.skip("recorded transactions are not beside this checkout")
    recorded = orjson.loads((folder / "raydium-buy.json").read_bytes())
    for _, enhanced in both_forms(world):
        assert enhanced.keys() == recorded.keys()
        for name in ("accountData", "tokenTransfers", "instructions"):
            for row in enhanced[name]:
                assert row.keys() == recorded[name][0].keys()
        if "swap" in enhanced["events"]:
            assert enhanced["events"]["swap"].keys() == recorded["events"]["swap"].keys()
