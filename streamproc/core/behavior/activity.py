"""When a wallet trades: rates, sessions, hours, weekdays and the windows of its day."""

from __future__ import annotations

from math import atan2, cos, fsum, hypot, pi, sin
from typing import TYPE_CHECKING, Final

from streamproc.core.behavior.averages import DAY_S, HOUR_S, plain_mean
from streamproc.core.behavior.records import ActiveWindow, Sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

HOURS: Final = 24
_WEEKDAYS: Final = 7
_EPOCH_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday; Monday is 0
_SESSION_GAP_S: Final = 2 * HOUR_S
_NO_DIRECTION: Final = 1e-9  # a mean of unit vectors this short points nowhere


def trades_per_day(times: Sequence[int]) -> float | None:
    """Trades over the days from first to last, at least one day; None without a known time."""
    if not times:
        return None
    return len(times) / max(1.0, (max(times) - min(times)) / DAY_S)


def per_hour(times: Sequence[int]) -> tuple[int, ...]:
    """Trades by UTC hour of the day: 24 counts."""
    counts = [0] * HOURS
    for time in times:
        counts[time % DAY_S // HOUR_S] += 1
    return tuple(counts)


def per_weekday(times: Sequence[int]) -> tuple[int, ...]:
    """Trades by UTC weekday, Monday first: 7 counts.

    >>> per_weekday([0])
    (0, 0, 0, 1, 0, 0, 0)
    """
    counts = [0] * _WEEKDAYS
    for time in times:
        counts[(time // DAY_S + _EPOCH_WEEKDAY) % _WEEKDAYS] += 1
    return tuple(counts)


def sessions_of(times: Sequence[int]) -> Sessions:
    """The sessions of these trades, in any order."""
    sessions: list[list[int]] = []
    for time in sorted(times):
        if sessions and time - sessions[-1][-1] <= _SESSION_GAP_S:
            sessions[-1].append(time)
        else:
            sessions.append([time])
    return Sessions(
        count=len(sessions),
        mean_length_h=plain_mean([(each[-1] - each[0]) / HOUR_S for each in sessions]),
        mean_trades=plain_mean([len(each) for each in sessions]),
        mean_start_h=circular_mean_h([each[0] % DAY_S / HOUR_S for each in sessions]),
    )


def circular_mean_h(hours: Sequence[float]) -> float | None:
    """The mean time of day, 0 <= h < 24, so that 23 and 1 meet at 0; None when the hours cancel out or there are none.

    Mardia and Jupp, Directional Statistics (2000), section 2.2.
    """
    if not hours:
        return None
    angles = [hour * 2 * pi / HOURS for hour in hours]
    x, y = fsum(map(cos, angles)), fsum(map(sin, angles))
    if hypot(x, y) < _NO_DIRECTION * len(hours):
        return None
    mean = atan2(y, x) * HOURS / (2 * pi) % HOURS
    return 0.0 if mean >= HOURS else mean  # a tiny negative angle rounds up to a whole day


def active_windows(counts: Sequence[int]) -> tuple[ActiveWindow, ...]:
    """Runs of hours with at least total / 24 trades, past midnight as one; a day without a gap is one window from 0."""
    total = sum(counts)
    if not total:
        return ()
    is_active = [count * HOURS >= total for count in counts]
    if all(is_active):
        return (ActiveWindow(0, HOURS, 1.0),)
    starts = [hour for hour in range(HOURS) if is_active[hour] and not is_active[hour - 1]]
    windows = [_window(start, counts, is_active, total) for start in starts]
    return tuple(sorted(windows, key=lambda window: (-window.trades_share, window.start_h)))


def _window(
    start: int, counts: Sequence[int], is_active: Sequence[bool], total: int
) -> ActiveWindow:
    """The run of active hours that starts there; some hour is not active, so it ends."""
    hours = []
    hour = start
    while is_active[hour]:
        hours.append(hour)
        hour = (hour + 1) % HOURS
    return ActiveWindow(start, len(hours), sum(counts[each] for each in hours) / total)
