"""A provider of the standard methods alone, without a key of ours: the analysis is what full pages make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flow.conftest import served

if TYPE_CHECKING:
    from streamproc.sandbox.world.world import World
    from tests.flow.conftest import Opener

pytestmark = pytest.mark.real


async def test_figures_are_the_same_and_coverage_says_how_they_were_listed(
    open_installation: Opener, world: World
) -> None:
    wallets, found = world.addresses[:3], {}
    for source in ("auto", "rpc"):
        given = {"STREAMPROC_HISTORY_SOURCE": source}
        given |= {"STREAMPROC_HELIUS_API_KEY": ""} if source == "rpc" else {}
        with served(world, standard_only=source == "rpc") as sandbox:
            async with open_installation(sandbox, **given) as installation:
                await installation.ready_worker()
                await installation.request("r", wallets, enrich=False)
                ending = await installation.ending("r")
        assert ending["status"] == "completed", ending
        found[source] = ending["wallets"]
    for full, standard in zip(found["auto"], found["rpc"], strict=True):
        assert standard["pnl"] == full["pnl"]
        listed = full["coverage"].pop("token_accounts"), standard["coverage"].pop("token_accounts")
        assert listed == ("all", "known")
        assert standard["coverage"] == full["coverage"]
