"""What the gate rests on, by the piece: chances of overlaps, levels of a company, closeness in time, one p of many."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.core.comparison_inputs import WEEK_S
from streamproc.core.similarity import Background, SimilarityInputs, TradedMint, WalletRow, compare
from streamproc.core.similarity.evidence.chance import overlap_tail
from streamproc.core.similarity.evidence.closeness import SCALES, closeness_of
from streamproc.core.similarity.evidence.company import COMPANY_RANK, levels
from streamproc.core.similarity.evidence.overlaps import TRADES_PER_STRATUM, overlap_null, strata_of
from streamproc.core.similarity.evidence.trading import Trading, trading_of
from streamproc.core.similarity.gate import cauchy
from streamproc.core.similarity.scores.rows import NEVER, rows_from_inputs

DAY = 86_400
START = 2_900 * WEEK_S


def wallet(name: str, bought: dict[str, int], sold: dict[str, int] | None = None) -> WalletRow:
    """One that first bought and sold these mints at these seconds after the start."""
    sold = sold or {}
    return WalletRow(
        name,
        tuple(
            TradedMint(
                mint,
                1,
                1,
                first_buy_at=None if mint not in bought else START + bought[mint],
                first_buy_slot=None if mint not in bought else 2 * bought[mint],
                first_sell_at=None if mint not in sold else START + sold[mint],
            )
            for mint in sorted({*bought, *sold})
        ),
    )


def trading(*wallets: WalletRow, background: Background | None = None) -> Trading:
    inputs = SimilarityInputs(wallets, "digest")
    return trading_of(rows_from_inputs(inputs), background, inputs.left_out)


def crowd(wallets: int, seed: int = 1, *, week: int = 0, tokens: int = 20) -> list[WalletRow]:
    """Wallets that buy at random in a week."""
    generator = np.random.default_rng(seed)
    return [
        wallet(
            f"w{number:03}",
            {
                f"m{mint:03}": week * WEEK_S + int(at)
                for mint, at in zip(
                    generator.choice(200, tokens, replace=False),
                    generator.integers(0, WEEK_S, tokens),
                    strict=True,
                )
            },
        )
        for number in range(wallets)
    ]


# --- what could have been shared ---


def test_one_mint_that_all_traded_is_expected_of_all() -> None:
    null = overlap_null(trading(*(wallet(f"w{n:02}", {"m": n}) for n in range(30))))
    assert null.expected == pytest.approx(np.ones((30, 30)))
    assert null.certain == pytest.approx(np.ones((30, 30)))


def test_wallets_of_different_weeks_are_expected_to_share_nothing() -> None:
    early = crowd(20, week=0)
    late = [WalletRow(f"x{n}", row.traded) for n, row in enumerate(crowd(20, seed=2, week=5))]
    others = [
        wallet(row.address, {f"late-{t.mint}": t.first_buy_at or 0 for t in row.traded})
        for row in late
    ]
    null = overlap_null(trading(*early, *others))
    assert null.expected[:20, 20:].max() == pytest.approx(0, abs=1e-9)
    assert null.expected[:20, :20].min() > 0


def test_expected_overlaps_add_up_to_what_random_wallets_share() -> None:
    seen, expected = [], []
    for seed in range(10):
        found = trading(*crowd(30, seed))
        shared = np.zeros((30, 200))
        shared[found.wallet, found.mint] = 1
        a, b = np.triu_indices(30, 1)
        seen.append((shared @ shared.T)[a, b].mean())
        expected.append(overlap_null(found).expected[a, b].mean())
    # A wallet's own trades are part of what is popular: more is expected, never less.
    assert np.mean(seen) < np.mean(expected) < 1.4 * np.mean(seen)


def test_equal_times_share_a_stratum_and_trades_without_a_time_have_their_own() -> None:
    at = np.array([5] * 300 + [NEVER] * 3 + list(range(1000, 1200)))
    strata = strata_of(at)
    assert len(set(strata[:300])) == 1
    assert set(strata[300:303]) == {0}
    assert 0 not in strata[303:]
    assert np.bincount(strata[303:]).max() <= TRADES_PER_STRATUM
    assert strata_of(np.zeros(0, dtype=np.int64)).tolist() == []


@given(st.integers(1, 40), st.lists(st.floats(0.01, 1), min_size=1, max_size=25))
def test_the_tail_of_an_overlap_is_a_probability_and_falls_with_it(
    shared: int, chances: list[float]
) -> None:
    mean, certain = np.array([sum(chances)]), np.array([sum(p * p for p in chances)])
    here, more = (
        float(overlap_tail(np.array([k]), mean, certain)[0]) for k in (shared, shared + 1)
    )
    assert 0 < more <= here <= 1


@settings(max_examples=60)
@given(st.lists(st.floats(0.01, 0.95), min_size=4, max_size=12), st.data())
def test_the_tail_is_never_far_below_the_exact_one(chances: list[float], data: Any) -> None:  # noqa: ANN401
    exact = np.array([1.0])
    for p in chances:
        exact = np.convolve(exact, [1 - p, p])
    shared = data.draw(st.integers(1, len(chances)))
    mean, certain = np.array([sum(chances)]), np.array([sum(p * p for p in chances)])
    found = float(overlap_tail(np.array([shared]), mean, certain)[0])
    assert found > 0.5 * exact[shared:].sum()


# --- the level of a company ---


def test_a_level_worked_by_hand() -> None:
    """Everybody shares 9 where 1 is expected: (3 - 0.5)**2 = 6.25; with fewer partners than the rank there is none."""
    many, few = COMPANY_RANK + 2, COMPANY_RANK + 1
    a, b = np.triu_indices(many, 1)
    assert levels(np.full((many, many), 9), np.ones((many, many)), a, b) == pytest.approx(6.25)
    a, b = np.triu_indices(few, 1)
    assert levels(np.full((few, few), 9), np.ones((few, few)), a, b) == pytest.approx(1.0)


def test_a_group_up_to_the_rank_lifts_nobody() -> None:
    wallets, group = 40, COMPANY_RANK
    seen = np.ones((wallets, wallets), dtype=np.int64)
    seen[:group, :group] = 50
    a, b = np.triu_indices(wallets, 1)
    assert levels(seen, np.ones((wallets, wallets)), a, b).max() == 1.0
    seen[: group + 3, : group + 3] = 50
    assert levels(seen, np.ones((wallets, wallets)), a, b).max() > 40


# --- closeness ---

TIMES = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 30_000), max_size=3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(TIMES, TIMES), min_size=2, max_size=5))
def test_closeness_counts_what_a_plain_reading_counts(
    books: list[tuple[dict[str, int], dict[str, int]]],
) -> None:
    found = closeness_of(trading(*(wallet(f"w{n}", b, s) for n, (b, s) in enumerate(books))))
    for each in found:
        scale = each.scale
        for a, b in combinations(range(len(books)), 2):
            lags = [
                abs(books[x][0][mint] - books[y][scale.is_opposite][mint])
                for x, y in ([(a, b), (b, a)] if scale.is_opposite else [(a, b)])
                for mint in books[x][0]
                if mint in books[y][scale.is_opposite]
            ]
            assert each.near[a, b] == each.near[b, a] == sum(lag <= scale.window_s for lag in lags)
            assert each.close[a, b] == each.close[b, a] == sum(lag <= scale.close_s for lag in lags)
    assert [each.scale for each in found] == list(SCALES)


# --- one p of several ---


@given(st.lists(st.floats(1e-300, 1), min_size=1, max_size=4))
def test_one_p_of_several_lies_between_and_does_not_depend_on_their_order(p: list[float]) -> None:
    found = float(cauchy(*(np.array([each]) for each in p))[0])
    assert found == pytest.approx(float(cauchy(*(np.array([each]) for each in p[::-1]))[0]))
    assert 0 < found <= 1
    assert found <= max(*p, min(p) * len(p) * 1.1, 0.0)


# --- worlds that nobody planned for ---


def verdicts(*wallets: WalletRow, background: Background | None = None) -> list[dict[str, Any]]:
    return compare(SimilarityInputs(wallets, "digest", background=background)).pairs


def test_wallets_of_different_seasons_are_untested_and_the_sentence_says_why() -> None:
    first = wallet("a", {f"m{n}": n * DAY for n in range(10)})
    second = wallet("b", {f"m{n}": n * DAY + 20 * WEEK_S for n in range(10)})
    (pair,) = verdicts(first, second)
    assert (pair["verdict"], pair["q"]) == ("untested", None)
    assert "never traded in the same weeks" in pair["sentence"]


def test_a_wallet_without_trades_is_untested() -> None:
    (pair,) = verdicts(wallet("a", {}), wallet("b", {"m": 1}))
    assert pair["verdict"] == "untested"
    assert "traded no token" in pair["sentence"]


def test_two_wallets_alone_are_tested_by_their_timing() -> None:
    days = {f"m{n:02}": n * DAY for n in range(20)}
    (pair,) = verdicts(wallet("a", days), wallet("b", {m: at + 30 for m, at in days.items()}))
    assert (pair["verdict"], pair["because"]) == ("follows", ["timing", "direction"])
    (chance,) = [each for each in pair["evidence"] if each["kind"] == "chance"]
    assert chance["p"] is None
    (pair,) = verdicts(wallet("a", days), wallet("b", {m: at + 9000 for m, at in days.items()}))
    assert pair["verdict"] == "untested"
    assert "too few to say what is popular" in pair["sentence"]


def test_identical_wallets_act_together_however_many_they_are() -> None:
    """Who does nothing but what the others do has no life of its own that a caller's follower has."""
    days = {f"m{n:02}": n * DAY for n in range(20)}
    ten = verdicts(*(wallet(f"w{n:02}", days) for n in range(COMPANY_RANK)))
    assert {pair["verdict"] for pair in ten} == {"coordinated"}
    thirty = verdicts(*(wallet(f"w{n:02}", days) for n in range(30)))
    assert {pair["verdict"] for pair in thirty} == {"coordinated"}


def test_without_any_times_the_overlap_is_tested_and_the_timing_is_not() -> None:
    rows = [
        WalletRow(row.address, tuple(TradedMint(each.mint, 1, 1) for each in row.traded))
        for row in crowd(30)
    ]
    pairs = verdicts(*rows)
    assert {pair["verdict"] for pair in pairs} == {"alike"}
    assert {each["kind"] for pair in pairs for each in pair["evidence"]} == {"chance", "interval"}


def test_a_background_of_other_weeks_is_none() -> None:
    rows = crowd(6)
    cells = [(n, m) for n in range(40) for m in range(10)]
    other = Background(
        wallets=tuple(f"other-{n}" for n in range(40)),
        mints=tuple(f"m{m:03}" for m in range(10)),
        wallet_numbers=np.array([n for n, _ in cells]),
        mint_numbers=np.array([m for _, m in cells]),
        times=np.full(len(cells), START + 9 * WEEK_S),
    )
    assert verdicts(*rows, background=other) == verdicts(*rows)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(TIMES, TIMES), min_size=2, max_size=7),
    st.integers(0, 40),
)
def test_whatever_was_traded_there_is_a_verdict_with_its_reason(
    books: list[tuple[dict[str, int], dict[str, int]]], others: int
) -> None:
    rows = [wallet(f"a{n}", bought, sold) for n, (bought, sold) in enumerate(books)]
    for pair in verdicts(*rows, *crowd(others)):
        assert (pair["q"] is None) == (pair["verdict"] == "untested")
        assert pair["q"] is None or 0 <= pair["q"] <= 1
        assert pair["sentence"].endswith(".")
        assert bool(pair["because"]) == (pair["verdict"] not in {"alike", "untested"})


def test_where_the_requests_span_knows_too_few_wallets_its_whole_week_counts() -> None:
    """Two wallets trade within an hour, and forty others on the other days of that week."""
    two = [wallet(name, {f"m{n}": n * 60 for n in range(6)}) for name in ("a", "b")]
    others = crowd(40, tokens=10)
    cells = [(n, t) for n, row in enumerate(others) for t in row.traded]
    mints = sorted({t.mint for _, t in cells})
    times = np.array([t.first_buy_at for _, t in cells])
    background = Background(
        wallets=tuple(row.address for row in others),
        mints=tuple(mints),
        wallet_numbers=np.array([n for n, _ in cells]),
        mint_numbers=np.array([mints.index(t.mint) for _, t in cells]),
        times=times,
    )
    assert trading(*two, background=background).wallets == 42
    later = replace(background, times=times + WEEK_S)
    assert trading(*two, background=later).wallets == 2
