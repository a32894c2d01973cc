"""`./run faults`: seeded plans on a stack of their own, and the simulation; prints the table."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
import traceback
from collections import defaultdict, deque
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from streamproc.cli.views.markdown import show_block
from streamproc.kafka.record_batches import install
from tests.faults.heal import heal_table, healing_world
from tests.faults.injections.disks import ImpossibleHereError, small_disks
from tests.faults.opening import TEMPLATE, environment_on, lane, small_world
from tests.faults.plans.catalogue import catalogue, mixture
from tests.faults.plans.plan import Plan
from tests.faults.simulated.promises import POINTS
from tests.faults.simulated.simulation import simulate
from tests.faults.trial import run_trial
from tests.flow.conftest import upstream_settings
from tests.flow.installation import installed
from tests.hostile.barrage import Barrage
from tests.hostile.draws import drawn
from tests.hostile.house import attacked

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager

    from streamproc.local.stack import LocalStack
    from streamproc.sandbox.service.server import Sandbox
    from streamproc.sandbox.world.world import World
    from tests.faults.environment import Environment
    from tests.faults.oracle import Undisturbed
    from tests.faults.trial import Outcome

LOG_CHARACTERS = 2500  # of a worker whose trial failed
LANES = 3  # on two cores: most of a trial is waiting


def say(text: str) -> None:
    """One line for whoever waits, now."""
    print(text, flush=True)  # noqa: T201 - a program that prints


def show(table: str, name: str, into: Path | None) -> None:
    """Print a table, and write it into the block of this name on the page."""
    say(table)
    if into is not None:
        show_block(name, table, into)


class Suite:
    """All trials of one run, and what they gave."""

    def __init__(self, world: World, folder: Path, plans: Sequence[Plan]) -> None:
        self.failed: list[str] = []
        self._world, self._folder = world, folder
        self._waiting = deque(plans)
        self._outcomes: dict[str, list[Outcome | None]] = defaultdict(list)
        self._undisturbed: Undisturbed | None = None

    async def run(self, lanes: int) -> None:
        """All plans, so many at the same time, each lane on servers of its own; first one run without faults."""
        known = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for number in range(lanes):
                group.create_task(self._lane(number, known))

    async def _lane(self, number: int, known: asyncio.Event) -> None:
        """Trial after trial, until none waits."""
        async with lane(self._folder / f"lane-{number}", self._world) as (stack, sandbox):
            if number == 0:
                await self._trial(Plan("nothing"), stack, sandbox)
                known.set()
            await known.wait()
            while self._waiting:
                await self._trial(self._waiting.popleft(), stack, sandbox)

    async def _trial(self, plan: Plan, stack: LocalStack, sandbox: Sandbox) -> None:
        """One trial; a broken promise is printed and counted, and the next trial goes on."""
        outcome = None
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        began = time.monotonic()
        try:
            outcome, said = await self._tried(plan, folder, stack, sandbox)
            self._undisturbed = self._undisturbed or said
        except ImpossibleHereError as error:
            say(f"{plan.name}, seed {plan.seed}: left out, {error}")
            return
        except Exception:  # noqa: BLE001 - whatever it was, it is the trial's outcome
            self.failed.append(f"{plan.name}, seed {plan.seed}")
            traceback.print_exc()
        self._outcomes[plan.name].append(outcome)
        told = "failed" if outcome is None else f"healed in {outcome.heal_s:.1f} s"
        say(f"{plan.name}, seed {plan.seed}: {told} ({time.monotonic() - began:.0f} s in all)")

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

    async def _tried(
        self, plan: Plan, folder: Path, stack: LocalStack, sandbox: Sandbox
    ) -> tuple[Outcome, Undisturbed]:
        """One trial on these servers, or on its own where they are to have small disks."""
        if plan.is_on_small_disks:
            with small_disks(self._folder) as own:
                async with lane(own, self._world) as (small, upstream):
                    return await self._carried_out(plan, folder, small, upstream)
        return await self._carried_out(plan, folder, stack, sandbox)

    async def _carried_out(
        self, plan: Plan, folder: Path, stack: LocalStack, sandbox: Sandbox
    ) -> tuple[Outcome, Undisturbed]:
        async with environment_on(
            sandbox,
            self._world,
            broker=stack.bootstrap,
            dsn=stack.dsn,
            template=TEMPLATE,
            folder=folder,
            stack=stack,
        ) as environment:
            try:
                return await run_trial(environment, plan, self._undisturbed)
            except Exception:
                say(last_words(environment))
                raise


def last_words(environment: Environment) -> str:
    """How the log of each worker ends."""
    installation = environment.installation
    logs = (installation.log(number) for number in range(len(installation.workers)))
    return "\n\n".join(log[-LOG_CHARACTERS:] for log in logs)


async def suite(options: argparse.Namespace, folder: Path) -> list[str]:
    """Run what was asked for; the trials that broke a promise."""
    names = tuple(options.only)
    seeds = range(options.first, options.first + options.seeds)
    plans = [mixture(seed, names, with_long=options.long) for seed in seeds]
    trials = Suite(small_world(), folder, plans)
    await trials.run(max(1, min(options.lanes, len(plans))))
    show(trials.table(), "long-faults" if options.long else "faults", options.into)
    return trials.failed


async def healing(options: argparse.Namespace, folder: Path) -> list[str]:
    """Measure how soon faults are got over, and print the table."""
    world = healing_world()
    async with lane(folder / "lane", world) as (stack, sandbox):

        def environment() -> AbstractAsyncContextManager[Environment]:
            return environment_on(
                sandbox,
                world,
                broker=stack.bootstrap,
                dsn=stack.dsn,
                template=TEMPLATE,
                folder=Path(tempfile.mkdtemp(dir=folder)),
                stack=stack,
            )

        table, is_good = await heal_table(environment)
    show(table, "heal", options.into)
    return [] if is_good else ["healing took longer than it may"]


async def hostile(options: argparse.Namespace, folder: Path) -> list[str]:
    """Put drawn records on the topics from outside, and print what became of them."""
    install()
    world = small_world()
    async with lane(folder / "lane", world) as (stack, sandbox):
        dsn = urlunsplit(urlsplit(stack.dsn)._replace(path=f"/{TEMPLATE}"))
        async with (
            installed(
                broker=stack.bootstrap,
                dsn=dsn,
                prefix="hostile-",
                upstream=upstream_settings(sandbox),
                folder=Path(tempfile.mkdtemp(dir=folder)),
            ) as installation,
            attacked(installation, world.addresses) as house,
        ):
            found = Barrage(house)
            try:
                await found.run(drawn(options.hostile, options.first), say)
            except AssertionError as error:
                say(found.table())
                return [f"hostile records, seed {options.first}: {error}"]
    show(found.table(), "hostile", options.into)
    return []


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
    parser.add_argument("--long", action="store_true", help="those that take minutes too")
    parser.add_argument("--lanes", type=int, default=LANES, help="trials at the same time")
    parser.add_argument(
        "--heal", action="store_true", help="only measure how soon faults are got over"
    )
    parser.add_argument(
        "--hostile", type=int, metavar="N", help="only put N drawn odd records on the topics"
    )
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="write the table into its block of this page"
    )
    options = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(
        logging.CRITICAL
    )  # our own clients live through outages too
    if options.heal:
        return reported(partial(healing, options))
    if options.hostile:
        return reported(partial(hostile, options))
    missed = simulated(options.simulations)
    trials = partial(suite, options)
    more = [f"points never reached: {', '.join(missed)}"] if missed and options.simulations else []
    return reported(trials if options.seeds else nothing, more)


async def nothing(_folder: Path) -> list[str]:
    """No trial."""
    return []


def reported(
    work: Callable[[Path], Coroutine[Any, Any, list[str]]], more: Iterable[str] = ()
) -> int:
    """Do this in a folder that is gone afterwards, say what failed beside what is known to have; the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="streamproc-faults-"))
    folder.chmod(0o755)
    try:
        failed = [*asyncio.run(work(folder)), *more]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for each in failed:
        say(f"FAILED {each}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
