"""`./run faults`: seeded plans on a stack of their own, and the simulation; prints the table."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import traceback
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from streamproc.local.stack import LocalStack
from streamproc.store.migrate import migrate
from tests.faults.opening import ground_on, small_world
from tests.faults.plans import Plan, catalogue, mixture
from tests.faults.promises import POINTS
from tests.faults.simulation import simulate
from tests.faults.trial import run_trial
from tests.flow.conftest import served

if TYPE_CHECKING:
    from streamproc.sandbox.server import Sandbox
    from streamproc.sandbox.world import World
    from tests.faults.oracle import Undisturbed
    from tests.faults.trial import Outcome

FAST_POSTGRES = {"fsync": "off", "full_page_writes": "off"}
TEMPLATE = "migrated"


def say(text: str) -> None:
    """One line for whoever waits, now."""
    print(text, flush=True)  # noqa: T201 - a program that prints


class Suite:
    """All trials of one run, and what they gave."""

    def __init__(self, stack: LocalStack, sandbox: Sandbox, world: World, folder: Path) -> None:
        self.failed: list[str] = []
        self._stack, self._sandbox, self._world, self._folder = stack, sandbox, world, folder
        self._outcomes: dict[str, list[Outcome | None]] = defaultdict(list)
        self._undisturbed: Undisturbed | None = None

    async def run(self, plan: Plan) -> None:
        """One trial; a broken promise is printed and counted, and the next trial goes on."""
        outcome = None
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            outcome, said = await self._tried(plan, folder)
            self._undisturbed = self._undisturbed or said
        except Exception:  # noqa: BLE001 - whatever it was, it is the trial's outcome
            self.failed.append(f"{plan.name}, seed {plan.seed}")
            traceback.print_exc()
        self._outcomes[plan.name].append(outcome)
        told = "failed" if outcome is None else f"healed in {outcome.heal_s:.1f} s"
        say(f"{plan.name}, seed {plan.seed}: {told}")

    def table(self) -> str:
        """What was measured, as Markdown."""
        lines = [
            "| fault | runs | lost | repeated | seconds to heal, median | worst |",
            "|---|---|---|---|---|---|",
        ]
        for name, outcomes in self._outcomes.items():
            good = [each for each in outcomes if each is not None]
            heal = [each.heal_s for each in good] or [float("nan")]
            again = sum(each.repeated for each in good)
            lost = len(outcomes) - len(good)
            figures = f"{lost} | {again} | {median(heal):.1f} | {max(heal):.1f}"
            lines.append(f"| {name} | {len(outcomes)} | {figures} |")
        return "\n".join(lines)

    async def _tried(self, plan: Plan, folder: Path) -> tuple[Outcome, Undisturbed]:
        dsn = self._stack.dsn
        async with ground_on(
            self._sandbox,
            self._world,
            broker=self._stack.bootstrap,
            dsn=dsn,
            template=TEMPLATE,
            folder=folder,
            stack=self._stack,
        ) as ground:
            return await run_trial(ground, plan, self._undisturbed)


async def suite(options: argparse.Namespace, folder: Path) -> list[str]:
    """Run what was asked for; the trials that broke a promise."""
    plans = [mixture(seed, tuple(options.only)) for seed in range(options.first, options.last)]
    world = small_world()
    async with LocalStack(folder / "stack", postgres_settings=FAST_POSTGRES) as stack:
        connection = await asyncpg.connect(stack.dsn)
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
        await connection.close()
        await migrate(urlunsplit(urlsplit(stack.dsn)._replace(path=f"/{TEMPLATE}")))
        with served(world) as sandbox:
            trials = Suite(stack, sandbox, world, folder)
            for plan in (Plan("nothing"), *plans):
                await trials.run(plan)
    say(trials.table())
    return trials.failed


def simulated(seeds: int) -> list[str]:
    """The points that no seed of the simulation reached; raises for a seed that breaks a promise."""
    reached: set[str] = set()
    for seed in range(seeds):
        reached |= asyncio.run(simulate(seed))
    say(f"simulation: {seeds} seeds, {len(reached)} of {len(POINTS)} points reached")
    return sorted(POINTS - reached)


def main() -> int:
    """Parse the command line, run, and say what failed."""
    parser = argparse.ArgumentParser(prog="./run faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=len(catalogue()), help="trials")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--simulations", type=int, default=10_000, help="seeds of the simulation")
    parser.add_argument("--only", action="append", default=[], choices=sorted(catalogue()))
    options = parser.parse_args()
    options.last = options.first + options.seeds
    logging.getLogger("aiokafka").setLevel(
        logging.CRITICAL
    )  # our own clients live through outages too
    missed = simulated(options.simulations)
    folder = Path(tempfile.mkdtemp(prefix="streamproc-faults-"))
    folder.chmod(0o755)
    try:
        failed = asyncio.run(suite(options, folder)) if options.seeds else []
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if missed and options.simulations:
        failed.append(f"points never reached: {', '.join(missed)}")
    for each in failed:
        say(f"FAILED {each}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
