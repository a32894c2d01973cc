"""How long it takes from an event on Kafka to the pixel on the console's page, in a real headless Chromium.

Kafka, Postgres, the console and the browser share the machine. A request's progress is published record by record;
the page notes when the bar that shows it was painted. Both clocks are the machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamproc.cli.shared.kafka_clients import producing
from streamproc.cli.shared.records import codec_for, now_ms, send_record
from streamproc.console.server import serve_console
from streamproc.events import AnalysisProgressed
from streamproc.local.stack import LocalStack, say_nothing
from streamproc.local.up import prepared_stack, stack_settings
from streamproc.settings import Settings
from streamproc.store import NewRequest, open_store
from streamproc.topics import read_topology
from tests.report.chromium import chromium, installed

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

    from tests.report.chromium import Tab

REQUEST: Final = "bench"
WITHIN_S: Final = 60.0
PAUSE_S: Final = 0.1  # between two events: each has the page to itself
READY: Final = "all.readyState === 1 && rows.has('bench')"
NOTE_PAINTS: Final = """{
window.painted = {};
const bar = rows.get('bench').progress;
new MutationObserver(() => {
  const value = bar.value;
  requestAnimationFrame(() => setTimeout(() => {
    window.painted[value] ??= performance.timeOrigin + performance.now();
  }));
}).observe(bar, {attributes: true});
}"""


def main(arguments: list[str]) -> int:
    """Print the median, the 95th percentile and the longest of so many events, in milliseconds; 0."""
    parser = argparse.ArgumentParser(prog="./run bench console", description=__doc__)
    parser.add_argument("--events", type=int, default=200, help="how many (default 200)")
    chosen = parser.parse_args(arguments)
    path = installed()
    if path is None:
        raise SystemExit("bench console: no Chromium is installed here")
    took_ms = sorted(asyncio.run(_measured(path, chosen.events)))
    at_95 = took_ms[int(0.95 * (len(took_ms) - 1))]
    middle, longest = statistics.median(took_ms), took_ms[-1]
    print(f"events           {len(took_ms)}")
    print(f"event to pixel   median {middle:.0f} ms, 95 % {at_95:.0f} ms, longest {longest:.0f} ms")
    return 0


async def _measured(path: str, events: int) -> list[float]:
    """Milliseconds of each event, everything started for it."""
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        prepared = prepared_stack(
            LocalStack(folder), topology=read_topology(), say=say_nothing, prefix="", app_id="bench"
        )
        stack = await opened.enter_async_context(prepared)
        given = stack_settings(stack, prefix="", app_id="bench")
        settings = Settings.model_validate({**given, "console_bind": "127.0.0.1:0"})
        await _record(settings)
        url = await opened.enter_async_context(serve_console(settings))
        tab = await opened.enter_async_context(chromium(path, folder / "profile"))
        producer = await opened.enter_async_context(producing(settings))
        await tab.open(url)
        await _until(tab, READY)
        await tab.value(NOTE_PAINTS)
        sent_ms = await _sent(producer, settings, events)
        await _until(tab, f"Object.keys(painted).length === {events}")
        painted: dict[str, float] = await tab.value("painted")
    return [at_ms - sent_ms[float(percent)] for percent, at_ms in painted.items()]


async def _record(settings: Settings) -> None:
    """A request that runs."""
    new = NewRequest(REQUEST, b"digest", "topic/0/0", ["a", "b"], {}, now_ms(), 2_000_000_000)
    async with open_store(settings.postgres_dsn.get_secret_value(), pool_size=1) as store:
        await store.record_request(new)


async def _sent(producer: AIOKafkaProducer, settings: Settings, events: int) -> dict[float, float]:
    """Publish so many steps of the progress; when each was handed to the producer, in unix milliseconds."""
    codec = codec_for(settings)
    sent_ms = {}
    for number in range(1, events + 1):
        percent = 90 * number / events
        event = AnalysisProgressed(
            request_id=REQUEST,
            seq=number,
            stage="syncing",
            percent=percent,
            wallets_total=2,
            wallets_done=0,
            wallets_failed=0,
            balances_done=False,
            message=f"step {number}",
            terminal=False,
            at=int(time.time()),
        )
        sent_ms[percent] = time.time() * 1000
        await send_record(producer, codec.encode(event, time_ms=now_ms()))
        await asyncio.sleep(PAUSE_S)
    return sent_ms


async def _until(tab: Tab, expression: str) -> None:
    """Wait until a script on the page says yes."""
    async with asyncio.timeout(WITHIN_S):
        while not await tab.value(expression):  # noqa: ASYNC110 - a page tells nobody
            await asyncio.sleep(0.05)
