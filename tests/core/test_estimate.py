"""An estimate is the sum of what each wallet needs, and says when it is a guess."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.estimate import Extent, estimate, extrapolated


def test_fifty_new_wallets_of_two_thousand() -> None:
    """Two pages, one look below the oldest filter, one for its kind and three for its balances, each."""
    found = estimate(
        [Extent(str(n), 2000, is_exact=True) for n in range(50)], rate=50, latency_s=0.25, cores=2
    )
    assert (found.transactions, found.calls) == (100_000, 350)
    assert found.credits == 50 * (200 + 10 + 1 + 3)
    assert found.seconds == 8.0
    assert found.is_exact


def test_a_stored_wallet_costs_one_cheap_page_and_its_balances() -> None:
    stored = Extent("w", 0, is_exact=False, is_new=False)
    found = estimate([stored], rate=50, latency_s=0.0, cores=1)
    assert (found.calls, found.credits, found.is_exact) == (4, 13, False)


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
