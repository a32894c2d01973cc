"""In the demo's world every pack is found: its three pairs pass the gate, and the sniper is said to lead."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from streamproc.cli.commands.demo import demo
from streamproc.core.chain.solana import EXCLUDED_MINTS
from streamproc.core.ledger.entries import Page
from streamproc.core.result.composition import Prices, WalletFacts, wallet_row
from streamproc.core.result.evidence_inputs import EvidenceInputs
from streamproc.core.result.wallet_analysis import History, Scope, analyze
from streamproc.core.similarity import SimilarityInputs, WalletRow, compare
from streamproc.core.wire.raw import raw_page
from streamproc.events import ReadyWallet
from streamproc.sandbox.wire.raw_form import raw_form
from streamproc.sandbox.world.world import SIZES, World

if TYPE_CHECKING:
    from streamproc.core.similarity import Comparison
    from streamproc.sandbox.actions.scene import Wallet

DEFAULTS = {option.name: option.default for option in demo.params}
P_SMALL = 0.001


def row(world: World, address: str) -> WalletRow:
    """The wallet as the product reads it: the raw form of its transactions, analyzed."""
    signatures = {entry.signature for entry in world.entries(address)}
    seen = [each for each in world.transactions if each.place.signature in signatures]
    data = [raw_form(each, world.chain) for each in seen]
    page = raw_page(orjson.dumps({"result": {"data": data, "paginationToken": None}}), address)
    assert isinstance(page, Page)
    slot = world.last_slot
    analysis = analyze(History(address, page.entries, [(0, slot)], slot, page.decimals), Scope())
    ready = ReadyWallet(outcome="analyzed", watermark_slot=slot)
    facts = WalletFacts(address, ready, pnl=analysis.pnl, coverage=analysis.coverage)
    return wallet_row(facts, Prices(), EvidenceInputs())


@pytest.fixture(scope="module")
def world() -> World:
    return World(
        seed=int(str(DEFAULTS["seed"])),
        wallets=int(str(DEFAULTS["count"])),
        transactions=SIZES["demo"][1],
    )


@pytest.fixture(scope="module")
def comparison(world: World) -> Comparison:
    rows = tuple(row(world, address) for address in world.addresses)
    return compare(SimilarityInputs(rows, "demo", EXCLUDED_MINTS))


def packs(world: World) -> list[list[Wallet]]:
    """The packs that are whole, each with its sniper first."""
    names = sorted({str(w.group) for w in world.wallets if "pack" in (w.group or "")})
    members = [[w for w in world.wallets if w.group == name] for name in names]
    return [sorted(each, key=lambda w: w.habit != "sniper") for each in members if len(each) == 3]


def pair_of(comparison: Comparison, a: str, b: str) -> dict[str, Any]:
    wanted = tuple(sorted((a, b)))
    (found,) = [p for p in comparison.pairs if (p["wallet_a"], p["wallet_b"]) == wanted]
    return found


def is_together(pair: dict[str, Any]) -> bool:
    return pair["verdict"] in {"linked", "follows", "coordinated"}


def test_the_demos_world_has_packs_and_wallets_enough_to_test_them(world: World) -> None:
    assert len(world.addresses) >= 20
    assert len(packs(world)) == 3


def test_every_pair_of_a_pack_is_more_than_chance(world: World, comparison: Comparison) -> None:
    for pack in packs(world):
        for one, other in combinations(pack, 2):
            pair = pair_of(comparison, one.address, other.address)
            assert is_together(pair), (one.name, other.name)


def test_packs_are_clusters_of_their_own(world: World, comparison: Comparison) -> None:
    clusters = [set(each["wallets"]) for each in comparison.clusters]
    for pack in packs(world):
        assert {wallet.address for wallet in pack} in clusters


def test_copiers_follow_their_sniper_and_the_reason_says_so(
    world: World, comparison: Comparison
) -> None:
    for sniper, *copiers in packs(world):
        for copier in copiers:
            evidence = pair_of(comparison, sniper.address, copier.address)["evidence"]
            (direction,) = [each for each in evidence if each["kind"] == "direction"]
            assert direction["leader"] == sniper.address
            assert direction["p"] < P_SMALL
            assert 0 < direction["lag_s"] <= 60
            follower = f"{copier.address[:4]}...{copier.address[-4:]}"
            assert direction["reason"].startswith(f"{follower} follows ")
            assert "s later, p = " in direction["reason"]


def test_families_share_a_funder_and_are_not_said_to_trade_alike(
    world: World, comparison: Comparison
) -> None:
    families: dict[str, list[Wallet]] = {}
    for wallet in world.wallets:
        if "family" in (wallet.group or ""):
            families.setdefault(str(wallet.group), []).append(wallet)
    for family in families.values():
        assert len({wallet.funder for wallet in family}) == 1
        for one, other in combinations(family, 2):
            pair = pair_of(comparison, one.address, other.address)
            assert not is_together(pair)
