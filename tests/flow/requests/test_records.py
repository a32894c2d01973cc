"""What every record has: complete headers, the request's trace, numbers that are numbers, and no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
import pytest_asyncio

from streamproc.sandbox.service.faults import Fault
from tests.flow.conftest import changed, served
from tests.flow.installation import KEY
from tests.flow.rules import check_end, check_headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.sandbox.world.world import World
    from tests.flow.conftest import Opener
    from tests.flow.installation import Installation, Said

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

FULL = "getTransactionsForAddress"
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
WRITTEN_BY_OTHERS = {"analysis-requested", "analysis-cancel-requested", "dead-letters"}
ENDS = {
    "completed": "completed",
    "refused": "failed",
    "rejected-key": "failed",
    "cancelled": "cancelled",
    "lost": "completed",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(world: World, open_installation: Opener) -> AsyncIterator[Installation]:
    """An installation that logs all it can and has answered requests that went well, badly and away."""
    first, second = world.addresses[:2]
    faults = {
        "refused": Fault("-32602", method=FULL, wallet=second),
        "rejected-key": Fault("401"),
        "lost": Fault("reset", method=FULL, times=1),
    }
    with served(world) as sandbox:
        async with open_installation(sandbox, STREAMPROC_LOG_LEVEL="DEBUG") as installation:
            await installation.ready_worker()
            for request_id in ENDS:
                if request_id == "cancelled":
                    unwanted = {"request_id": request_id}
                    await installation.send("analysis-cancel-requested", request_id, unwanted)
                with changed(sandbox, *filter(None, [faults.get(request_id)])):
                    body = {"request_id": request_id, "wallets": [first, second]}
                    trace = {"traceparent": TRACE}
                    await installation.send("analysis-requested", request_id, body, trace)
                    await installation.ending(request_id)
            await installation.send("analysis-requested", "garbage", b"{")
            await installation.until(lambda: installation.of("dead-letters"), "no dead letter")
            yield installation


def own(installation: Installation) -> list[Said]:
    """What the product itself has put on its topics."""
    return [each for each in installation.said if each.topic not in WRITTEN_BY_OTHERS]


async def test_the_requests_ended_as_they_were_meant_to(house: Installation) -> None:
    assert {name: check_end(house.said, name)["status"] for name in ENDS} == ENDS


async def test_every_record_has_complete_headers_and_the_same_ce_id_as_its_repeats_only(
    house: Installation,
) -> None:
    check_headers(own(house))


async def test_every_record_continues_the_trace_of_its_request(house: Installation) -> None:
    topics = {each.topic for each in own(house)}
    assert topics >= {
        "analysis-accepted",
        "wallet-sync",
        "balance-fetch",
        "wallet-analyzed",
        "balances-fetched",
        "analysis-ready",
        "analysis-progress",
        "analysis-completed",
        "analysis-failed",
    }
    without = {each.topic for each in own(house) if each.headers.get("traceparent") != TRACE}
    assert not without


async def test_no_record_holds_a_number_that_is_none(house: Installation) -> None:
    for each in own(house):
        orjson.loads(each.value or b"")  # refuses NaN and Infinity, which are no JSON


async def test_the_key_of_the_upstream_is_in_no_record_no_log_and_no_metric(
    house: Installation,
) -> None:
    for each in house.said:
        content = [each.key or b"", each.value or b"", *each.headers.values()]
        assert not any(KEY.encode() in part for part in content), each.topic
    log, metrics = house.log(0), await house.metrics(0)
    assert " DEBUG " in log
    assert KEY not in log
    assert 'streamproc_upstream_calls_total{code="401"' in metrics
    assert KEY not in metrics
