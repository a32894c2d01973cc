"""Which of a wallet's own exchanges are rates: prices of stables, and no remainder, no loan, no accident."""

from __future__ import annotations

from fractions import Fraction
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from streamproc.core.ledger.entries import Entry, Kind
from streamproc.core.pnl.rates import SolPrices, rates_from_entries

SOL = 10**9
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
PYUSD = "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"
USD1 = "USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB"
DAY = 86_400


def swap(
    time: int | None, dollars: Fraction | int, *, name: str = "", stable: str = USDC, sol: int = SOL
) -> Entry:
    """W gives so many lamports for dollars at this price of a SOL."""
    units = int(dollars * sol * 1_000_000 / SOL)
    return Entry(
        signature=name or f"s{time}",
        slot=1,
        index=0,
        time=time,
        failed=False,
        estimated=False,
        fee_payer="W",
        network_fee=0,
        sol_delta=-sol,
        tips=0,
        rent=0,
        kind=Kind.QUOTE_SWAP,
        deltas=((stable, units),),
        routed_quote=None,
        counterparty=None,
    )


def rated(*entries: Entry, history: tuple[tuple[int, Fraction], ...] = ()) -> list[str]:
    """The signatures of those that are rates, by time."""
    rates = rates_from_entries(entries, SolPrices(history=history))
    return [each.signature for each in rates.own_swaps]


def test_any_of_six_stables_gives_a_rate_and_a_remainder_gives_none() -> None:
    known = [swap(1, 150), swap(2, 150, stable=PYUSD), swap(3, 150, stable=USD1)]
    assert rated(*known) == ["s1", "s2", "s3"]
    assert rated(structs.replace(known[0], is_remainder=True), known[1]) == ["s2"]
    assert rated(swap(None, 150, name="x"), structs.replace(known[0], kind=Kind.BUY)) == []


def test_less_than_one_stable_is_no_rate() -> None:
    assert rated(swap(1, 150, sol=SOL // 150 - 1), swap(2, 150, sol=SOL // 150 + 7)) == ["s2"]


def test_dust_of_another_stable_beside_it_does_not_count() -> None:
    entry = swap(1, 150)
    beside = structs.replace(entry, deltas=(*entry.deltas, (USD1, 9_999)))
    (rate,) = rates_from_entries([beside]).own_swaps
    assert rate.stable_units == 150_000_000


@pytest.mark.parametrize(
    ("dollars", "is_rate"),
    [
        (120, True),
        (Fraction(11_999, 100), False),
        (Fraction(375, 2), True),
        (188, False),
        (70, False),
    ],
)
def test_with_a_history_it_must_lie_within_a_factor_of_five_quarters(
    dollars: Fraction | int, *, is_rate: bool
) -> None:
    history = ((0, Fraction(150)),)
    others = [swap(n, dollars) for n in (10, 11, 12)]  # they agree with it, and judge nothing
    assert (rated(swap(5, dollars), *others, history=history) != []) == is_rate


def test_a_history_judges_only_where_it_reaches() -> None:
    history = ((0, Fraction(150)), (10 * DAY, Fraction(300)))
    assert rated(swap(DAY, 70), swap(5 * DAY, 70), swap(10 * DAY, 290), history=history) == [
        f"s{5 * DAY}",  # nobody to judge it by
        f"s{10 * DAY}",
    ]


@pytest.mark.parametrize(
    ("dollars", "is_rate"), [(75, True), (74, False), (300, True), (301, False)]
)
def test_three_others_judge_by_their_median(dollars: int, *, is_rate: bool) -> None:
    others = [swap(1, 100), swap(2, 150), swap(3, 155)]
    assert ("s9" in rated(*others, swap(9, dollars))) == is_rate


def test_two_others_judge_nothing() -> None:
    assert rated(swap(1, 150), swap(2, 150), swap(3, 70)) == ["s1", "s2", "s3"]


def test_others_more_than_thirty_days_away_judge_nothing() -> None:
    near, far = [swap(n, 150) for n in (1, 2, 3)], 30 * DAY + 1
    assert f"s{far}" not in rated(*near, swap(far, 70))
    assert f"s{far + 1}" in rated(*near, swap(far + 1, 70))
    ahead = [swap(far + n, 150) for n in range(3)]
    assert "s1" not in rated(swap(1, 70), ahead[0], swap(2, 150), swap(3, 150))
    assert "s0" in rated(swap(0, 70), ahead[0], swap(2, 150), swap(3, 150))


def test_remainders_are_no_judges_and_rejected_exchanges_are() -> None:
    bridges = [structs.replace(swap(n, 10), is_remainder=True) for n in (1, 2, 3)]
    assert "s9" in rated(*bridges, swap(9, 150))
    loans = [swap(n, 70) for n in (11, 12)]
    assert rated(swap(1, 150), swap(2, 150), swap(3, 150), *loans) == ["s1", "s2", "s3"]


@given(
    st.lists(
        st.tuples(st.integers(0, 90 * DAY), st.integers(2, 400), st.integers(SOL, 3 * SOL)),
        max_size=40,
    )
)
def test_any_history_is_judged_as_the_plain_definition_says(
    drawn: list[tuple[int, int, int]],
) -> None:
    entries = [
        swap(time, dollars, name=f"{number:03}", sol=sol)
        for number, (time, dollars, sol) in enumerate(drawn)
    ]
    assert set(rated(*entries)) == {each.signature for each in entries if plainly(each, entries)}


def plainly(entry: Entry, entries: list[Entry]) -> bool:
    """The definition, word by word."""
    others = [
        price(each)
        for each in entries
        if each is not entry and abs((each.time or 0) - (entry.time or 0)) <= 30 * DAY
    ]
    if len(others) < 3:
        return True
    middle = median(others)
    return middle / 2 <= price(entry) <= middle * 2


def price(entry: Entry) -> Fraction:
    """Dollars for a SOL."""
    ((_, units),) = entry.deltas
    return Fraction(units * 1_000, -entry.sol_delta)
