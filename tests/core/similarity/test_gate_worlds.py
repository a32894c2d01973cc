"""Whole worlds with a known truth: strangers pass the gate in none, who belongs together does, in any store."""

from __future__ import annotations

from functools import cache

import pytest
from gate import inputs_of
from gate_parts.cases import NOBODY, Case, case

from streamproc.core.similarity import Comparison, compare
from streamproc.core.similarity.evidence.company import COMPANY_RANK

SEED = 77
RECALL = {
    "copiers": 0.95,
    "owners": 0.95,
    "evaders": 0.9,
    "washers": 0.6,
    "few": 1.0,
    "cohort": 1.0,
}


@cache
def world(kind: str, seed: int = SEED, *, mixed: bool) -> Case:
    return case(kind, seed, mixed=mixed)


@cache
def compared(kind: str, seed: int = SEED, *, mixed: bool) -> Comparison:
    return compare(inputs_of(world(kind, seed, mixed=mixed)))


def together(found: Comparison) -> set[tuple[str, str]]:
    return {
        (pair["wallet_a"], pair["wallet_b"])
        for pair in found.pairs
        if pair["verdict"] in {"linked", "follows", "coordinated"}
    }


@pytest.mark.parametrize("kind", NOBODY)
def test_strangers_of_any_season_taste_or_habit_are_alike_or_untested(kind: str) -> None:
    found = compared(kind, mixed=True)
    assert {pair["verdict"] for pair in found.pairs} <= {"alike", "untested"}
    assert found.clusters == []
    assert found.set["loose_groups"] == []


@pytest.mark.parametrize("kind", RECALL)
def test_who_belongs_together_is_found_and_nobody_else(kind: str) -> None:
    truth, found = world(kind, mixed=True).truth, together(compared(kind, mixed=True))
    assert found <= truth
    assert len(found) >= RECALL[kind] * len(truth)


def test_evaders_follow_whom_they_copy_hours_later() -> None:
    """In the names of the world the evader is the v, who it copies the w."""
    followed = [
        item["leader"]
        for pair in compared("evaders", mixed=True).pairs
        if pair["verdict"] == "follows"
        for item in pair["evidence"]
        if item["kind"] == "direction"
    ]
    assert len(followed) >= 0.9 * len(world("evaders", mixed=True).truth)
    assert {leader[0] for leader in followed} == {"w"}


def hearers(found: Comparison) -> set[tuple[str, str]]:
    """The pairs that are told to hear a common signal."""
    return {
        (pair["wallet_a"], pair["wallet_b"])
        for pair in found.pairs
        if pair["verdict"] == "common_signal"
    }


def test_followers_of_a_public_caller_hear_a_common_signal_and_make_no_cluster() -> None:
    told = world("caller", SEED + 2, mixed=True)
    found = compared("caller", SEED + 2, mixed=True)
    assert len(told.asked) > 40 + 2 * COMPANY_RANK
    heard = hearers(found)
    assert heard <= told.signal
    assert len(heard) >= 0.9 * len(told.signal)
    assert found.clusters == []


def test_three_to_five_followers_of_a_caller_hear_a_common_signal_too() -> None:
    told, found = world("callers", mixed=True), compared("callers", mixed=True)
    heard = hearers(found)
    assert heard <= told.signal
    assert len(heard) >= 0.9 * len(told.signal)
    assert together(found) <= told.signal


@pytest.mark.parametrize("kind", ["strangers", "eras", "copiers"])
def test_other_seasons_in_the_store_change_not_a_byte(kind: str) -> None:
    alone, mixed = compared(kind, mixed=False), compared(kind, mixed=True)
    assert alone.pairs == mixed.pairs
    assert (alone.set, alone.clusters) == (mixed.set, mixed.clusters)
