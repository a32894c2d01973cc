"""How long it takes to bring wallets up to date, beside the least that the upstream and the machine allow.

The sandbox runs in a process of its own on the same machine and serves pages that were compressed beforehand, each call
a quarter of a second late and at most fifty within a second. What is measured is what a worker does, without Kafka.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from unittest.mock import patch

from stretched import stretched_upstream
from sync_parts.bound import LATENCY_S, RPS, Least, bound, least, least_again
from sync_parts.run import Run, analyzed, listed, opened
from sync_parts.speeds import measured_speeds
from sync_parts.tables import Report

from streamproc import limits
from streamproc.events import Options
from streamproc.local.postgres import EmbeddedPostgres
from streamproc.local.stack import say_nothing

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from stretched import Upstream
    from sync_parts.speeds import Speeds

PARTS: Final = "bcde"
USUAL: Final = 2000  # transactions of a wallet
WHALE: Final = 50_000
SPREAD: Final = 1.3  # sigma of the logarithm of histories' lengths
NEW: Final = 40  # transactions of each wallet since the last time
GROWTH: Final = 1000  # transactions of a wallet in part d
NOTHING: Final = Least(0, 0, 0)


class Bench(NamedTuple):
    """What all parts share."""

    postgres: EmbeddedPostgres
    speeds: Speeds
    report: Report
    scale: float

    def lengths(self, transactions: int, wallets: int = 1) -> list[int]:
        """Histories of one length."""
        return [max(20, int(transactions * self.scale))] * wallets

    def row(self, part: str, name: str, run: Run, lengths: list[int], fewest: Least) -> None:
        """Report one run that had these many transactions to list."""
        self.report.run(part, name, run, bound(lengths, fewest, self.speeds), fewest)


def main(arguments: list[str]) -> int:
    """Measure and print; part a comes first in any case, because all bounds need it."""
    parser = argparse.ArgumentParser(prog="./run bench sync", description=__doc__)
    parser.add_argument("--parts", default=PARTS, help="some of abcde; a is always measured")
    parser.add_argument("--scale", type=float, default=1.0, help="of all lengths, for a quick look")
    parser.add_argument("--json", type=Path, help="a file that gets a line for each measurement")
    parser.add_argument(
        "--rate-share", type=float, default=limits.RATE_SHARE, help="of the plan's rate to use"
    )
    options = parser.parse_args(arguments)
    report = Report(options.json)
    report.say(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the run, "
        f"scale {options.scale:g}."
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(limits, "RATE_SHARE", options.rate_share),
    ):
        postgres = EmbeddedPostgres(Path(folder) / "postgres", say=say_nothing)
        postgres.start()
        try:
            speeds = asyncio.run(measured_speeds(postgres, report))
            for part in options.parts:
                if part in MEASURED:
                    asyncio.run(MEASURED[part](Bench(postgres, speeds, report, options.scale)))
        finally:
            postgres.stop()
    return 0


async def fifty(bench: Bench) -> None:
    """(b) 50 wallets of 2000, and a lognormal set with a whale of 50 000."""
    equal = bench.lengths(USUAL, 50)
    for name, lengths in ((f"50 x {equal[0]}", equal), ("with a whale", _whale_set(bench))):
        with _upstream(lengths) as upstream:
            for how, measure in (("", listed), (", analyzed", analyzed)):
                async with opened(bench.postgres, upstream) as means:
                    run = await measure(means, upstream)
                _check(run, lengths)
                bench.row("b", name + how, run, lengths, least(lengths))
    bench.report.end_part("(b) Fifty wallets that nobody knows")


def _whale_set(bench: Bench) -> list[int]:
    """A lognormal set of histories, the longest one first."""
    rng = random.Random(1)  # noqa: S311 - a simulation
    whale = bench.lengths(WHALE)
    drawn = [int(rng.lognormvariate(math.log(USUAL * bench.scale), SPREAD)) for _ in range(49)]
    return whale + [min(max(20, length), whale[0]) for length in drawn]


async def again(bench: Bench) -> None:
    """(c) Cold, then with nothing new, recent enough not to be asked, and with some transactions each."""
    lengths = bench.lengths(USUAL, 50)
    kept_back = min(NEW, lengths[0] // 2)
    known = [length - kept_back for length in lengths]
    new = [kept_back] * len(lengths)
    with _upstream(lengths, kept_back=kept_back) as upstream:
        async with opened(bench.postgres, upstream) as means:
            run = await analyzed(means, upstream)
            _check(run, known)
            bench.row("c", "cold", run, known, least(known))
            run = await analyzed(means, upstream)
            bench.row("c", "nothing new", run, [0], least_again([0] * len(lengths)))
            recent = Options(enrich=False, max_age_s=3600)
            run = await analyzed(means, upstream, recent)
            bench.row("c", "`max_age_s`", run, [0], NOTHING)
            await asyncio.to_thread(upstream.let_go)
            run = await analyzed(means, upstream)
            _check(run, lengths)
            bench.row("c", f"{kept_back} new each", run, new, least_again(new))
    bench.report.end_part(f"(c) {len(lengths)} x {lengths[0]} again, analyzed each time")


async def growth(bench: Bench) -> None:
    """(d) 10, 50 and 200 wallets."""
    for wallets in (10, 50, 200):
        lengths = bench.lengths(GROWTH, wallets)
        with _upstream(lengths) as upstream:
            async with opened(bench.postgres, upstream) as means:
                run = await listed(means, upstream)
            _check(run, lengths)
            bench.row("d", f"{wallets} x {lengths[0]}", run, lengths, least(lengths))
    bench.report.end_part("(d) More wallets")


async def one_long(bench: Bench) -> None:
    """(e) One wallet of 50 000: one end, both ends, every idle fetcher."""
    lengths = bench.lengths(WHALE)
    with _upstream(lengths) as upstream:
        for name, extra in (("one end", 0), ("both ends", 1), ("all", limits.EXTRA_FETCHERS)):
            with patch.object(limits, "EXTRA_FETCHERS", extra):
                async with opened(bench.postgres, upstream) as means:
                    run = await listed(means, upstream)
            _check(run, lengths)
            bench.row("e", name, run, lengths, least(lengths))
    bench.report.end_part(f"(e) One wallet of {lengths[0]}, by its fetchers")


def _check(run: Run, lengths: list[int]) -> None:
    """A run that lost something has not been faster."""
    if run.transactions != sum(lengths):
        raise AssertionError(f"{run.transactions} stored of {sum(lengths)}")


def _upstream(lengths: list[int], *, kept_back: int = 0) -> AbstractContextManager[Upstream]:
    """The sandbox of all parts."""
    return stretched_upstream(lengths, latency_s=LATENCY_S, rpc_rps=RPS, kept_back=kept_back)


MEASURED: Final = {"b": fifty, "c": again, "d": growth, "e": one_long}
