"""Pages that lie in the middle of every strategy: the same numbers, or a named failure and nothing falsely complete."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest

from streamproc.core.ledger.ranges import gaps
from streamproc.errors import StreamprocError, UpstreamInconsistentError
from tests.upstream.history.midway import (
    EACH,
    MIDDLE,
    SLOTS,
    STRATEGIES,
    TRANSACTIONS,
    Midway,
    Strategy,
    Told,
    assert_whole,
    fails_and_goes_on,
    walk,
)
from tests.upstream.history.test_history import Kept, assert_honest, numbers_of
from tests.upstream.services import OTHER, SLOT, enhanced, raw, signature

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("small_pages")


def _foreign(page: Told) -> Told:
    if isinstance(page, list):
        return [enhanced(SLOT, 1, OTHER)]
    return {"result": {"data": [raw(SLOT, 1, OTHER)], "paginationToken": None}}


@EACH
async def test_another_wallets_data_is_a_named_failure(strategy: Strategy) -> None:
    service = Midway(strategy)
    service.lies = {MIDDLE[0]: _foreign}
    await fails_and_goes_on(service, strategy, UpstreamInconsistentError)


def _changed_page(change: Callable[[list[Any]], list[Any]]) -> Callable[[Told], Told]:
    """A lie that changes the transactions of either list and leaves the token."""

    def lie(page: Told) -> Told:
        if isinstance(page, list):
            return change(page)
        data = change(page["result"]["data"])
        return {"result": {**page["result"], "data": data}}

    return lie


CHANGES = {
    "each one twice": _changed_page(lambda rows: [row for row in rows for _ in range(2)]),
    "without a block time": _changed_page(
        lambda rows: [{**row, "blockTime": None, "timestamp": None} for row in rows]
    ),
    "of a version that nobody knows": _changed_page(
        lambda rows: [{**row, "version": 7} for row in rows]
    ),
}


@EACH
@pytest.mark.parametrize("lie", CHANGES.values(), ids=CHANGES)
async def test_odd_pages_change_no_number(lie: Callable[[Told], Told], strategy: Strategy) -> None:
    service, kept = Midway(strategy), Kept()
    service.lies = dict.fromkeys(range(1, 200), lie)
    await walk(service, strategy, kept)
    assert_whole(kept, strategy)


class Overlapping(Midway):
    """Every page begins with what the page before it ended with, as long as something follows."""

    def _page(self, asked: dict[str, Any]) -> httpx.Response:
        if "paginationToken" in asked and asked["limit"] > 1:
            slot, place = map(int, asked["paginationToken"].split(":"))
            place += -1 if asked["sortOrder"] == "asc" else 1
            asked = {**asked, "paginationToken": f"{slot}:{place}"}
        return super()._page(asked)

    def _listed(self, asked: dict[str, Any]) -> httpx.Response:
        newest = [signature(number) for _, number in reversed(self.transactions)]
        cursor = asked.get("before-signature")
        if cursor is None or cursor in {newest[0], newest[-1]}:
            return super()._listed(asked)
        earlier = newest[newest.index(cursor) - 1]
        return super()._listed({**asked, "before-signature": earlier})


@EACH
async def test_pages_that_overlap_change_no_number(strategy: Strategy) -> None:
    service, kept = Overlapping(strategy), Kept()
    await walk(service, strategy, kept)
    assert_whole(kept, strategy)


@EACH
async def test_pages_that_are_cut_short_change_no_number(strategy: Strategy) -> None:
    service, kept = Midway(strategy), Kept()
    service.page_max = 1
    await walk(service, strategy, kept)
    assert_whole(kept, strategy)


FULL = pytest.mark.parametrize(
    "strategy", [each for each in STRATEGIES.values() if each.is_full and each.most is None]
)


@FULL
async def test_empty_pages_with_a_token_change_no_number(strategy: Strategy) -> None:
    """Their token names the place before the page that was held back, as the real ones do."""

    def emptied(page: Told) -> Told:
        assert isinstance(page, dict)
        data, token = page["result"]["data"], page["result"]["paginationToken"]
        if not data or token is None:
            return page
        first, is_ascending = data[0], data[0]["slot"] < data[-1]["slot"]
        place = first["transactionIndex"] - 1 if is_ascending else first["transactionIndex"] + 1
        return {"result": {"data": [], "paginationToken": f"{first['slot']}:{place}"}}

    service, kept = Midway(strategy), Kept()
    service.lies = dict.fromkeys(range(2, 200, 3), emptied)
    await walk(service, strategy, kept)
    assert_whole(kept, strategy)


@FULL
async def test_a_cursor_that_comes_twice_is_a_named_failure(strategy: Strategy) -> None:
    class Stuck(Midway):
        def _page(self, asked: dict[str, Any]) -> httpx.Response:
            page = orjson.loads(super()._page(asked).content)
            if len(self.asked) > MIDDLE[0] and "paginationToken" in asked:
                page["result"]["paginationToken"] = asked["paginationToken"]
            return httpx.Response(200, content=orjson.dumps(page))

    kept = Kept()
    with suppress(StreamprocError):
        await walk(Stuck(strategy), strategy, kept)
    assert_honest(kept, TRANSACTIONS)
    is_whole = numbers_of(kept) == set(TRANSACTIONS)
    is_open = bool(gaps(kept.ranges, from_slot=0, to_slot=SLOTS[-1]))
    assert is_whole or is_open
    await walk(Midway(strategy), strategy, kept)
    assert_whole(kept, strategy)
