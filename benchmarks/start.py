"""What starting a worker costs: seconds, and processor time, until its records flow."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil
from house import running_servers, running_worker

NOBODY = "http://127.0.0.1:9"  # a start asks the upstream nothing


class Start(NamedTuple):
    """One start, in seconds."""

    took_s: float
    worker_s: float  # of the processor
    pool_s: float  # the same, of the processes that it started


def main(arguments: list[str]) -> int:
    """Print each start and the median; the first makes the bytecode, where there is none, and does not count."""
    parser = argparse.ArgumentParser(prog="./run bench start", description=__doc__)
    parser.add_argument("--starts", type=int, default=7)
    starts = asyncio.run(_starts(parser.parse_args(arguments).starts))
    for number, start in enumerate(starts, 1):
        print(_line(f"start {number}", start))
    print(_line("median", Start(*map(median, zip(*starts, strict=True)))))
    return 0


def _line(name: str, start: Start) -> str:
    return (
        f"{name}: records flow after {start.took_s:.2f} s; processor: worker {start.worker_s:.2f} s,"
        f" its pool {start.pool_s:.2f} s"
    )


async def _starts(most: int) -> list[Start]:
    """So many starts against the same servers, one after the other, behind one that does not count."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with running_servers(folder, NOBODY) as settings:
            return [await _start(settings, folder) for _ in range(most + 1)][1:]


async def _start(settings: dict[str, str], folder: Path) -> Start:
    began_s = time.monotonic()
    async with running_worker(settings, folder) as pid:
        took_s = time.monotonic() - began_s
        worker = psutil.Process(pid)
        pool_s = sum(_processor_s(each) for each in worker.children(recursive=True))
        return Start(took_s, _processor_s(worker), pool_s)


def _processor_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)
