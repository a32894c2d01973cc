"""An estimate is the sum of what each wallet needs, and says when it is a guess."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.estimate import Extent, estimate, extrapolated


def test_fifty_new_wallets_of_two_thousand() -> None:
    """Two pages, one look below the oldest filter, two lists of token accounts each; two calls about all accounts."""
    found = estimate(
        [Extent(str(n), 2000, is_exact=True) for n in range(50)], rate=50, latency_s=0.25, cores=2
    )
    assert (found.transactions, found.calls) == (100_000, 252)
    assert found.credits == 50 * (200 + 10 + 2) + 2
    assert found.seconds == 6.0
    assert found.is_exact


def test_accounts_are_asked_about_by_the_hundred() -> None:
    found = estimate(
        [Extent(str(n), 1, is_exact=True) for n in range(101)], rate=50, latency_s=0.0, cores=1
    )
    assert found.calls == 101 * 4 + 2 * 2


def test_a_stored_wallet_costs_one_cheap_page_and_its_balances() -> None:
    stored = Extent("w", 0, is_exact=False, is_new=False)
    found = estimate([stored], rate=50, latency_s=0.0, cores=1)
    assert (found.calls, found.credits, found.is_exact) == (4, 13, False)


def test_a_fresh_wallet_costs_its_balances_alone() -> None:
    fresh = Extent("w", 0, is_exact=True, is_new=False, is_fresh=True)
    found = estimate([fresh], rate=50, latency_s=0.0, cores=1)
    assert (found.calls, found.credits, found.is_exact) == (3, 3, True)


def test_wallets_of_an_older_format_are_counted_and_cost_what_new_ones_cost() -> None:
    wallets = [Extent("a", 5, is_exact=True), Extent("b", 5, is_exact=True, is_outdated=True)]
    found = estimate(wallets, rate=50, latency_s=0.0, cores=1)
    new = estimate(
        [each._replace(is_outdated=False) for each in wallets], rate=50, latency_s=0.0, cores=1
    )
    assert (found.outdated_wallets, found.calls, found.credits) == (1, new.calls, new.credits)


def test_of_a_capped_history_nobody_looks_below_the_oldest_filter() -> None:
    whole, capped = Extent("w", 500, is_exact=True), Extent("w", 500, is_exact=True, is_capped=True)
    calls = [estimate([each], rate=50, latency_s=0.0, cores=1).calls for each in (whole, capped)]
    assert calls[0] == calls[1] + 1


def test_without_wallets_there_is_nothing_to_ask() -> None:
    found = estimate([], rate=50, latency_s=0.0, cores=1)
    assert (found.calls, found.credits, found.seconds) == (0, 0, 0.0)


@given(
    listed=st.integers(1, 1000),
    first=st.integers(0, 10**9),
    before=st.integers(0, 10**9),
    span=st.integers(0, 10**9),
)
def test_an_extrapolation_is_never_less_than_what_was_listed(
    listed: int, first: int, before: int, span: int
) -> None:
    oldest = first + before
    assert extrapolated(listed, oldest + span, oldest, first) >= listed
