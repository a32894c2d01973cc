"""The operator's history of the price of SOL: read from its file once, when a worker starts."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from streamproc import limits
from streamproc.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from pathlib import Path

    from streamproc.settings import Settings

SETTING: Final = "STREAMPROC_SOL_PRICES_FILE"
_LINE: Final = re.compile(r"(\d{1,11}),(\d{1,9}(?:\.\d{1,18})?)")
_FAULTS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """What one SOL cost in US dollars, by time; the digest tells two histories apart, and is None of an empty one."""

    points: tuple[tuple[int, Fraction], ...] = ()  # (unix seconds, price > 0), ascending
    digest: str | None = None


def price_history_of(settings: Settings) -> PriceHistory:
    """The history in the operator's file, an empty one without it; raises ConfigurationError with what is wrong.

    A line is `unix seconds,dollars`, later than the line before; what follows a # is a comment.
    """
    path = settings.sol_prices_file
    if path is None:
        return PriceHistory()
    points: list[tuple[int, Fraction]] = []
    faults: list[Fault] = []
    for number, line in enumerate(_lines(path), start=1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        point = _point(text)
        if point is None or (points and point[0] <= points[-1][0]):
            rule = "must be unix seconds,dollars above 0, later than the line before"
            faults.append(Fault(f"{SETTING} line {number}", text[:80], rule))
        else:
            points.append(point)
    if len(points) > limits.PRICE_HISTORY_POINTS:
        rule = f"must hold at most {limits.PRICE_HISTORY_POINTS} prices"
        faults.append(Fault(SETTING, str(len(points)), rule))
    if faults:
        raise ConfigurationError(faults[:_FAULTS_SHOWN])
    if not points:
        return PriceHistory()
    said = "\n".join(f"{time},{price}" for time, price in points)
    return PriceHistory(tuple(points), hashlib.sha256(said.encode()).hexdigest()[:32])


def _lines(path: Path) -> list[str]:
    """The lines of the file."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        rule = f"must name a readable text file: {error}"
        raise ConfigurationError([Fault(SETTING, str(path), rule)]) from error


def _point(text: str) -> tuple[int, Fraction] | None:
    """Time and price, None when the line has no such."""
    found = _LINE.fullmatch(text)
    if found is None or not (price := Fraction(found[2])):
        return None
    return int(found[1]), price
