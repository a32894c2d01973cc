"""The gate's worlds through the whole product: served by a sandbox, asked for over Kafka, read from what is published.

In a mixed store the stored wallets were asked about before, in a request of their own. The pairs that a result says
act together, and those that hear a common signal, are compared with the truth and with what the core says of the world.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg
import orjson
from gate import flagged
from gate_parts.cases import case
from gate_parts.histories import addresses_of, archive_of
from house import running_house

from streamproc.sandbox.service.server import serve
from streamproc.sandbox.world.world import World

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from gate_parts.cases import Case, Pair
    from gate_parts.worlds import Books
    from house import House

    from streamproc.json_types import Json
    from streamproc.sandbox.service.server import Sandbox

WITHIN_S: Final = 900.0
HEADING: Final = (
    "world         seed store  asked stored | pairs  found  false signal groups | unlike the core"
)
STORES: Final = {False: "alone", True: "mixed"}
TOGETHER: Final = frozenset({"linked", "follows", "coordinated"})


@dataclass(frozen=True)
class Outcome:
    """What the product and the core say of one world."""

    world: Case
    store: str
    together: frozenset[Pair]
    signal: frozenset[Pair]
    clusters: int
    core_together: frozenset[Pair]
    core_signal: frozenset[Pair]

    @property
    def differing(self) -> int:
        """How many pairs one of the two says something else of."""
        return len(self.together ^ self.core_together) + len(self.signal ^ self.core_signal)

    @property
    def false(self) -> int:
        """How many pairs act together by the product and not in truth."""
        return len(self.together - self.world.truth - self.world.signal)


def print_product(kinds: Sequence[str], seeds: Iterable[int]) -> int:
    """Put each world through the product and print a line for it; 1 when the product and the core differ."""
    print(HEADING, flush=True)
    return asyncio.run(_measured(kinds, list(seeds)))


async def _measured(kinds: Sequence[str], seeds: Sequence[int]) -> int:
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        async with serve(World.sized("tiny")) as sandbox, running_house(sandbox.url) as house:
            for seed in seeds:
                for kind in kinds:
                    for mixed in (False, True):
                        world = case(kind, seed, mixed=mixed)
                        place = Path(folder) / f"{kind}-{seed}-{STORES[mixed]}"
                        outcomes.append(await _through(house, sandbox, world, place))
                        _print(outcomes[-1])
    false, found = (
        sum(each.false for each in outcomes),
        sum(len(each.together & each.world.truth) for each in outcomes),
    )
    differing = sum(each.differing for each in outcomes)
    print(
        f"{len(outcomes)} worlds: {found} pairs found, {false} false; {differing} unlike the core"
    )
    return int(differing > 0)


def _print(each: Outcome) -> None:
    world = each.world
    print(
        f"{world.kind:13} {world.seed:4} {each.store:6} {len(world.asked):5} {len(world.stored):6} |"
        f" {len(world.truth):5} {len(each.together & world.truth):6} {each.false:6}"
        f" {len(each.signal & world.signal):6} {each.clusters:6} | {each.differing}",
        flush=True,
    )


async def _through(house: House, sandbox: Sandbox, world: Case, folder: Path) -> Outcome:
    """What comes out for one world, in a store that knows nothing but its stored wallets."""
    tag, everybody = folder.name, [*world.asked, *world.stored]
    names = addresses_of(everybody, tag)
    sandbox.archive = archive_of(folder, everybody, tag)
    await _forget_all_wallets(house)
    if world.stored:
        await _asked(house, f"{tag}-before", world.stored, tag)
    result = await _asked(house, tag, world.asked, tag)
    core = flagged(world).by_method
    return Outcome(
        world=world,
        store=tag.rpartition("-")[-1],
        together=pairs_of(result, names, TOGETHER),
        signal=pairs_of(result, names, {"common_signal"}),
        clusters=len(result["clusters"]),
        core_together=frozenset(core["verdict"]),
        core_signal=frozenset(core["common signal"]),
    )


async def _asked(house: House, request_id: str, books: Sequence[Books], tag: str) -> Json:
    """The published result of a request for these wallets."""
    body = {"request_id": request_id, "wallets": list(addresses_of(books, tag)), "enrich": False}
    await house.producer.send("analysis-requested", orjson.dumps(body), request_id.encode())
    async with asyncio.timeout(WITHIN_S):
        async for record in house.ends:
            if record.key == request_id.encode():
                result: Json = orjson.loads(record.value)
                assert result["status"] == "completed", record.value
                return result
    raise AssertionError(f"no end of {request_id}")


async def _forget_all_wallets(house: House) -> None:
    connection = await asyncpg.connect(house.dsn)
    await connection.execute("DELETE FROM wallets")
    await connection.close()


def pairs_of(result: Json, names: dict[str, str], verdicts: Collection[str]) -> frozenset[Pair]:
    """The pairs of these verdicts, by the names of the world."""
    found = [
        sorted((names[each["wallet_a"]], names[each["wallet_b"]]))
        for each in result["pairs"]
        if each["verdict"] in verdicts
    ]
    return frozenset((a, b) for a, b in found)
