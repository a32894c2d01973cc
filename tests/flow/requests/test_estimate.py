"""What an estimate says beforehand is what the sandbox then counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproc.cli.shared.estimate import estimated
from streamproc.events import AnalysisRequested
from streamproc.sandbox.world.world import World
from streamproc.settings import load_settings
from tests.flow.conftest import served
from tests.flow.long_history import WHALE, WithWhale

if TYPE_CHECKING:
    from streamproc.core.estimate import Estimate
    from tests.flow.conftest import Opener
    from tests.flow.installation import Installation

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

LONG = 12_000
MORE_CREDITS = 1.1  # of histories that several fetchers list
MORE_CALLS = 1.5
AS_OF_AN_OLDER_FORMAT = "SET streamproc.entry_format = 1000; UPDATE wallets SET entry_format = 0"


async def test_of_short_and_of_stored_histories_it_is_exact(open_installation: Opener) -> None:
    world = World(seed=47, wallets=5, transactions=(20, 60))
    with served(world) as sandbox:
        async with open_installation(sandbox) as house:
            await house.ready_worker()
            for name, options in (
                ("new", {}),
                ("stored", {}),
                ("fresh", {"max_age_s": 3600}),
                ("capped", {"max_transactions": 10}),
                ("outdated", {"max_age_s": 3600}),
            ):
                if name == "outdated":
                    await house.execute(AS_OF_AN_OLDER_FORMAT)
                said = await said_beforehand(house, world.addresses, **options)
                sandbox.counters.reset()
                await house.request(name, world.addresses, enrich=False, **options)
                assert (await house.ending(name))["status"] == "completed"
                counted = sandbox.counters.requests, sandbox.counters.credits
                assert (said.calls, said.credits) == counted, name
                assert said.outdated_wallets == (5 if name == "outdated" else 0)
            endings = [await house.ending(name) for name in ("new", "outdated")]
            first, anew = [
                [{**wallet, "balances": None} for wallet in each["wallets"]] for each in endings
            ]
            assert anew == first, "listed and analyzed anew, however young"


async def test_of_a_long_unknown_history_it_is_within_its_tolerance(
    open_installation: Opener,
) -> None:
    world = World(seed=48, wallets=2, transactions=(20, 40))
    wallets = [WHALE, *world.addresses]
    with served(WithWhale(world, LONG)) as sandbox:
        async with open_installation(sandbox) as house:
            await house.ready_worker()
            said = await said_beforehand(house, wallets)
            assert not said.is_exact
            sandbox.counters.reset()
            await house.request("new", wallets, enrich=False)
            ending = await house.ending("new")
            assert ending["status"] == "completed"
            credit, calls = sandbox.counters.credits, sandbox.counters.requests
            assert ending["credits_spent"] == credit
            assert said.credits <= credit <= MORE_CREDITS * said.credits
            assert said.calls <= calls <= MORE_CALLS * said.calls
            again = await said_beforehand(house, wallets)
            sandbox.counters.reset()
            await house.request("again", wallets, enrich=False)
            assert (await house.ending("again"))["status"] == "completed"
            counted = sandbox.counters.requests, sandbox.counters.credits
            assert (again.calls, again.credits) == counted


async def said_beforehand(house: Installation, wallets: list[str], **options: object) -> Estimate:
    """The estimate of a request for these wallets."""
    settings = load_settings(
        {name: value for name, value in house.environment.items() if name.startswith("STREAMPROC_")}
    )
    asked = AnalysisRequested.model_validate(
        {"request_id": "estimate", "wallets": wallets, **options}
    )
    found, _ = await estimated(settings, asked)
    return found
