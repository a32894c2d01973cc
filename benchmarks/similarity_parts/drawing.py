"""Small pictures as SVG text: bars in groups, and curves in a square. Colours differ in print too."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

COLOURS: Final = ("#2f6db3", "#d9822b", "#6b7280", "#2e8b57")
INK: Final = "#1f2933"
PAPER: Final = "#ffffff"
GRID: Final = "#d5dae0"
LEFT, RIGHT, TOP, BOTTOM = 66, 24, 66, 64
Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Values of one colour: of bars one per group, of a curve points."""

    name: str
    values: Sequence[float] = ()
    points: Sequence[Point] = ()
    dashed: bool = False


@dataclass(frozen=True)
class Frame:
    """What stands around a picture; the axes go from 0 to the largest values."""

    title: str
    below: str
    beside: str
    x_max: float = 1.0
    y_max: float = 1.0
    width: int = 640
    height: int = 400

    def x(self, value: float) -> float:
        """Where a value lies from the left, in pixels."""
        return LEFT + (self.width - LEFT - RIGHT) * value / self.x_max

    def y(self, value: float) -> float:
        """Where a value lies from the top, in pixels."""
        return self.height - BOTTOM - (self.height - TOP - BOTTOM) * value / self.y_max


def bars(frame: Frame, groups: Sequence[str], series: Sequence[Series]) -> str:
    """A picture of bars: one group per name, one bar per series in it, its value above."""
    step = 1.0 / len(groups)
    wide = step * 0.76 / len(series)
    parts = [_grid_y(frame)]
    for number, group in enumerate(groups):
        middle = (number + 0.5) * step
        parts.append(_text(frame.x(middle), frame.height - BOTTOM + 18, group, anchor="middle"))
        for place, each in enumerate(series):
            left = frame.x(middle + (place - len(series) / 2) * wide)
            value = each.values[number]
            top, width = frame.y(min(value, frame.y_max)), frame.x(wide) - frame.x(0) - 2
            height = frame.y(0) - top
            parts.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
                f' fill="{COLOURS[place]}"/>'
            )
            said = f"{value:.2f}" if frame.y_max <= 1 else f"{value:.3g}"
            parts.append(_text(left + width / 2, top - 5, said, anchor="middle", size=11))
    return _picture(frame, series, parts)


def curves(frame: Frame, series: Sequence[Series]) -> str:
    """A picture of curves."""
    parts = [_grid_y(frame), _grid_x(frame)]
    for place, each in enumerate(series):
        path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in each.points)
        dashes = ' stroke-dasharray="5 4"' if each.dashed else ""
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{COLOURS[place]}" stroke-width="2"{dashes}/>'
        )
    return _picture(frame, series, parts)


def _picture(frame: Frame, series: Sequence[Series], parts: Sequence[str]) -> str:
    """The whole SVG."""
    width, height = frame.width, frame.height
    middle = (height - BOTTOM + TOP) / 2
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif" role="img">',
        f"<title>{escape(frame.title)}</title>",
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
        _text(LEFT, 24, frame.title, size=15, weight="600"),
        *_legend(series),
    ]
    tail = [
        _text(frame.x(frame.x_max / 2), height - 16, frame.below, anchor="middle"),
        f'<g transform="rotate(-90 18 {middle})">{_text(18, middle, frame.beside, anchor="middle")}</g>',
        "</svg>",
    ]
    return "\n".join([*head, *parts, *tail]) + "\n"


def _legend(series: Sequence[Series]) -> list[str]:
    """The names of the series beside their colours, in a row."""
    parts, left = [], float(LEFT)
    for place, each in enumerate(series):
        parts.append(
            f'<rect x="{left:.0f}" y="36" width="12" height="12" fill="{COLOURS[place]}"/>'
        )
        parts.append(_text(left + 17, 46, each.name))
        left += 38 + 6.6 * len(each.name)
    return parts


def _grid_y(frame: Frame) -> str:
    """Lines from side to side, with their values."""
    return "\n".join(
        f'<line x1="{LEFT}" x2="{frame.width - RIGHT}" y1="{frame.y(value):.1f}" y2="{frame.y(value):.1f}"'
        f' stroke="{GRID}"/>' + _text(LEFT - 8, frame.y(value) + 4, f"{value:.3g}", anchor="end")
        for value in (frame.y_max * part / 5 for part in range(6))
    )


def _grid_x(frame: Frame) -> str:
    """Values along the bottom."""
    return "\n".join(
        _text(frame.x(value), frame.height - BOTTOM + 18, f"{value:.3g}", anchor="middle")
        for value in (frame.x_max * part / 5 for part in range(6))
    )


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, weight: str = "400"
) -> str:
    """Some words."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}"'
        f' fill="{INK}">{escape(words)}</text>'
    )
