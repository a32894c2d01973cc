"""A request that is no longer wanted, or whose deadline passes, ends as such and asks the upstream nothing more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamproc.sandbox.service.faults import Fault
from tests.flow.conftest import changed
from tests.flow.rules import check_end

if TYPE_CHECKING:
    from tests.flow.conftest import House

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

FULL = "getTransactionsForAddress"
SLOW_S = 0.4  # of every call: a history of a dozen pages takes seconds


async def cancel(house: House, request_id: str, reason: str | None = None) -> None:
    body = {"request_id": request_id} | ({"reason": reason} if reason else {})
    await house.installation.send("analysis-cancel-requested", request_id, body)


async def test_a_cancel_that_comes_before_its_request_cancels_it(house: House) -> None:
    await cancel(house, "unwanted", "no longer needed")
    await house.installation.request("unwanted", house.world.addresses[:2])
    await house.installation.ending("unwanted")
    failed = check_end(house.installation.said, "unwanted")
    assert (failed["status"], failed["code"]) == ("cancelled", "cancelled")
    assert "no longer needed" in failed["message"]


async def test_a_cancel_in_the_middle_of_a_sync_stops_its_calls_and_no_other_request(
    house: House,
) -> None:
    shared, mine, other = house.world.addresses[2:5]
    pages = [Fault("short_page", method=FULL, wallet=each) for each in (shared, mine)]
    counters = house.sandbox.counters
    with changed(house.sandbox, *pages, latency_s=SLOW_S):
        await house.installation.request("stopped", [shared, mine])
        await house.installation.until(lambda: counters.transactions[mine], "no page was served")
        await house.installation.request("going-on", [shared, other])
        await cancel(house, "stopped")
        await house.installation.ending("stopped")
        await asyncio.sleep(2)
        asked = counters.wallets[mine]
        await house.installation.ending("going-on")
        await asyncio.sleep(2 * SLOW_S)
        assert counters.wallets[mine] == asked
        assert counters.transactions[mine] < len(house.world.entries(mine))
    assert check_end(house.installation.said, "stopped")["status"] == "cancelled"
    result = check_end(house.installation.said, "going-on")
    assert result["status"] == "completed"
    assert {each["coverage"]["state"] for each in result["wallets"]} == {"complete"}
    outcomes = house.installation.of("wallet-analyzed", "stopped")
    assert mine not in {each.event["wallet"] for each in outcomes}


async def test_a_wallet_whose_sync_was_cancelled_is_brought_up_to_date_by_the_next_request(
    house: House,
) -> None:
    mine, other = house.world.addresses[3:5]
    await house.installation.request("afterwards", [mine, other])
    result = await house.installation.ending("afterwards")
    for wallet in result["wallets"]:
        assert wallet["coverage"]["state"] == "complete"
        assert wallet["coverage"]["transactions"] == len(house.world.entries(wallet["wallet"]))


async def test_a_cancel_while_the_result_is_composed_ends_the_request_as_cancelled(
    house: House,
) -> None:
    await house.installation.execute("DELETE FROM token_metadata")
    with changed(house.sandbox, Fault("hang", method="getAssetBatch")):
        await house.installation.request("late", house.world.addresses[:2])
        await house.installation.until(
            lambda: house.sandbox.counters.faults["hang"], "no names were asked for"
        )
        assert house.installation.of("analysis-ready", "late")
        await cancel(house, "late")
        await house.installation.ending("late")
    assert check_end(house.installation.said, "late")["status"] == "cancelled"
    assert not house.installation.of("analysis-completed", "late")


async def test_a_cancel_after_the_end_is_ignored(house: House) -> None:
    await house.installation.request("done", house.world.addresses[:2])
    await house.installation.ending("done")
    said = len([each for each in house.installation.said if each.key == b"done"])
    await cancel(house, "done")
    # Of one key and topic the second record is read after the first.
    await house.installation.send("analysis-cancel-requested", "done", b"{")
    await house.installation.until(
        lambda: any(each.key == b"done" for each in house.installation.of("dead-letters")),
        "the record after the cancel was not read",
    )
    await house.installation.request("done", house.world.addresses[:2])
    await house.installation.until(
        lambda: len(house.installation.of("analysis-completed", "done")) > 1,
        "the repeated request was not answered",
    )
    mine = [each for each in house.installation.said if each.key == b"done"]
    new = sorted(each.topic for each in mine[said:])
    expected = ["analysis-cancel-requested"] * 2 + ["analysis-completed", "analysis-requested"]
    assert new == sorted([*expected, "dead-letters"])
    assert check_end(house.installation.said, "done")["status"] == "completed"


async def test_a_request_whose_deadline_passes_expires_and_stops_asking(house: House) -> None:
    slow = house.world.addresses[7]
    counters = house.sandbox.counters
    pages = Fault("short_page", method=FULL, wallet=slow)
    with changed(house.sandbox, pages, latency_s=2 * SLOW_S):
        await house.installation.request("too-late", [slow, house.world.addresses[0]], deadline_s=1)
        await house.installation.ending("too-late")
        await asyncio.sleep(2)
        asked = counters.requests
        await asyncio.sleep(4 * SLOW_S)
        assert counters.requests == asked
    failed = check_end(house.installation.said, "too-late")
    assert (failed["status"], failed["code"]) == ("expired", "deadline_passed")
