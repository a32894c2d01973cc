"""The page in a real Chromium: what a person sees, clicks, prints, and that nothing is asked of the network.

The check of accessibility runs where STREAMPROC_TEST_AXE names an axe.min.js (npm package axe-core).
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from streamproc.report import render_report
from tests.report.chromium import Tab, chromium, installed
from tests.report.test_verdicts import full

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BROWSER = installed()
AXE = os.environ.get("STREAMPROC_TEST_AXE")
EXPLORER = "https://explorer.example"
SAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "result.json").read_text("utf-8"))
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed here")


@pytest_asyncio.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    """A tab of a Chromium of its own."""
    assert BROWSER is not None
    async with chromium(BROWSER, tmp_path / "profile") as opened:
        yield opened


async def opened(tab: Tab, result: dict[str, Any], folder: Path) -> None:
    """Open the page of a result from a file."""
    page = folder / "report.html"
    page.write_text(render_report(result, explorer_url=EXPLORER), encoding="utf-8")
    await tab.open(page.as_uri())


async def test_nothing_is_asked_of_the_network_and_the_policy_is_kept(
    tab: Tab, tmp_path: Path
) -> None:
    await opened(tab, full(24), tmp_path)
    assert await tab.value("document.documentElement.classList.contains('js')")
    asked = [event["request"]["url"] for event in tab.named("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith("file:")] == []
    assert tab.named("Log.entryAdded") == []
    assert tab.named("Runtime.exceptionThrown") == []


async def test_no_screen_is_wider_than_it_is_and_the_page_is_short(
    tab: Tab, tmp_path: Path
) -> None:
    await opened(tab, full(24), tmp_path)
    for width in (320, 390, 768, 1200, 1920):
        await tab.screen(width)
        assert await tab.value("document.documentElement.scrollWidth") <= width
    assert await tab.value("document.documentElement.scrollHeight") < 8000


async def test_it_prints_on_twelve_sheets_at_most(tab: Tab, tmp_path: Path) -> None:
    await opened(tab, full(24), tmp_path)
    printed = await tab.call(
        "Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.7
    )
    sheets = re.findall(rb"/Type\s*/Page\b(?!s)", base64.b64decode(printed["data"]))
    assert 2 <= len(sheets) <= 12


async def test_a_heading_sorts_by_its_column_up_and_down(tab: Tab, tmp_path: Path) -> None:
    result = full(3)
    for wallet, net in zip(result["wallets"], (5, -7, 1_000_000_000_000), strict=True):
        wallet["pnl"] = wallet["pnl"] | {"net_lamports": net}
    await opened(tab, result, tmp_path)
    click = "document.querySelectorAll('#wallets .heads button')[1].click();"
    nets = (
        "Array.from(document.querySelectorAll('details.wallet .line b'), b => Number(b.dataset.v))"
    )
    assert await tab.value(click + nets) == [1_000_000_000_000, 5, -7]
    assert await tab.value(click + nets) == [-7, 5, 1_000_000_000_000]


async def test_what_is_typed_leaves_the_rows_that_contain_it(tab: Tab, tmp_path: Path) -> None:
    await opened(tab, full(8), tmp_path)
    field = "const field = document.querySelector('#all-pairs input');"
    typed = "field.value = VALUE; field.dispatchEvent(new Event('input', {bubbles: true}));"
    left = "document.querySelectorAll('#all-pairs tbody tr:not([hidden])').length"
    whole = json.dumps(full(8)["wallets"][3]["wallet"])
    assert await tab.value(f"{{{field}{typed.replace('VALUE', whole)}}} {left}") == 7
    assert await tab.value(f"{{{field}{typed.replace('VALUE', json.dumps(''))}}} {left}") == 28


async def test_a_button_copies_the_whole_of_what_stands_short(tab: Tab, tmp_path: Path) -> None:
    await opened(tab, SAMPLE, tmp_path)
    await tab.value(
        "window.copied = []; navigator.clipboard.writeText = text => (copied.push(text), Promise.resolve());"
        "document.querySelectorAll('.evidence .copy')[0].click()"
    )
    (copied,) = await tab.value("copied")
    assert copied in {
        signature
        for pair in SAMPLE["pairs"]
        for item in pair["evidence"]
        for signature in item["signatures"]
    }


async def test_a_link_to_a_wallet_opens_it(tab: Tab, tmp_path: Path) -> None:
    await opened(tab, SAMPLE, tmp_path)
    await tab.value("document.querySelector('.members a').click()")
    assert await tab.value(
        "new Promise(done => setTimeout(() => done(document.querySelector(location.hash).open), 100))"
    )


@pytest.mark.skipif(AXE is None, reason="STREAMPROC_TEST_AXE names no axe.min.js")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1200])
async def test_axe_finds_no_violation(tab: Tab, tmp_path: Path, width: int, *, dark: bool) -> None:
    assert AXE is not None
    await tab.screen(width, dark=dark)
    await opened(tab, SAMPLE, tmp_path)
    await tab.value("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    await tab.value(f"{await asyncio.to_thread(Path(AXE).read_text, 'utf-8')};0")
    found = (
        "axe.run(document).then(run => run.violations.map(each => [each.id, each.nodes[0].html]))"
    )
    assert await tab.value(found) == []
