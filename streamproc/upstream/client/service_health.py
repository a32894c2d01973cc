"""How each service is: whether it answers, since when it does not, and a log line when that changes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

ANSWERS: Final = ""


@dataclass
class _Condition:
    """One service's condition: what it answers instead of what is asked, since when, to which methods."""

    seen: str = ANSWERS
    since_s: float = 0.0
    methods: set[str] = field(default_factory=set)
    is_told: bool = False  # whether the log has heard of it
    told_s: dict[str, float] = field(default_factory=dict)  # what was logged when, the last time


class ServiceHealth:
    """The condition of all services, by host.

    Trouble with one method lasts until a method that had it is answered. The log hears of each change once; what
    comes and goes is told again only after `CONDITION_LOG_S`.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        """All answer, as far as anybody knows."""
        self._now_s = now_s
        self._hosts: dict[str, _Condition] = {}

    def troubled(self, host: str, method: str, seen: str) -> None:
        """A call was not answered: note what was seen instead."""
        condition, now_s = self._hosts.setdefault(host, _Condition()), self._now_s()
        if condition.seen == ANSWERS:
            condition.since_s = now_s
        condition.methods.add(method)
        condition.seen = seen
        if now_s - condition.told_s.get(seen, float("-inf")) < limits.CONDITION_LOG_S:
            return
        condition.told_s[seen] = now_s
        condition.is_told = True
        log.warning("upstream %s %s to %s", host, _worded(seen), method)

    def answered(self, host: str, method: str) -> None:
        """A call was answered: trouble with its method is over."""
        condition = self._hosts.get(host)
        if condition is None or method not in condition.methods:
            return
        lasted_s = self._now_s() - condition.since_s
        if condition.is_told:
            log.warning("upstream %s recovered: %s, after %.1f s", host, method, lasted_s)
        self._hosts[host] = _Condition(told_s=condition.told_s)

    def pause(self) -> str | None:
        """What has lasted for longest, in a sentence, when it has lasted long enough to be worth one."""
        now_s = self._now_s()
        lasting = [
            (now_s - each.since_s, each.seen)
            for each in self._hosts.values()
            if each.seen != ANSWERS and now_s - each.since_s >= limits.PAUSE_TOLD_AFTER_S
        ]
        if not lasting:
            return None
        lasted_s, seen = max(lasting)
        return f"upstream {_worded(seen)} since {lasted_s:.0f} s"


def _worded(seen: str) -> str:
    """What was seen, as the rest of a sentence.

    >>> _worded("503"), _worded("timeout"), _worded("connection")
    ('answers 503', 'does not answer in time', 'cannot be reached')
    """
    words = {"timeout": "does not answer in time", "connection": "cannot be reached"}
    return words.get(seen, f"answers {seen}")
