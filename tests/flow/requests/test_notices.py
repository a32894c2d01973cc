"""Who waits is told why: progress of the request names what the upstream answers, and since when."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from streamproc.sandbox.service.faults import Fault
from tests.flow.conftest import changed

if TYPE_CHECKING:
    from tests.flow.conftest import House

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CAUSE = re.compile(r"upstream answers 429 since \d+ s")


async def test_progress_names_what_is_waited_for_and_since_when(house: House) -> None:
    running, wallets = house.installation, house.world.addresses[:2]

    def told(topic: str, field: str) -> list[str]:
        events = [each.event for each in running.of(topic, "throttled")]
        return [text for each in events if CAUSE.search(text := each.get(field) or "")]

    with changed(house.sandbox, Fault("429")):
        await running.request("throttled", wallets)
        await running.until(lambda: told("analysis-progress", "message"), "nobody says why")
        assert told("wallet-progress", "notice")
    assert (await running.ending("throttled"))["status"] == "completed"
    last = running.of("analysis-progress", "throttled")[-1].event
    assert not CAUSE.search(last["message"])
