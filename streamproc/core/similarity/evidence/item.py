"""The shape of one item of evidence, and how its figures are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.json_types import Json

Kind = Literal["chance", "interval", "timing", "direction", "link"]

SHORT: Final = 11  # characters of a shortened address
DIGITS: Final = 6  # significant digits of an evidence figure: more would differ between processors


def item(
    kind: Kind,
    reason: str,
    *,
    value: float | None = None,
    low: float | None = None,
    high: float | None = None,
    p: float | None = None,
    q: float | None = None,
    lift: float | None = None,
    n: int | None = None,
    leader: str | None = None,
    lag_s: float | None = None,
    mints: Sequence[str] = (),
    signatures: Sequence[str] = (),
) -> Json:
    """Return one item of `evidence[]`; what does not apply is None, `reason` says it in words."""
    return {
        "kind": kind,
        "value": rounded(value),
        "low": rounded(low),
        "high": rounded(high),
        "p": rounded(p),
        "q": rounded(q),
        "lift": rounded(lift),
        "n": n,
        "leader": leader,
        "lag_s": lag_s,
        "mints": list(mints[: limits.EVIDENCE_MINTS_MAX]),
        "signatures": list(signatures[: limits.EVIDENCE_SIGNATURES_MAX]),
        "reason": reason,
    }


def rounded(value: float | None) -> float | None:
    """Return the value to six significant digits.

    >>> rounded(0.000123456789)
    0.000123457
    """
    return None if value is None else float(f"{value:.{DIGITS - 1}e}")


def counted(count: int, noun: str) -> str:
    """Return so many of what the noun names.

    >>> counted(1, "shared token"), counted(0, "shared token")
    ('1 shared token', '0 shared tokens')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def one_or_many(count: int, one: str, many: str) -> str:
    """Return the form of a verb that goes with so many.

    >>> one_or_many(1, "is", "are"), one_or_many(0, "is", "are")
    ('is', 'are')
    """
    return one if count == 1 else many


def short(address: str) -> str:
    """Return an address as people recognise it.

    >>> short("So11111111111111111111111111111111111111112")
    'So11...1112'
    """
    return address if len(address) <= SHORT else f"{address[:4]}...{address[-4:]}"
