"""Every row of the table of errors in the middle of every strategy: the same numbers, or a named failure and no lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from streamproc.errors import (
    StrategyUnsupportedError,
    StreamprocError,
    UpstreamKeyRejectedError,
    UpstreamRejectedError,
    UpstreamTooNewError,
)
from tests.upstream.client.test_errors import PASSING
from tests.upstream.history.midway import (
    EACH,
    MIDDLE,
    STRATEGIES,
    Midway,
    Strategy,
    assert_whole,
    fails_and_goes_on,
    walk,
)
from tests.upstream.history.test_history import Kept
from tests.upstream.services import rpc_error

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("small_pages")


@EACH
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
async def test_what_passes_changes_no_number(
    fault: Callable[[], httpx.Response], strategy: Strategy
) -> None:
    service, kept = Midway(strategy), Kept()
    service.faults = dict.fromkeys(MIDDLE, fault)
    await walk(service, strategy, kept)
    assert not service.faults, "both calls went wrong"
    assert_whole(kept, strategy)


LASTING: dict[str, tuple[Callable[[], httpx.Response], type[StreamprocError]]] = {
    "400": (lambda: httpx.Response(400, text="bad"), UpstreamRejectedError),
    "-32602": (lambda: rpc_error(-32602), UpstreamRejectedError),
    "401": (lambda: httpx.Response(401, text="invalid api key"), UpstreamKeyRejectedError),
    "an unknown transaction version": (
        lambda: rpc_error(-32015, "Transaction version (2) is not supported"),
        UpstreamTooNewError,
    ),
}


@EACH
@pytest.mark.parametrize(("fault", "raised"), LASTING.values(), ids=LASTING)
async def test_what_lasts_is_a_named_failure_and_closes_nothing_that_was_not_listed(
    fault: Callable[[], httpx.Response], raised: type[StreamprocError], strategy: Strategy
) -> None:
    service = Midway(strategy)
    service.faults = dict.fromkeys(range(MIDDLE[0], 40), fault)
    await fails_and_goes_on(service, strategy, raised)


@EACH
@pytest.mark.parametrize("status", [200, 403])
async def test_a_method_that_goes_away_is_replaced_by_the_other_list(
    status: int, strategy: Strategy
) -> None:
    service, kept = Midway(strategy), Kept()
    service.goes_away_after = MIDDLE[0]
    service.refused_status = status
    await walk(service, strategy, kept)
    assert any("before-signature" in asked for asked in service.asked)
    assert_whole(kept, strategy)


async def test_when_the_other_list_goes_away_too_the_failure_says_so() -> None:
    strategy = STRATEGIES["enhanced"]
    service = Midway(strategy)
    service.faults = dict.fromkeys(range(MIDDLE[0], 40), lambda: rpc_error(-32601))
    await fails_and_goes_on(service, strategy, StrategyUnsupportedError)
