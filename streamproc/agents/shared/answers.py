"""How often a terminal record is said again: a few times at once, then at a bounded rate, however often it is asked."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Callable


class Answers:
    """A bucket of answers for each request, which fills with time; who was asked about longest ago is forgotten."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        """All buckets are full."""
        self._clock_s = clock_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # answers, and when

    def may(self, request_id: str) -> bool:
        """Whether to answer now; each yes takes one from the bucket."""
        now = self._clock_s()
        left, at = self._left.pop(request_id, (float(limits.ANSWERS_AT_ONCE), now))
        left = min(limits.ANSWERS_AT_ONCE, left + (now - at) / limits.ANSWER_EVERY_S)
        self._left[request_id] = (left - (left >= 1), now)
        if len(self._left) > limits.ANSWERS_REMEMBERED:
            self._left.popitem(last=False)
        return left >= 1
