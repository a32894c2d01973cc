"""The behavior record: each number on trades worked by hand, and what lies in 0..1 for any trades."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.behavior.activity import (
    active_windows,
    circular_mean_h,
    per_hour,
    per_weekday,
    sessions_of,
    trades_per_day,
)
from streamproc.core.behavior.analyze import behavior_of
from streamproc.core.behavior.bot import around_the_clock, even_gaps, round_amounts
from streamproc.core.behavior.cycles import Cycle, completed_cycles, cycles_of
from streamproc.core.behavior.holding import Held, holding_of, open_lots_of, walk
from streamproc.core.behavior.labels import pattern_of, type_of
from streamproc.core.behavior.records import ActiveWindow, Label, TradedToken, behavior_to_json
from streamproc.core.chain.solana import USDC, WSOL
from streamproc.core.ledger.entries import Entry, Kind
from streamproc.core.pnl.trades import Confidence, Rule, Side, Trade
from streamproc.core.pnl.window import PricedTrade, counted_trades, priced

SOL = 10**9
HOUR = 3600
DAY = 24 * HOUR


def trade(
    side: Side,
    hour: float | None,
    units: int = 100,
    lamports: int | None = SOL,
    mint: str = "T",
) -> PricedTrade:
    """A trade at so many hours of unix time; without lamports it is unpriced."""
    signed = None if lamports is None else -lamports if side is Side.BUY else lamports
    return PricedTrade(
        Trade(
            "W",
            "s",
            1,
            None if hour is None else round(hour * HOUR),
            mint,
            side,
            units,
            {} if signed is None else {WSOL: signed},
            0,
            Rule.JOINT if signed is None else Rule.QUOTE_LEGS,
            Confidence.UNPRICED if signed is None else Confidence.EXACT,
        ),
        signed,
    )


def buy(*args: Any, **fields: Any) -> PricedTrade:  # noqa: ANN401
    """A buy."""
    return trade(Side.BUY, *args, **fields)


def sell(*args: Any, **fields: Any) -> PricedTrade:  # noqa: ANN401
    """A sale."""
    return trade(Side.SELL, *args, **fields)


# --- counts ---


def test_counts_ratios_and_sizes() -> None:
    trades = [
        buy(0, lamports=2 * SOL),
        buy(1, lamports=SOL, mint="U"),
        buy(2, lamports=None, mint="V"),
        buy(3, lamports=SOL),
        sell(4, lamports=6 * SOL),
    ]
    behavior = behavior_of(trades)
    assert behavior.has_trades
    assert (behavior.trades, behavior.buys, behavior.sells) == (5, 4, 1)
    assert (behavior.tokens, behavior.tokens_both_sides) == (3, 1)
    assert (behavior.buy_sell_ratio, behavior.symmetry) == (4.0, 0.5)
    assert (behavior.mean_trade_sol, behavior.largest_trade_sol) == (2.5, 6.0)
    assert behavior.most_traded == (
        TradedToken("T", 3),
        TradedToken("U", 1),
        TradedToken("V", 1),
    )
    assert (behavior.trades_per_day, behavior.trades_per_week, behavior.trades_per_month) == (
        5.0,
        35.0,
        150.0,
    )


def test_at_most_ten_tokens_are_named() -> None:
    trades = [buy(place, mint=f"T{place:02}") for place in range(12)]
    named = [token.mint for token in behavior_of(trades).most_traded]
    assert named == [f"T{place:02}" for place in range(10)]


def test_symmetry_is_a_mean_over_tokens_with_both_sides() -> None:
    trades = [
        buy(0),
        sell(1),
        buy(0, mint="U"),
        buy(0, mint="U"),
        sell(1, mint="U"),
        buy(0, mint="V"),
    ]
    assert behavior_of(trades).symmetry == 0.75


# --- holding times ---


def test_holding_times_are_matched_first_in_first_out_and_weighted_by_cost() -> None:
    trades = [
        buy(0, 100, 3 * SOL),
        buy(2, 100, SOL),
        sell(3, 150, 9 * SOL),  # 100 units held 3 h at 3 SOL, 50 held 1 h at 0.5 SOL
    ]
    holding = behavior_of(trades).holding
    assert (holding.parts, holding.unpriced_parts) == (2, 0)
    assert holding.mean_h == pytest.approx((3 * 3 + 1 * 0.5) / 3.5, rel=1e-12)
    assert holding.median_h == 3.0
    assert holding.under_1h_share == 0.0
    assert holding.under_4h_share == 1.0


def test_shares_are_cumulative_and_end_below_their_bound() -> None:
    hours = [0.25, 0.5, 1, 4, 8, 24, 168, 500]
    holding = holding_of([Held(round(hour * HOUR), 10) for hour in hours])
    assert (
        holding.under_half_hour_share,
        holding.under_1h_share,
        holding.under_4h_share,
        holding.under_8h_share,
        holding.under_24h_share,
        holding.under_168h_share,
        holding.beyond_168h_share,
    ) == (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.25)


def test_unpriced_lots_stand_apart_and_weigh_one_each() -> None:
    trades = [buy(0, lamports=None), buy(2, lamports=None), sell(5, 120)]
    holding = behavior_of(trades).holding
    assert (holding.parts, holding.mean_h, holding.under_1h_share) == (0, None, None)
    assert (holding.unpriced_parts, holding.unpriced_mean_h, holding.unpriced_median_h) == (
        2,
        4.0,
        4.0,
    )


def test_a_sale_of_what_was_never_bought_has_no_holding_time() -> None:
    assert behavior_of([sell(5)]).holding.parts == 0


def test_open_lots_have_an_age_at_the_end() -> None:
    trades = [
        buy(0, 100, SOL),
        buy(6, 100, 3 * SOL),
        buy(8, lamports=None, mint="U"),
        buy(9, mint="V"),
    ]
    trades.append(sell(10, mint="V"))
    lots = behavior_of(trades).open_lots
    # At hour 10: 10 h at 1 SOL, 4 h at 3 SOL, and 2 h without a price.
    assert (lots.lots, lots.mean_age_h, lots.oldest_age_h) == (3, 5.5, 10.0)
    assert behavior_of(trades, at=20 * HOUR).open_lots.oldest_age_h == 20.0
    assert open_lots_of([], 5).oldest_age_h is None


def test_a_reentry_opens_a_token_again_after_a_full_exit() -> None:
    trades = [buy(0), buy(1), sell(2, 200), buy(3), sell(4, 50), buy(5), buy(6, mint="U")]
    walked = walk(trades)
    assert (walked.positions, walked.reentries) == (3, 1)
    assert behavior_of(trades).reentry_share == 1 / 3


def test_a_billionth_left_is_a_full_exit_and_more_is_not() -> None:
    assert walk([buy(0, 10**9), sell(1, 10**9 - 1), buy(2)]).reentries == 1
    assert walk([buy(0, 10**9), sell(1, 10**9 - 2), buy(2)]).reentries == 0


# --- time of day ---


def test_rates_are_over_the_time_from_first_to_last_trade() -> None:
    assert trades_per_day([0, 2 * DAY, 4 * DAY]) == 0.75
    assert trades_per_day([5]) == 1.0
    assert trades_per_day([]) is None


def test_a_gap_of_more_than_two_hours_ends_a_session() -> None:
    sessions = sessions_of([0, 2 * HOUR, 4 * HOUR + 1, 5 * HOUR + 1])
    assert (sessions.count, sessions.mean_trades) == (2, 2.0)
    assert sessions.mean_length_h == 1.5
    assert sessions.mean_start_h == pytest.approx((4 + 1 / HOUR) / 2, rel=1e-9)


@pytest.mark.parametrize(
    ("hours", "mean"),
    [
        ([23.0, 1.0], 0.0),
        ([6.0], 6.0),
        ([22.0, 23.0], 22.5),
        ([], None),
        ([0.0, 12.0], None),
        ([0.0], 0.0),
    ],
)
def test_the_mean_hour_is_circular(hours: list[float], mean: float | None) -> None:
    found = circular_mean_h(hours)
    if mean is None or found is None:
        assert found is mean
    else:
        apart = abs(found - mean)
        assert min(apart, 24 - apart) < 1e-9
        assert 0 <= found < 24


def test_hours_and_weekdays_are_counted_in_utc() -> None:
    times = [0, HOUR - 1, HOUR, DAY + 23 * HOUR]  # a Thursday, and the Friday after
    assert per_hour(times)[:2] == (2, 1)
    assert per_hour(times)[23] == 1
    assert per_weekday(times) == (0, 0, 0, 3, 1, 0, 0)


def day(**counts: int) -> list[int]:
    """A day's counts by hour: h5=3."""
    return [counts.get(f"h{hour}", 0) for hour in range(24)]


def test_an_active_window_goes_past_midnight_as_one() -> None:
    windows = active_windows(day(h22=4, h23=4, h0=4, h1=4, h12=3, h15=1))
    # 20 trades: an even share is 0.83 an hour.
    assert windows == (
        ActiveWindow(22, 4, 0.8),
        ActiveWindow(12, 1, 0.15),
        ActiveWindow(15, 1, 0.05),
    )


def test_an_hour_below_an_even_share_is_in_no_window() -> None:
    assert active_windows(day(h0=24, h1=1, h2=23)) == (
        ActiveWindow(0, 1, 0.5),
        ActiveWindow(2, 1, 23 / 48),
    )


def test_a_day_without_a_gap_is_one_window_and_no_trades_are_none() -> None:
    assert active_windows([2] * 24) == (ActiveWindow(0, 24, 1.0),)
    assert active_windows([0] * 24) == ()


# --- cycles ---


def test_a_cycle_ends_when_a_fifth_of_the_running_peak_is_left() -> None:
    trades = [
        buy(0, 100, SOL),
        sell(1, 70),
        buy(2, 100, 3 * SOL),  # the peak is 130
        sell(3, 103),  # 27 left: more than a fifth of 130
        sell(5, 1),  # 26: a fifth
    ]
    assert completed_cycles(trades[:-1]) == []
    assert completed_cycles(trades) == [Cycle(5 * HOUR, 4 * SOL, 3)]


def test_what_an_earlier_cycle_left_does_not_count_for_the_next() -> None:
    trades = [buy(0, 100), sell(1, 80), buy(2, 10), sell(3, 7), sell(4, 1)]
    # 20 are left over; of the next 10 a fifth is 2.
    assert completed_cycles(trades) == [Cycle(HOUR, SOL, 1), Cycle(2 * HOUR, SOL, 2)]


def test_sales_without_a_buy_are_in_no_cycle() -> None:
    assert completed_cycles([sell(0), buy(1), sell(2), sell(3)]) == [Cycle(HOUR, SOL, 1)]


def test_figures_of_cycles() -> None:
    cycles = cycles_of(
        [Cycle(HOUR, 1, 1), Cycle(2 * HOUR, 3, 3), Cycle(9 * HOUR, 0, 3), Cycle(None, 5, 2)]
    )
    assert (cycles.count, cycles.median_hold_h, cycles.mean_hold_h) == (4, 2.0, 1.75)
    assert (cycles.mean_sells, cycles.exit_pattern) == (2.25, "gradual")
    assert cycles_of([Cycle(HOUR, 1, 2)]).exit_pattern == "at_once"
    assert cycles_of([]).exit_pattern is None


# --- labels ---


@pytest.mark.parametrize(
    ("hours", "label"),
    [
        (59 / HOUR, "sniper"),
        (60 / HOUR, "scalper"),
        (299 / HOUR, "scalper"),
        (300 / HOUR, "momentum"),
        (0.5, "intraday"),
        (4.0, "day_trader"),
        (24.0, "swing"),
        (7 * 24.0, "position"),
        (30 * 24.0, "holder"),
    ],
)
def test_the_type_follows_the_median_hold(hours: float, label: str) -> None:
    assert type_of([0.0, hours, 9999.0]) == Label(label, "cycles.median_hold_h", hours)


def test_two_cycles_are_insufficient_data() -> None:
    assert type_of([1.0, 1.0]) == Label("insufficient_data", "cycles.count", 2)


@pytest.mark.parametrize(
    ("buys", "sells", "symmetry", "label"),
    [
        (0, 0, None, Label("none", "trades", 0)),
        (5, 0, None, Label("holder", "sells", 0)),
        (26, 10, 0.9, Label("accumulator", "buy_sell_ratio", 2.6)),
        (25, 10, 0.9, Label("balanced", "symmetry", 0.9)),
        (10, 26, 0.9, Label("distributor", "buy_sell_ratio", 10 / 26)),
        (0, 3, None, Label("distributor", "buy_sell_ratio", 0.0)),
        (10, 10, 0.7, Label("mixed", "symmetry", 0.7)),
        (10, 10, None, Label("mixed", "symmetry", None)),
    ],
)
def test_the_pattern_follows_the_sides(
    buys: int, sells: int, symmetry: float | None, label: Label
) -> None:
    assert pattern_of(buys, sells, symmetry) == label


# --- the bot score ---


def test_even_gaps_are_one_and_chance_is_none_of_it() -> None:
    assert even_gaps([60 * place for place in range(11)]) == 1.0
    assert even_gaps([60 * place for place in range(10)]) is None
    # Five gaps of 1 and five of 3: mean 2, deviation 1.
    assert even_gaps([0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20]) == pytest.approx(0.5, rel=1e-12)
    assert even_gaps([0] * 5 + [1] + [10**6] * 5) == 0.0
    assert even_gaps([7] * 20) is None


def test_round_amounts_have_two_digits_at_most() -> None:
    amounts = [SOL, SOL // 4, 125_000_000, 12 * SOL, 999_999_999]
    trades = [buy(0, lamports=each) for each in amounts] + [buy(0, lamports=None), sell(1)]
    assert round_amounts(trades) == 0.6
    assert round_amounts([sell(0)]) is None


def test_a_night_of_eight_quiet_hours_is_a_person() -> None:
    assert around_the_clock([4] * 24) == 1.0
    assert around_the_clock([4] * 16 + [0] * 8) == 0.0
    assert around_the_clock([0] * 2 + [4] * 20 + [0] * 2) == 0.5
    assert around_the_clock([1] * 24) is None


def test_an_hour_of_a_quarter_of_an_even_share_is_not_quiet_and_less_is() -> None:
    # 96 trades: an even share is 4, a quarter of it 1.
    busy = [5] * 15 + [6, 6, 1]
    assert sum(busy + [1] * 6) == 94
    at_the_boundary = [*busy, 1, 1, 1, 2, 2, 1]
    assert sum(at_the_boundary) == 96
    assert around_the_clock(at_the_boundary) == 1.0
    below = [*busy, 0, 1, 1, 2, 2, 2]
    assert sum(below) == 96
    assert around_the_clock(below) == 1 - 1 / 8


def test_the_score_is_the_mean_of_the_known_parts() -> None:
    trades = [buy(0, lamports=SOL), sell(59 / HOUR), buy(1, lamports=123 * SOL), sell(2)]
    bot = behavior_of(trades).bot
    assert (bot.even_gaps, bot.around_the_clock) == (None, None)
    assert (bot.round_amounts, bot.trades_per_day, bot.sub_minute_holds) == (0.5, 0.02, 0.5)
    assert bot.score == pytest.approx(0.34, rel=1e-12)


# --- the whole record ---


def test_a_wallet_without_trades_gets_a_complete_record_that_says_so() -> None:
    record = behavior_to_json(behavior_of([]))
    assert record["has_trades"] is False
    assert record["type"] == {
        "label": "insufficient_data",
        "decided_by": "cycles.count",
        "value": 0,
    }
    assert record["pattern"] == {"label": "none", "decided_by": "trades", "value": 0}
    assert record["trades_per_hour"] == [0] * 24
    assert (record["active_windows"], record["most_traded"]) == ([], [])
    for name in ("buy_sell_ratio", "symmetry", "reentry_share", "trades_per_day", "mean_trade_sol"):
        assert record[name] is None
    assert set(record["bot"].values()) == {None}
    assert set(record) == set(behavior_to_json(behavior_of([buy(0)])))


def test_trades_without_time_count_and_are_left_out_of_time() -> None:
    behavior = behavior_of([buy(None), sell(None), buy(5, mint="U")])
    assert (behavior.trades, sum(behavior.trades_per_hour)) == (3, 1)
    assert (behavior.holding.parts, behavior.cycles.count) == (0, 1)
    assert behavior.cycles.median_hold_h is None
    assert behavior_of([buy(None)]).open_lots.oldest_age_h is None


def entry(at: int, kind: Kind, trade_sol: int, *deltas: tuple[str, int]) -> Entry:
    """An entry of W."""
    return Entry(
        f"s{at}", at, 0, at, False, False, "W", 0, trade_sol, 0, 0, kind, deltas, None, None
    )


def test_trades_of_a_window_are_priced_by_rates_from_outside_it() -> None:
    entries = [
        entry(1, Kind.QUOTE_SWAP, -SOL, (USDC, 100_000_000)),
        entry(2, Kind.BUY, -SOL, ("T", 5)),
        entry(3, Kind.SELL, 0, (USDC, 50_000_000), ("T", -5)),
        entry(4, Kind.BUY, -SOL, ("T", 5)),
    ]
    (only,) = counted_trades(priced(entries, "W", since=3, until=3))
    assert (only.trade.signature, only.lamports) == ("s3", SOL // 2)
    assert len(counted_trades(priced(entries, "W"))) == 3


histories = st.lists(
    st.builds(
        trade,
        st.sampled_from(Side),
        st.one_of(st.none(), st.integers(0, 10**6).map(lambda seconds: seconds / HOUR)),
        st.integers(1, 10**20),
        st.one_of(st.none(), st.integers(-(10**6), 10**15)),
        st.sampled_from("TUV"),
    ),
    max_size=40,
)


def flat(value: Any, name: str = "") -> list[tuple[str, Any]]:  # noqa: ANN401
    """All numbers of a record with the last part of their names."""
    if isinstance(value, dict):
        return [each for key, part in value.items() for each in flat(part, key)]
    if isinstance(value, list):
        return [each for part in value for each in flat(part, name)]
    return [(name, value)]


@given(histories)
def test_what_is_said_to_lie_between_nought_and_one_does(trades: list[PricedTrade]) -> None:
    behavior = behavior_of(trades)
    record = behavior_to_json(behavior)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    bounded = {"symmetry", *record["bot"]} - {"trades_per_day"}
    for name, value in flat(record):
        if value is not None and (name.endswith("_share") or name in bounded):
            assert 0 <= value <= 1
        if value is not None and name.endswith("_h"):
            assert value >= 0
    assert behavior.bot.trades_per_day is None or 0 <= behavior.bot.trades_per_day <= 1
    assert behavior.sessions.mean_start_h is None or behavior.sessions.mean_start_h < 24
    timed = sum(each.trade.time is not None for each in trades)
    assert sum(record["trades_per_hour"]) == sum(record["trades_per_weekday"]) == timed
    assert behavior.trades == behavior.buys + behavior.sells == len(trades)
    assert sum(window.trades_share for window in behavior.active_windows) <= 1 + 1e-12
