"""How long to wait before the next try."""

from __future__ import annotations

from streamproc import limits


def delay_s(tries: int) -> float:
    """Seconds before the try after this many failed ones: doubling, capped.

    >>> [delay_s(tries) for tries in (1, 2, 3, 40)]
    [0.1, 0.2, 0.4, 5.0]
    """
    doublings = min(tries - 1, 16)  # far past the cap, far from an overflow
    return min(limits.RETRY_CAP_S, limits.RETRY_FIRST_S * (1 << doublings))
