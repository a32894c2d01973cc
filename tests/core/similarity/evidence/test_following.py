"""Who trades what another traded within a day before: counted as a plain reading does, expected as others do it."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc import limits
from streamproc.core.comparison_inputs import WEEK_S
from streamproc.core.similarity import SimilarityInputs, TradedMint, WalletRow, compare
from streamproc.core.similarity.evidence.following import WITHIN_S, Following, following_of
from streamproc.core.similarity.evidence.trading import trading_of
from streamproc.core.similarity.scores.rows import rows_from_inputs

DAY = 86_400
START = 2_900 * WEEK_S
TIMES = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3 * DAY), max_size=3)


def wallet(name: str, bought: dict[str, int]) -> WalletRow:
    """One that first bought these mints at these seconds after the start."""
    return WalletRow(
        name,
        tuple(
            TradedMint(mint, 1, 1, START + at, 2 * at, f"{name}/{mint}")
            for mint, at in sorted(bought.items())
        ),
    )


def following(*wallets: WalletRow) -> Following:
    inputs = SimilarityInputs(wallets, "digest")
    return following_of(trading_of(rows_from_inputs(inputs), None, inputs.left_out))


def crowd(wallets: int, seed: int, tokens: int = 24) -> list[dict[str, int]]:
    """What wallets buy that pick at random among tokens that are there for two days each."""
    generator = np.random.default_rng(seed)
    books = []
    for _ in range(wallets):
        mints = generator.choice(120, tokens, replace=False)
        at = mints / 120 * 3 * WEEK_S + generator.uniform(0, 2 * DAY, tokens)
        books.append({f"m{m:03}": int(t) for m, t in zip(mints.tolist(), at, strict=True)})
    return books


@settings(max_examples=30, deadline=None)
@given(st.lists(TIMES, min_size=2, max_size=5))
def test_leads_are_what_a_plain_reading_counts(books: list[dict[str, int]]) -> None:
    found = following(*(wallet(f"w{n}", book) for n, book in enumerate(books)))
    for a, b in permutations(range(len(books)), 2):
        led = sum(0 < books[b][m] - at <= WITHIN_S for m, at in books[a].items() if m in books[b])
        assert found.leads[a, b] == found.follows[b, a] == led
    assert found.leads_expected == pytest.approx(found.follows_expected.T)


def test_random_wallets_lead_by_as_many_mints_as_is_expected() -> None:
    seen, expected = [], []
    for seed in range(6):
        found = following(*(wallet(f"w{n:02}", b) for n, b in enumerate(crowd(30, seed))))
        apart = ~np.eye(30, dtype=np.bool_)
        seen.append(found.leads[apart].mean())
        expected.append(found.leads_expected[apart].mean())
    assert np.mean(expected) == pytest.approx(np.mean(seen), rel=0.03)


def test_trades_without_a_time_follow_nothing() -> None:
    untimed = WalletRow("b", (TradedMint("m", 1, 1),))
    found = following(wallet("a", {"m": 5}), untimed, wallet("c", {"m": 90}))
    assert found.leads.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_where_too_many_trades_lie_within_a_day_less_than_a_day_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wallets = [wallet(f"w{n}", {"m": n * 3_600}) for n in range(20)]
    assert following(*wallets).within_s == WITHIN_S
    monkeypatch.setattr(limits, "FOLLOWED_MEETINGS", 60)
    found = following(*wallets)
    assert found.within_s == WITHIN_S // 8  # three hours: at most three followers each
    assert found.leads.sum() == 17 * 3 + 2 + 1


def test_who_copies_half_of_its_tokens_hours_late_is_found_by_its_order() -> None:
    books = crowd(40, seed=3)
    generator = np.random.default_rng(4)
    late = {m: at + int(generator.integers(1, 20)) * 3_600 for m, at in list(books[0].items())[::2]}
    late |= {m: at for m, at in list(books[1].items())[:12] if m not in late}
    rows = [wallet(f"w{n:02}", book) for n, book in enumerate([*books, late])]
    found = compare(SimilarityInputs(tuple(rows), "digest"))
    together = {
        (pair["wallet_a"], pair["wallet_b"]): pair
        for pair in found.pairs
        if pair["verdict"] in {"linked", "follows", "coordinated"}
    }
    assert "timing" in together["w00", "w40"]["because"]
    (timing,) = [e for e in together["w00", "w40"]["evidence"] if e["kind"] == "timing"]
    assert "first traded within a day after w00 had" in timing["reason"]
    assert {pair for pair in together if "w40" not in pair} == set()
