"""Public traces of launches become a world: who bought what when, and who is tied to whom."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from gate import flagged, main
from gate_parts.traces import EXCHANGES, SIGNERS, TOKENS_MIN, NoTracesError, case_of, read_traces

if TYPE_CHECKING:
    from pathlib import Path

LAUNCHES = 30
A, B, C, D = "wallet-a", "wallet-b", "wallet-c", "wallet-d"


def swap(at: int, signature: str, **units: float) -> dict[str, Any]:
    """A line of a launch: by how much whose tokens changed."""
    changed = {f"wallet-{name}": each for name, each in units.items()}
    return {
        "type": "swap",
        "timestamp": at,
        "signature": signature,
        "price": 1e-8,
        "trader_map": changed,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty launches: A and B buy each in one bundle, C an hour later; D buys three of them."""
    (tmp_path / "tx").mkdir()
    bundles: dict[str, list[str]] = {}
    for n in range(LAUNCHES):
        begun = 1_740_000_000 + n * 9_000
        lines = [
            {"type": "mint", "timestamp": begun, "signature": f"m{n}", "trader_map": {}},
            swap(begun + 5, f"a{n}", a=10.0),
            swap(begun + 5, f"b{n}", b=8.0),
            {"type": "zero", "timestamp": begun + 6, "signature": f"z{n}", "trader_map": {D: 1}},
            {
                "type": "transfer",
                "timestamp": begun + 7,
                "signature": f"t{n}",
                "trader_map": {D: 1},
            },
            swap(begun + 3_600, f"c{n}", c=5.0),
            swap(begun + 4_000, f"s{n}", a=-10.0),
        ]
        lines += [swap(begun + 9, f"d{n}", d=1.0)] if n < 3 else []
        text = "\n".join(json.dumps(line) for line in lines)
        (tmp_path / "tx" / f"mint{n:02}.jsonl").write_text(text + "\n", "utf-8")
        bundles[f"bundle{n}"] = [f"a{n}", f"b{n}"]
    (tmp_path / "bundle2sig_filtered.pkl").write_bytes(pickle.dumps(bundles))
    setups = [
        {"account": A, "signer": "x"},
        {"account": C, "signer": "x"},
        {"account": C, "signer": None},
    ]
    (tmp_path / SIGNERS).write_text("\n".join(map(json.dumps, setups)), "utf-8")
    (tmp_path / EXCHANGES).write_text("", "utf-8")
    return tmp_path


def test_trades_are_first_purchases_and_sales_and_nothing_else(folder: Path) -> None:
    books = read_traces(folder, LAUNCHES).books
    assert books[A].rows[2] == [1_740_018_005, 1_740_022_000]
    assert books[B].rows[2] == [1_740_018_005, -1]
    assert len(books[D].rows) == 3, "what is no swap is no trade"
    assert len(read_traces(folder, 4).books[A].rows) == 4


def test_who_was_in_one_bundle_or_set_up_by_one_signer_is_tied(folder: Path) -> None:
    world = case_of(read_traces(folder, LAUNCHES), 10)
    assert [each.name for each in world.asked] == [A, B, C], f"D traded fewer than {TOKENS_MIN}"
    assert world.truth == {(A, B), (A, C)}
    assert flagged(world).by_method["3 within 30 s"] == {(A, B)}


def test_an_exchange_ties_nobody(folder: Path) -> None:
    (folder / EXCHANGES).write_text("x\n", "utf-8")
    assert case_of(read_traces(folder, LAUNCHES), 10).truth == {(A, B)}


def test_what_is_no_container_is_not_read_from_a_pickle(folder: Path) -> None:
    (folder / "bundle2sig_filtered.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(pickle.UnpicklingError, match="no container"):
        read_traces(folder, LAUNCHES)


def test_a_folder_without_launches_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoTracesError, match="trader_map"):
        read_traces(tmp_path, LAUNCHES)


def test_the_command_says_what_each_method_flags(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--traces", str(folder), "--wallets", "10"]) == 0
    said = capsys.readouterr().out
    assert "3 wallets, 2 pairs that a bundle, a trade or a signer ties" in said
    assert "3 within 30 s      flags      1:     1 tied,      0 not known to be" in said
