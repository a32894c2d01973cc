"""The watch over ended requests: whom it knows, when it forgets, and that nothing ends it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from streamproc import limits
from streamproc.agents.shared.cancellation import Cancellations, watching_cancellations
from streamproc.errors import RequestEndedError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Store:
    """Knows who has ended; fails as it is told."""

    def __init__(self) -> None:
        self.ended: set[str] = set()
        self.asked: list[list[str]] = []
        self.odd: set[str] = set()
        self.failures: list[Exception] = []

    async def status_of(self, request_ids: Sequence[str]) -> dict[str, str]:
        self.asked.append(sorted(request_ids))
        if self.failures:
            raise self.failures.pop()
        if self.odd & set(request_ids):
            raise ValueError("a bug")
        return {each: "cancelled" if each in self.ended else "running" for each in request_ids}


def watch(store: Store) -> Cancellations:
    """A watch on this store."""
    asked: Any = store
    return Cancellations(asked)


async def test_an_end_is_known_after_a_look_and_forgotten_with_the_last_who_works_on_it() -> None:
    store = Store()
    store.ended = {"a"}
    cancellations = watch(store)
    with cancellations.watching("a"), cancellations.watching("b"):
        with cancellations.watching("a"):
            await cancellations.look()
            assert (cancellations.has_ended("a"), cancellations.has_ended("b")) == (True, False)
        with pytest.raises(RequestEndedError):
            cancellations.check("a")
    assert not cancellations.has_ended("a")
    await cancellations.look()
    assert store.asked == [["a", "b"]]


async def test_who_left_while_the_store_was_asked_is_not_remembered_as_ended() -> None:
    store = Store()
    store.ended = {"a"}
    cancellations = watch(store)
    with cancellations.watching("a"):
        look = asyncio.ensure_future(cancellations.look())
    await look
    assert not cancellations.has_ended("a")


async def test_one_request_that_cannot_be_asked_about_hides_no_other() -> None:
    store = Store()
    store.ended, store.odd = {"c"}, {"b"}
    cancellations = watch(store)
    with cancellations.watching("a"), cancellations.watching("b"), cancellations.watching("c"):
        await cancellations.look()
        assert [cancellations.has_ended(each) for each in "abc"] == [False, False, True]


async def test_the_watch_survives_an_outage_and_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ENDINGS_LOOK_S", 0.001)
    store: Any = Store()
    store.ended = {"a"}
    store.failures = [StoreUnavailableError("away"), RuntimeError("a bug"), RuntimeError("a bug")]
    async with watching_cancellations(store) as cancellations, asyncio.timeout(5):
        with cancellations.watching("a"):
            while not cancellations.has_ended("a"):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.001)
    assert not store.failures
