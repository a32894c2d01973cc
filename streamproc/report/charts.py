"""Small pictures in SVG: a share as a bar, counts as columns, a course over time, a figure on both sides of nothing.

Sizes are attributes and colours classes, so that the page's policy can forbid inline styles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from htpy import circle, g, line, path, rect, svg, text

from streamproc.report.wording import day, sol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htpy import Renderable

BAR: Final = 72  # width in pixels, as everything here
COLUMNS: Final = (480, 110)
COURSE: Final = (480, 150)
STEP: Final = 4  # of a course: what happens within it ends as its last value
MARGIN: Final = 18


def bar(value: float | None) -> Renderable | None:
    """A figure of 0 to 1 as a bar, None for null."""
    if value is None:
        return None
    filled = max(0.0, min(1.0, value)) * BAR
    return svg(".bar", aria_hidden="true")[rect(".fill", width=f"{filled:.1f}", height="6")]


def two_sided(value: int, most: int) -> Renderable:
    """A gain to the right of the middle, a loss to the left, `most` being the whole half."""
    middle = BAR / 2
    length = max(0.5, min(1.0, abs(value) / most) * middle) if most else 0.5
    start, side = (middle, ".gain") if value >= 0 else (middle - length, ".loss")
    drawn = rect(side, x=f"{start:.1f}", width=f"{length:.1f}", height="6")
    return svg(".bar", aria_hidden="true")[drawn]


def columns(counts: Sequence[float], names: Sequence[str], said: str) -> Renderable:
    """Counts side by side; a name below each place that has one, the largest count above its column."""
    width, height = COLUMNS
    floor, step, most = height - MARGIN, width / len(counts), max(*counts, 1)
    tall = [max(count / most * (floor - 14), 0.5) for count in counts]
    drawn = "".join(
        f"M{place * step + 1:.1f} {floor}v-{high:.1f}h{step - 2:.1f}v{high:.1f}z"
        for place, high in enumerate(tall)
    )
    peak = max(range(len(counts)), key=lambda place: counts[place])
    below = (
        text(".tick", x=f"{(place + 0.5) * step:.1f}", y=str(height - 4))[name]
        for place, name in enumerate(names)
        if name
    )
    return svg(".chart", viewBox=f"0 0 {width} {height}", role="img", aria_label=said)[
        path(".fill", d=drawn),
        text(".tick", x=f"{(peak + 0.5) * step:.1f}", y=f"{floor - tall[peak] - 3:.1f}")[
            f"{counts[peak]:,}"
        ],
        below,
    ]


def course(points: Sequence[tuple[int, int]], said: str) -> Renderable | None:
    """Lamports over unix seconds as steps, with the line of nothing; None without two points."""
    if len(points) < 2:  # noqa: PLR2004 - one point is no course
        return None
    width, height = COURSE
    times, sums = [time for time, _ in points], [value for _, value in points]
    low, high, first = min(0, *sums), max(0, *sums), times[0]
    span_s, span = max(1, times[-1] - first), max(1, high - low)

    def x(time: int) -> float:
        return (time - first) / span_s * (width - 10) + 5

    def y(value: int) -> float:
        return 16 + (high - value) / span * (height - 2 * MARGIN - 14)

    reached = {round(x(time) / STEP) * STEP: y(value) for time, value in points}
    steps = "".join(f"H{at}V{value:.0f}" for at, value in reached.items())
    side = "gain" if sums[-1] >= 0 else "loss"
    return svg(".chart", viewBox=f"0 0 {width} {height}", role="img", aria_label=said)[
        line(".zero", x1="5", x2=str(width - 5), y1=f"{y(0):.1f}", y2=f"{y(0):.1f}"),
        path(f".course.{side}", d=f"M{x(first):.1f} {y(0):.1f}{steps}"),
        circle(f".dot.{side}", cx=f"{x(times[-1]):.1f}", cy=f"{y(sums[-1]):.1f}", r="3"),
        g(".tick")[
            text(".start", x="5", y=str(height - 4))[day(first)],
            text(".end", x=str(width - 5), y=str(height - 4))[day(times[-1])],
            text(".start", x="5", y="10")[f"highest {sol(high)} SOL, lowest {sol(low)} SOL"],
        ],
    ]
