"""The budget of dead letters: too many in a row mean that we are what is wrong, not the records.

A deployment whose agents do not understand one another would divert its whole input, and somebody would have to send it
again. So the worker stops instead: the record that spends the budget is neither diverted nor done.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from streamproc import limits
from streamproc.engine.delivery.dead_letters import (
    FIRST_SEEN,
    HANDLER_FAILED,
    OUTPUT_REFUSED,
    UNREADABLE,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamproc.engine.records import Record

# What was well-formed and failed all the same: it is about a request, and that came from outside.
ROOTED_OUTSIDE: Final = frozenset({HANDLER_FAILED, OUTPUT_REFUSED, UNREADABLE})


class DeadLetterLimit:
    """Counts, for each topic, the dead letters since a record of it was last worked off.

    What counts is what our own agents wrote and do not understand: two versions that do not fit together. What outside
    producers may send, on the topics named `outside` or through a request whose consequences fail further in, is no
    sign of that. Letters that are replayed do not count either: an operator who replays them watches. `most` 0 is a
    budget without end.
    """

    def __init__(
        self, most: int = limits.DEAD_LETTERS_IN_A_ROW, outside: Collection[str] = ()
    ) -> None:
        self._most = most
        self._outside = frozenset(outside)
        self._in_a_row: Counter[str] = Counter()

    def spends(self, record: Record, reason: str) -> bool:
        """Count this dead letter; whether it is one too many."""
        if reason in ROOTED_OUTSIDE or record.topic in self._outside:
            return False
        if any(name == FIRST_SEEN for name, _ in record.headers):
            return False
        self._in_a_row[record.topic] += 1
        return 0 < self._most < self._in_a_row[record.topic]

    def renew(self, topic: str) -> None:
        """A record of the topic was worked off: its budget is whole again."""
        self._in_a_row.pop(topic, None)
