"""The page in a real Chromium: live, under its policy, on any screen, and with nothing loaded from elsewhere.

The check of accessibility runs where STREAMPROC_TEST_AXE names an axe.min.js (npm package axe-core).
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from streamproc.cli.shared.kafka_clients import producing
from streamproc.cli.shared.records import send_record
from streamproc.engine.delivery.dead_letters import dead_letter
from streamproc.engine.records import Record
from streamproc.errors import DeadLetterError
from streamproc.store import open_store
from streamproc.topics import read_topology
from tests.console.conftest import ENDS_WITHIN_S, House, progress, wallet_progress
from tests.report.chromium import Tab, chromium, installed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.serde import Encoded

BROWSER = installed()
AXE = os.environ.get("STREAMPROC_TEST_AXE")
TILES = (
    "Object.fromEntries(Array.from(document.querySelectorAll('#state div'),"
    " each => [each.children[0].textContent, each.children[1].textContent]))"
)
ODD = '"><img src=x onerror=alert(1)>'
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed here"),
]


@pytest.fixture
async def tab(house: House, tmp_path: Path) -> AsyncIterator[Tab]:
    """A tab on the page of a console over a request that runs and one that failed."""
    assert BROWSER is not None
    await house.record("r-0", wallets=["wallet-a", ODD])
    await house.record("r-1", tenant="desk")
    await house.fail("r-1", progress("r-1", 3, end="failed"))
    async with house.console() as client, chromium(BROWSER, tmp_path / "profile") as opened:
        await opened.open(str(client.base_url))
        yield opened


async def until(tab: Tab, expression: str, wanted: object) -> None:
    """Wait until a script on the page says this."""
    found: Any = None
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            while (found := await tab.value(expression)) != wanted:  # noqa: ASYNC110 - a page tells nobody
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{expression} is {found!r}, not {wanted!r}") from None


async def test_requests_and_wallets_are_live_and_harmless(tab: Tab, house: House) -> None:
    ids = "Array.from(document.querySelectorAll('#requests .id'), each => each.textContent)"
    await until(tab, ids, ["r-1", "r-0"])
    await until(
        tab, "document.querySelector('#requests .failed').textContent", "failed (wallets_failed)"
    )
    bar = "Array.from(document.querySelectorAll('#requests progress:not([hidden])'), each => each.value)"
    await until(tab, "all.readyState", 1)
    await house.say(progress("r-0", 1, 42))
    await until(tab, bar, [42])
    await tab.value("location.hash = 'r-0'")
    names = "Array.from(document.querySelectorAll('#wallets code'), each => each.textContent)"
    await until(tab, names, ["wallet-a", ODD])
    await until(tab, "stream && stream.readyState", 1)
    await house.say(wallet_progress("r-0", ODD, 0.5), progress("r-0", 2, 50))
    bars = "Array.from(document.querySelectorAll('#wallets progress'), each => each.value)"
    await until(tab, bars, [0, 50])
    await until(tab, "document.getElementById('said').textContent", "50 % step 2\nof it")
    await house.record("r-2")
    await house.say(progress("r-2", 1))
    await until(tab, ids, ["r-2", "r-1", "r-0"])
    await house.fail("r-0", progress("r-0", 3, end="failed"))
    await house.say(progress("r-0", 3, end="failed"))
    await until(tab, "document.querySelectorAll('#requests .failed').length", 2)
    assert await tab.value("document.images.length") == 0
    assert tab.named("Log.entryAdded") == []
    assert tab.named("Runtime.exceptionThrown") == []


async def test_nothing_is_asked_of_anybody_else(tab: Tab) -> None:
    await until(tab, "document.querySelectorAll('#state dd').length >= 5", wanted=True)
    here = await tab.value("location.origin")
    asked = [each["request"]["url"] for each in tab.named("Network.requestWillBeSent")]
    assert asked
    assert [url for url in asked if not url.startswith((here, "data:"))] == []
    found = await tab.value(TILES)
    assert found["requests that run"] == "1"
    assert found["workers"] == "0"
    assert found["dead letters"] == "0"


async def test_dead_letters_and_a_throttled_upstream_are_shown_with_what_to_do(
    tab: Tab, house: House
) -> None:
    await until(tab, "document.getElementById('no-letters').hidden", wanted=False)
    async with open_store(house.settings.postgres_dsn.get_secret_value(), pool_size=1) as store:
        await store.lease("key", "rpc", permits=1, rate=10.0)
        await store.penalize("key", "rpc", pause_s=600.0)
    record = Record(f"{house.settings.topic_prefix}wallet-sync", 0, 7, b"<b>k", b"{", (), 1)
    topic = house.settings.topic_prefix + read_topology().dead_letters.name
    letter = dead_letter(topic, record, DeadLetterError("not_json", "odd <i>"), now_s=1)
    async with producing(house.settings) as producer:
        placed = await send_record(producer, cast("Encoded", letter))
    upstream = "document.querySelector('#upstream .failed')?.textContent.slice(0, 20)"
    await until(tab, upstream, "paused, next call in")
    command = f"streamproc dlq replay {placed.partition}:{placed.offset}"
    commands = "Array.from(document.querySelectorAll('#letters code'), each => each.textContent)"
    await until(tab, commands, ["<b>k", command.replace("replay", "show"), command])
    await tab.value(
        "window.copied = []; navigator.clipboard.writeText = text => (copied.push(text), Promise.resolve());"
        "document.querySelectorAll('#letters button')[1].click()"
    )
    assert await tab.value("copied") == [command]


async def test_older_requests_are_turned_to_and_statuses_chosen(tab: Tab, house: House) -> None:
    ids = "Array.from(document.querySelectorAll('#requests .id'), each => each.textContent)"
    for number in range(2, 52):
        await house.record(f"r-{number}")
    await until(tab, "document.getElementById('older').hidden", wanted=False)
    await tab.value("document.getElementById('older').click()")
    await until(tab, ids, ["r-1", "r-0"])
    choose = "const of = document.getElementById('status'); of.value = 'failed'; of.dispatchEvent(new Event('change'))"
    await tab.value(f"{{{choose}}}")
    await until(tab, ids, ["r-1"])


async def test_it_fits_every_screen_and_is_readable_by_all(tab: Tab) -> None:
    await tab.value("location.hash = 'r-0'")
    await until(tab, "document.querySelectorAll('#wallets li').length", 2)
    for dark in (False, True):
        for width in (320, 390, 768, 1200):
            await tab.screen(width, dark=dark)
            assert await tab.value("document.documentElement.scrollWidth") <= width
        if AXE is not None:
            await tab.value(await asyncio.to_thread(Path(AXE).read_text, "utf-8"))
            found = await tab.value(
                "axe.run().then(all => all.violations.map(each => each.id + ': ' + each.nodes[0].html))"
            )
            assert found == []


async def test_the_page_is_the_same_for_everybody(house: House) -> None:
    async with house.console() as client:
        answer = await client.get("/")
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert (await client.get("/?a=b")).status_code == 400
        state = json.loads((await client.get("/state")).content)
        assert (state["running"], state["credits_today"], state["upstream"]) == (0, 0, [])
        assert (state["workers"], state["lag_records"], state["dead_letters"]) == (0, 0, 0)
