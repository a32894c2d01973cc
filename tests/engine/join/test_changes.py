"""What the changelog gets of a large state: the whole now and then, and in between what has changed."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc import limits
from streamproc.engine.join import changelog
from streamproc.engine.join.changelog import Series
from streamproc.engine.join.changes import change_of, changed
from streamproc.engine.records import Outgoing

KEY = b"asked-1"
pieces = st.lists(st.sampled_from([b"a", b"b", b"cc", b"", b'{"x":1']), max_size=12)
values = st.binary(max_size=20) | pieces.map(b",".join)


@given(values, values)
def test_a_value_comes_back_from_the_one_before_and_the_change(old: bytes, new: bytes) -> None:
    assert changed(old, change_of(old, new)) == new


def test_a_change_is_small_where_little_has_changed() -> None:
    wallets = [b'"wallet-%d":{"outcome":"analyzed","slot":%d}' % (n, n) for n in range(1000)]
    old = b'{"seen":{%b},"seq":7,"told":[3,0,false]}' % b",".join(wallets)
    more = [*wallets, b'"another":{"outcome":"failed"}']
    new = b'{"seen":{%b},"seq":8,"told":[4,0,false]}' % b",".join(more)
    assert len(change_of(old, new)) < 120


def test_what_is_no_change_does_not_decode() -> None:
    with pytest.raises(msgspec.DecodeError):
        changed(b"a,b", b"\xc1")


class Written:
    """A changelog of one key, compacted, and the series that its owner has in mind."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.state: bytes | None = None
        self.series = Series()

    def write(self, new: bytes | None, changes_from: int = 0) -> bytes:
        """The key of what was written."""
        step = changelog.next_step(KEY, self.series, self.state, new, changes_from)
        self.data[step.key] = step.value()
        self.state, self.series = new, step.weighing(len(step.value())).series
        return step.key

    def recovered(self) -> bytes | None:
        kept = changelog.kept_of(self.data, KEY)
        assert kept is not None
        assert kept.series == self.series
        return kept.state


def large(*wallets: int) -> bytes:
    """A state that knows these."""
    return b"[%b]" % b",".join(
        b'"%b"' % sha256(b"%d" % wallet).hexdigest().encode() for wallet in wallets
    )


@given(st.lists(st.lists(st.integers(0, 40), max_size=40), min_size=1, max_size=30))
def test_after_each_write_the_changelog_has_the_state(states: list[list[int]]) -> None:
    """Whole ones, changes, and small ones in any order."""
    log = Written()
    for wallets in states:
        log.write(large(*wallets), changes_from=200)
        assert log.recovered() == large(*wallets)


def test_a_large_state_is_written_whole_first_and_again_after_so_many_changes() -> None:
    log = Written()
    keys = [log.write(large(*range(n))) for n in range(500, 500 + limits.CHANGES_MAX + 2)]
    assert keys[0] == keys[-1] == KEY
    assert KEY not in keys[1:-1]
    assert len(set(keys)) == limits.CHANGES_MAX + 1


def test_a_state_is_written_whole_when_its_changes_have_twice_its_bytes() -> None:
    log = Written()
    log.write(large(*range(100)))
    keys = [log.write(large(*range(100 + 30 * n))) for n in range(1, 12)]
    assert KEY in keys
    spent = sum(len(value) for key, value in log.data.items() if key != KEY)
    assert spent < (limits.CHANGES_BY_WHOLE + 1) * len(log.data[KEY])


def test_changes_of_an_earlier_whole_state_are_none_of_a_later_one() -> None:
    """Nothing has written over them yet; and the same state may have been whole before."""
    log = Written()
    log.write(large(*range(50)))
    for n in (51, 52, 53):
        log.write(large(*range(n)))
    log.series = Series()
    log.write(large(*range(50)))
    assert log.recovered() == large(*range(50))
    log.write(large(*range(49)))
    assert log.recovered() == large(*range(49))
    assert len(changelog.changes_of(log.data, KEY)) == 3


def test_a_small_state_has_no_changes() -> None:
    log = Written()
    assert [log.write(large(*range(n)), changes_from=8192) for n in range(3)] == [KEY] * 3


def test_the_key_of_a_change_is_no_key_of_a_state() -> None:
    log = Written()
    log.write(large(*range(50)))
    change = log.write(large(*range(51)))
    assert changelog.kept_of(log.data, change) is None
    with pytest.raises(UnicodeDecodeError):
        change.decode()


class Before(msgspec.Struct, frozen=True, array_like=True):
    """A value of the changelog, as versions without changes knew it."""

    state: bytes | None
    outs: tuple[Outgoing, ...] = ()
    source: tuple[str, int] | None = None


def test_a_state_of_an_older_version_is_read_and_next_written_whole() -> None:
    log = Written()
    log.state = large(*range(50))
    log.data[KEY] = msgspec.msgpack.encode(Before(log.state, (), ("topic", 5)))
    assert changelog.kept_of(log.data, KEY) == changelog.Restored(
        log.state, (), ("topic", 5), Series(0, 0, len(log.data[KEY]))
    )
    assert log.write(large(*range(51))) == KEY
    assert log.write(large(*range(52))) != KEY
    assert log.recovered() == large(*range(52))


def test_an_older_version_reads_what_is_written_whole() -> None:
    log = Written()
    log.write(large(*range(50)))
    read = msgspec.msgpack.decode(log.data[KEY], type=Before)
    assert read.state == log.state
