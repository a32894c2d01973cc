"""A commit asks for what is still ours, and for nothing when nothing is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from streamproc.engine.faust.consumer_thread import GuardedThread


class Asked:
    """Takes commits as aiokafka does: an empty one is an error of the caller."""

    def __init__(self) -> None:
        self.commits: list[Any] = []

    async def commit(self, offsets: Any) -> None:  # noqa: ANN401 - aiokafka's structure
        if not offsets:
            raise ValueError(offsets)
        self.commits.append(offsets)


async def test_a_commit_of_partitions_that_a_rebalance_has_taken_is_refused_and_does_not_raise() -> (
    None
):
    asked = Asked()
    thread: Any = SimpleNamespace(_ensure_consumer=lambda: asked, assignment=lambda: {("mine", 0)})
    assert await GuardedThread._commit(thread, {("theirs", 0): 5}) is False
    assert asked.commits == []
    assert await GuardedThread._commit(thread, {("theirs", 0): 5, ("mine", 0): 3}) is True
    assert [list(map(tuple, each)) for each in asked.commits] == [[("mine", 0)]]
