"""The stand-in upstream inside another command: a generated world, served on loopback."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc.sandbox.service.server import serve
from streamproc.sandbox.world.world import SIZES, World
from streamproc.settings import STAND_IN_KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.sandbox.service.server import Sandbox

QUICK_PLAN: Final = "professional"  # no real key is spent, so nothing needs to be spared


class StandIn(NamedTuple):
    """A running stand-in: the settings that lead to it, by field name, and who lives in its world."""

    settings: dict[str, str]
    wallets: tuple[str, ...]
    says: str


@asynccontextmanager
async def generated_upstream(*, wallets: int, seed: int, port: int = 0) -> AsyncIterator[StandIn]:
    """Serve a generated world of so many wallets while the block runs; the same seed gives the same world."""
    transactions = SIZES["demo"][1]
    world = await asyncio.to_thread(World, seed=seed, wallets=wallets, transactions=transactions)
    async with serve(world, port=port) as sandbox:
        says = f"{wallets} wallets, {len(world.transactions):,} transactions, seed {seed}"
        yield StandIn(settings_of(sandbox), tuple(world.addresses), says)


def settings_of(sandbox: Sandbox) -> dict[str, str]:
    """The settings, by field name, that lead a worker to a running stand-in."""
    return {
        "helius_rpc_url": sandbox.rpc_url,
        "helius_api_url": sandbox.api_url,
        "dexscreener_url": sandbox.dexscreener_url,
        "helius_api_key": STAND_IN_KEY,
        "helius_plan": QUICK_PLAN,
    }
