"""`./run bench cohorts`: what choosing the largest holders of a mint takes, by how many are wanted."""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import TYPE_CHECKING

from streamproc.cli.shared.estimate import Alone
from streamproc.events import Cohort
from streamproc.sandbox.service.server import serve
from streamproc.sandbox.wire.generated_archive import WorldArchive
from streamproc.sandbox.world.world import World
from streamproc.settings import load_settings
from streamproc.upstream import open_upstream, unlimited

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNTS = (10, 100, 400, 1000)
COLUMNS = ("holders", "wanted", "state", "calls", "credits", "accounts read", "seconds")


def main(arguments: Sequence[str]) -> int:
    """Print a row for each count; the exit code."""
    parser = argparse.ArgumentParser(prog="./run bench cohorts", description=__doc__)
    parser.add_argument("--holders", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--latency-s", type=float, default=0.1, help="before each answer")
    options = parser.parse_args(arguments)
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for holders in options.holders:
        asyncio.run(_measure(holders, options.latency_s))
    return 0


async def _measure(holders: int, latency_s: float) -> None:
    """Choose so many of these holders, one count after the other."""
    archive = WorldArchive(World.sized("tiny"), crowd=holders)
    assert archive.crowd is not None
    async with serve(archive, latency_s=latency_s) as sandbox:
        settings = load_settings(
            {},
            kafka_brokers="127.0.0.1:1",
            postgres_dsn="postgresql://unused",
            helius_api_key="k",
            helius_rpc_url=sandbox.rpc_url,
            helius_api_url=sandbox.api_url,
            dexscreener_url=sandbox.dexscreener_url,
            helius_plan="business",
        )
        async with open_upstream(settings, Alone()) as upstream:
            for count in COUNTS:
                cohort = Cohort(mint=archive.crowd.mint, kind="holders", count=count)
                sandbox.counters.reset()
                began_s = time.monotonic()
                found = await upstream.cohort(cohort, permit=unlimited)
                took_s = time.monotonic() - began_s
                counted = sandbox.counters
                coverage = found.coverage
                row = (holders, count, coverage.state, counted.requests, counted.credits)
                cells = [f"{each}" for each in (*row, coverage.accounts, f"{took_s:.1f}")]
                print("| " + " | ".join(cells) + " |", flush=True)
