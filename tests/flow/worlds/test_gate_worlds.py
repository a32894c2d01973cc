"""Worlds with a known truth through the whole product: the pairs that the core finds, whatever lies in the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from gate import flagged
from gate_parts.behaviors import copier
from gate_parts.cases import HOME, Case
from gate_parts.histories import addresses_of, archive_of
from gate_parts.product import TOGETHER, pairs_of
from gate_parts.worlds import Books, Market

from tests.flow.conftest import served

if TYPE_CHECKING:
    from tests.flow.conftest import Opener

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

TOKENS = 30  # of a wallet: few transactions, and enough to know copiers by


def few_tokens(market: Market, names: list[str]) -> list[Books]:
    """Strangers that trade little."""
    return [market.trade(Books(each), market.habits(tokens=TOKENS)) for each in names]


@pytest.fixture(scope="module")
def world() -> Case:
    """Strangers of one season, three of which have a copier; the store knows strangers of two other seasons."""
    rng = np.random.default_rng(5)
    market = Market(rng, HOME)
    asked = few_tokens(market, [f"w{n:03}" for n in range(24)])
    asked += [copier(market, leader, f"x{n:03}") for n, leader in enumerate(asked[:3])]
    truth = frozenset((f"w{n:03}", f"x{n:03}") for n in range(3))
    stored = [
        each
        for season in (HOME - 4, HOME + 3)
        for each in few_tokens(Market(rng, season), [f"q{season}-{n:03}" for n in range(15)])
    ]
    return Case("copiers", 5, asked, stored, truth)


async def test_the_same_pairs_are_gated_as_by_the_core_and_whatever_the_store_has_seen_before(
    world: Case, open_installation: Opener, tmp_path_factory: pytest.TempPathFactory
) -> None:
    names = addresses_of([*world.asked, *world.stored], "a")
    asked = list(addresses_of(world.asked, "a"))
    others = [each for each in names if each not in asked]
    archive = archive_of(tmp_path_factory.mktemp("world"), [*world.asked, *world.stored], "a")
    with served(archive) as sandbox:
        async with open_installation(sandbox) as house:
            await house.ready_worker()
            said = {}
            for request, wallets in (("alone", asked), ("others", others), ("mixed", asked)):
                await house.request(request, wallets, enrich=False)
                result = await house.ending(request)
                said[request] = pairs_of(result, names, TOGETHER)
    alone, mixed = said["alone"], said["mixed"]
    assert alone == world.truth
    assert alone == flagged(replace(world, stored=[])).by_method["verdict"]
    assert mixed == alone
    assert said["others"] == set()
