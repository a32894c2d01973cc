"""Bands of amounts hold every account once, from the largest down."""

from __future__ import annotations

from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.cohort.bands import AMOUNT_OFFSET, Band, band_of, descending_bands

U64 = st.integers(1, 2**64 - 1)
AMOUNTS = st.lists(
    st.one_of(U64, st.integers(1, 70_000), st.sampled_from([2**k for k in range(64)])),
    min_size=1,
    max_size=60,
)


def passes(band: Band, amount: int) -> bool:
    """Whether a node's filter lets an account with this amount through: it compares bytes."""
    data = bytes(AMOUNT_OFFSET) + amount.to_bytes(8, "little")
    return data[band.offset : band.offset + len(band.content)] == band.content


@given(AMOUNTS)
def test_an_account_passes_the_filter_of_its_own_band_and_of_no_other(amounts: list[int]) -> None:
    bands = {band_of(each) for each in amounts}
    for amount in amounts:
        assert [band for band in bands if passes(band, amount)] == [band_of(amount)]


@given(AMOUNTS, st.integers(1, 20))
def test_what_is_read_up_to_any_band_is_the_largest_there_is(
    amounts: list[int], known: int
) -> None:
    largest, found = sorted(amounts, reverse=True)[:known], list[int]()
    for read in (1, 5, 300, 3000):
        bands = list(islice(descending_bands(largest), read))
        found = [each for each in amounts if any(passes(band, each) for band in bands)]
        assert all(each.low > later.low for each, later in pairwise(bands))
        assert sorted(found) == sorted(each for each in amounts if each >= bands[-1].low)
    assert len(found) == len(amounts)  # the last one reads all there are


def test_a_mint_whose_accounts_are_all_empty_has_no_bands() -> None:
    assert list(descending_bands([])) == list(descending_bands([0, 0])) == []
