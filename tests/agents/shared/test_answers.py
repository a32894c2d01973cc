"""A request that is sent again and again is answered a few times at once, then now and then, and for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.agents.shared.answers import Answers

if TYPE_CHECKING:
    import pytest


def test_answers_come_a_few_at_once_then_at_a_bounded_rate() -> None:
    now = [0.0]
    answers = Answers(lambda: now[0])
    assert [answers.may("a") for _ in range(7)] == [True] * limits.ANSWERS_AT_ONCE + [False] * 2
    assert answers.may("b"), "another request has a bucket of its own"
    now[0] = limits.ANSWER_EVERY_S - 0.1
    assert not answers.may("a"), "asking in vain takes nothing"
    now[0] = limits.ANSWER_EVERY_S + 0.1
    assert [answers.may("a"), answers.may("a")] == [True, False]
    now[0] = 1e6
    assert sum(answers.may("a") for _ in range(50)) == limits.ANSWERS_AT_ONCE


def test_a_flood_of_repeats_gets_as_many_answers_as_time_allows() -> None:
    now = [0.0]
    answers = Answers(lambda: now[0])
    given = 0
    for _ in range(10_000):
        now[0] += 0.01
        given += answers.may("a")
    assert given <= limits.ANSWERS_AT_ONCE + 100 / limits.ANSWER_EVERY_S


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ANSWERS_REMEMBERED", 3)
    answers = Answers()
    for number in range(10):
        answers.may(str(number))
    assert len(answers._left) == 3
