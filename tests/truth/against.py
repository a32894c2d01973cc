"""Comparisons of what the product says with what a generated world knows: integers exactly, scores to 1e-12."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from streamproc.sandbox.truth.scores import true_balances, true_similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamproc.sandbox.world.world import World

Json = dict[str, Any]

TOLERANCE = 1e-12
FIGURES = ("shared_tokens", "tokens_a", "tokens_b", "label", "trend")
TOP_SHARED = 20


def compare_records(found: Mapping[str, Any], truth: Json) -> None:
    """Every figure of a PnL record is the true one; what the product says beyond is not looked at."""
    rows = {row["mint"]: row for row in found["tokens"]}
    for row in truth["tokens"]:
        assert {name: rows[row["mint"]][name] for name in row} == row
    assert [row["mint"] for row in found["tokens"]] == [row["mint"] for row in truth["tokens"]]
    totals = {name: value for name, value in truth.items() if name != "tokens"}
    assert {name: found[name] for name in totals} == totals


def said_in_event(truth: Json) -> Json:
    """What an event says of a PnL record: all but its days, which the stored result alone has."""
    return {name: value for name, value in truth.items() if name != "realized_by_day"}


def compare_coverage(found: Json, world: World, wallet: str, *, enhanced: bool = False) -> None:
    """The coverage of a completely known history names all of it; the enhanced form says where it is in doubt."""
    entries = world.entries(wallet)
    doubtful = sum(entry.estimated for entry in entries) if enhanced else 0
    expected = {
        "state": "complete",
        "transactions": len(entries),
        "failed_transactions": sum(entry.failed for entry in entries),
        "estimated_entries": doubtful,
        "first_slot": entries[0].slot,
        "last_slot": entries[-1].slot,
        "first_time": entries[0].time,
        "last_time": entries[-1].time,
        "gaps": [],
    }
    assert {name: found[name] for name in expected} == expected


def compare_balances(found: Json, world: World, wallet: str) -> None:
    """Lamports, and every token held with its amount, accounts, price and value."""
    truth = true_balances(world, wallet)
    assert found["state"] == "ok"
    assert found["lamports"] == truth["lamports"]
    assert [token["mint"] for token in found["tokens"]] == [
        each["mint"] for each in truth["tokens"]
    ]
    for token, true in zip(found["tokens"], truth["tokens"], strict=True):
        exact = ("mint", "amount", "decimals", "accounts", "frozen")
        assert {name: token[name] for name in exact} == {name: true[name] for name in exact}
        price = true["price_usd"]
        if price is None:
            assert token["price_usd"] is None
            assert token["value_usd"] is None
        else:
            amount = Fraction(int(true["amount"]), 10 ** true["decimals"])
            assert token["price_usd"] == float(price)
            assert close(token["value_usd"], float(amount * Fraction(price)))


def compare_pairs(found: Sequence[Json], world: World, wallets: Sequence[str]) -> None:
    """Every pair once, best idf first, with the true scores, counts, label and trend."""
    truth = {pair_of(pair): pair for pair in true_similarity(world, wallets)["pairs"]}
    assert {pair_of(pair) for pair in found} == set(truth)
    assert len(found) == len(truth)
    assert list(found) == sorted(found, key=_rank)
    for pair in found:
        true = truth[pair_of(pair)]
        wrong = {
            name: (pair["scores"][name], score)
            for name, score in true["scores"].items()
            if not close(pair["scores"][name], score)
        }
        assert not wrong, (pair_of(pair), wrong)
        assert pair["scores"].keys() == true["scores"].keys()
        assert {name: pair[name] for name in FIGURES} == {name: true[name] for name in FIGURES}
        assert close(pair["overlap"], true["overlap"])
        assert len(pair["top_shared"]) == min(true["shared_tokens"], TOP_SHARED)


def compare_set(found: Json, world: World, wallets: Sequence[str]) -> None:
    """Means, medians, the table of shared tokens, and who traded nothing."""
    truth = true_similarity(world, wallets)["set"]
    for figure in ("mean", "median"):
        assert found[figure].keys() == truth[figure].keys()
        for name, value in truth[figure].items():
            assert close(found[figure][name], value), (figure, name)
    shared = {row["mint"]: row["wallets"] for row in found["shared_tokens"]}
    assert shared == truth["shared_tokens"]
    assert found["shared_tokens_total"] == len(shared)
    assert found["wallets_without_trades"] == truth["wallets_without_trades"]


def close(found: float | None, true: float | None) -> bool:
    """Whether both are null, or numbers within 1e-12 of each other, relative to the larger above 1."""
    if found is None or true is None:
        return found is None and true is None
    return abs(found - true) <= TOLERANCE * max(1.0, abs(true))


def pair_of(pair: Json) -> tuple[str, str]:
    """The two addresses of a pair."""
    return pair["wallet_a"], pair["wallet_b"]


def _rank(pair: Json) -> tuple[bool, float, str, str]:
    score = pair["scores"]["idf"]
    return score is None, -(score or 0.0), pair["wallet_a"], pair["wallet_b"]
