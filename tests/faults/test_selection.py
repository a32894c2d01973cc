"""A few faults on the product itself, on the shared servers; `./run faults` has them all, and their mixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.faults.opening import environment_on, small_world
from tests.faults.plans.catalogue import catalogue
from tests.faults.plans.plan import Plan
from tests.faults.trial import run_trial
from tests.flow.conftest import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.conftest import Servers
    from tests.faults.oracle import Undisturbed
    from tests.faults.trial import Outcome

    Trial = Callable[[Plan, Undisturbed | None], Awaitable[tuple[Outcome, Undisturbed]]]

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CHOSEN = (
    "kill at mid-sync",
    "kill at after-terminal-update-before-publish",
    "answers to commits lost",
    "every part five times",
    "SIGSTOP until all is done",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trial(
    servers: Servers, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Trial]:
    """Carries a plan out on an installation of its own."""
    world = small_world()
    with served(world) as sandbox:

        async def carried_out(
            plan: Plan, undisturbed: Undisturbed | None
        ) -> tuple[Outcome, Undisturbed]:
            async with environment_on(
                sandbox,
                world,
                broker=servers.bootstrap,
                dsn=servers.dsn,
                template=migrated_template,
                folder=tmp_path_factory.mktemp("trial"),
            ) as environment:
                return await run_trial(environment, plan, undisturbed)

        yield carried_out


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(trial: Trial) -> Undisturbed:
    """What the same requests give when nothing goes wrong."""
    _, said = await trial(Plan("nothing"), None)
    return said


@pytest.mark.parametrize("name", CHOSEN)
async def test_every_promise_is_kept_under(
    trial: Trial, undisturbed: Undisturbed, name: str
) -> None:
    """One end each, the figures of an undisturbed run, nothing half-written, nothing asked twice without need."""
    await trial(catalogue()[name], undisturbed)
