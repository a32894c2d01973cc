"""The tracker never lets a commit pass unfinished work, whatever happens in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streamproc.engine.delivery.offsets import Admitted, Hole, OffsetTracker
from streamproc.engine.records import Batch, Record

PARTITION = ("topic", 0)
READERS = ("sync", "join")


def record(offset: int) -> Record:
    return Record("topic", 0, offset, b"key", b"value", (), 0)


class Deliveries(RuleBasedStateMachine):
    """A log of records, two readers of it, and everything that a consumer does to them."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker: OffsetTracker[str] = OffsetTracker()
        for reader in READERS:
            self.tracker.register(reader, ["topic"])
        self.log: list[int] = []  # offsets, with gaps as transaction markers leave them
        self.position = 0
        self.group = 0  # what the group has committed
        self.waiting: dict[str, list[Batch]] = {reader: [] for reader in READERS}
        self.delivered: dict[str, set[int]] = {reader: set() for reader in READERS}
        self.done: dict[str, set[int]] = {reader: set() for reader in READERS}

    @initialize(gaps=st.lists(st.integers(1, 3), min_size=1, max_size=40))
    def start(self, gaps: list[int]) -> None:
        offset = -1
        for gap in gaps:
            offset += gap
            self.log.append(offset)
        self.tracker.assign([PARTITION], 1)

    @rule(most=st.integers(1, 5), lose=st.sampled_from([(), ("sync",), ("join",), READERS]))
    def fetch(self, most: int, lose: tuple[str, ...]) -> None:
        """A fetch, which may be lost on its way to a reader."""
        offsets = [offset for offset in self.log if offset >= self.position][:most]
        if not offsets:
            return
        self.position = offsets[-1] + 1
        known = self.group or None
        batch = self.tracker.pack(PARTITION, [record(offset) for offset in offsets], known)
        if batch is not None:
            for reader in READERS:
                if reader not in lose:
                    self.waiting[reader].append(batch)

    @rule(reader=st.sampled_from(READERS))
    def take(self, reader: str) -> None:
        """A reader takes the next batch; a hole is fetched again, or closed where the log itself has it."""
        if not self.waiting[reader]:
            return
        batch = self.waiting[reader].pop(0)
        found = self.tracker.admit(reader, batch)
        while isinstance(found, Hole):
            first = next((offset for offset in self.log if offset >= found.offsets.end), None)
            if found.is_repeated and first is not None:
                found.offsets.close_gap(min(first, batch.start))
            if found.offsets.end < batch.start:
                self.position = found.offsets.end
                return
            found = self.tracker.admit(reader, batch)
        if isinstance(found, Admitted):
            self.delivered[reader].update(each.offset for each in found.records)

    @rule(reader=st.sampled_from(READERS), chosen=st.integers(0, 10))
    def finish(self, reader: str, chosen: int) -> None:
        """A reader finishes any of what it has, in any order."""
        offsets = self.tracker.offsets_by_reader.get(PARTITION, {}).get(reader)
        if offsets is not None and offsets.unfinished:
            offset = sorted(offsets.unfinished)[chosen % len(offsets.unfinished)]
            offsets.finish(offset)
            self.done[reader].add(offset)

    @rule()
    def commit(self) -> None:
        """The group takes what the tracker offers."""
        for partition, offset in self.tracker.committable().items():
            assert offset > self.group
            self.group = offset
            self.tracker.committed[partition] = offset

    @rule(is_kept=st.booleans(), is_join_dropped=st.booleans())
    def rebalance(self, is_kept: bool, is_join_dropped: bool) -> None:  # noqa: FBT001 - hypothesis calls it
        """The partition is given up and comes back, with or without another owner in between."""
        self.tracker.give_up()
        assert self.tracker.pack(PARTITION, [record(0)], None) is None
        generation = self.tracker.generation + 1
        if not is_kept:
            self.tracker.assign([], generation)
            generation += 1
        self.tracker.assign([PARTITION], generation)
        if is_join_dropped:
            self.tracker.drop_reader("join")
        self.position = self.group

    @rule(reader=st.sampled_from(READERS))
    def clear_queue(self, reader: str) -> None:
        """Faust clears its queues whenever it likes."""
        self.waiting[reader].clear()

    def sweep(self) -> None:
        """What is on its way to nobody is fetched again."""
        for (_, reader), end in self.tracker.behind().items():
            if not self.waiting[reader]:
                self.position = min(self.position, end)

    @invariant()
    def no_commit_passes_unfinished_work(self) -> None:
        for reader in READERS:
            missing = {offset for offset in self.log if offset < self.group} - self.done[reader]
            assert not missing, (reader, self.group, missing)

    @invariant()
    def nothing_is_offered_past_unfinished_work(self) -> None:
        for offset in self.tracker.committable().values():
            for reader in READERS:
                assert {each for each in self.log if each < offset} <= self.done[reader]

    def teardown(self) -> None:
        """In the end, when everything arrives and is finished, everything can be committed."""
        if not self.log:
            return
        for _ in range(400):
            self.fetch(5, ())
            for reader in READERS:
                self.take(reader)
                self.finish(reader, 0)
            self.sweep()
            self.commit()
            if self.position > self.log[-1] and not any(self.waiting.values()):
                offsets_by_reader = self.tracker.offsets_by_reader.get(PARTITION, {}).values()
                if offsets_by_reader and not any(
                    offsets.unfinished for offsets in offsets_by_reader
                ):
                    break
        assert self.group == self.log[-1] + 1


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


@pytest.fixture
def tracker() -> OffsetTracker[str]:
    """A tracker with one reader, and the partition."""
    tracker: OffsetTracker[str] = OffsetTracker()
    tracker.register("sync", ["topic"])
    tracker.assign([PARTITION], 1)
    return tracker


def packed(tracker: OffsetTracker[str], *offsets: int, known: int | None = None) -> Batch:
    batch = tracker.pack(PARTITION, [record(offset) for offset in offsets], known)
    assert batch is not None
    return batch


def test_a_batch_of_an_older_generation_is_refused(tracker: OffsetTracker[str]) -> None:
    batch = packed(tracker, 0, 1)
    tracker.assign([PARTITION], 2)
    packed(tracker, 0, 1)
    assert tracker.admit("sync", batch) is None


def test_what_was_delivered_before_is_not_delivered_again(tracker: OffsetTracker[str]) -> None:
    assert isinstance(tracker.admit("sync", packed(tracker, 0, 1)), Admitted)
    found = tracker.admit("sync", packed(tracker, 0, 1, 2))
    assert isinstance(found, Admitted)
    assert [each.offset for each in found.records] == [2]


def test_missing_records_are_noticed_and_only_then_believed_to_be_no_records(
    tracker: OffsetTracker[str],
) -> None:
    tracker.admit("sync", packed(tracker, 0, 1))
    packed(tracker, 2, 3)  # lost on the way
    batch = packed(tracker, 4)
    first, second = tracker.admit("sync", batch), tracker.admit("sync", batch)
    assert isinstance(first, Hole)
    assert not first.is_repeated
    assert isinstance(second, Hole)
    assert second.is_repeated
    assert tracker.offsets_by_reader[PARTITION]["sync"].end == 2


def test_a_gap_inside_the_log_is_no_hole(tracker: OffsetTracker[str]) -> None:
    tracker.admit("sync", packed(tracker, 0, 1))
    assert isinstance(tracker.admit("sync", packed(tracker, 5, 6)), Admitted)


def test_what_another_worker_committed_meanwhile_is_done(tracker: OffsetTracker[str]) -> None:
    tracker.admit("sync", packed(tracker, 0, 1, 2))
    tracker.assign([PARTITION], 2)
    found = tracker.admit("sync", packed(tracker, 7, known=7))
    assert isinstance(found, Admitted)
    assert [each.offset for each in found.records] == [7]
    assert list(found.offsets.unfinished) == [7]


def test_a_topic_may_feed_a_reader_once_only(tracker: OffsetTracker[str]) -> None:
    with pytest.raises(ValueError, match="twice"):
        tracker.register("sync", ["topic"])


def test_nothing_is_committed_while_a_reader_of_the_topic_has_no_lane(
    tracker: OffsetTracker[str],
) -> None:
    tracker.register("join", ["topic"])
    batch = packed(tracker, 0, 1)
    for reader in ("sync", "join"):
        found = tracker.admit(reader, batch)
        assert isinstance(found, Admitted)
    tracker.drop_reader("join")  # as at every assignment: the join takes its records again
    for offset in (0, 1):
        tracker.offsets_by_reader[PARTITION]["sync"].finish(offset)
    assert tracker.committable() == {}
    again = tracker.admit("join", packed(tracker, 0, 1, known=0))
    assert isinstance(again, Admitted)
    assert tracker.committable() == {}
    for offset in (0, 1):
        again.offsets.finish(offset)
    assert tracker.committable() == {PARTITION: 2}
