"""What ties two wallets together on the chain, and which groups that makes of the gated pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc import limits
from streamproc.core.chain.exchanges import EXCHANGES, HOT_WALLETS
from streamproc.core.chain.solana import is_address
from streamproc.core.similarity import (
    Background,
    Met,
    SimilarityInputs,
    TradedMint,
    Transfer,
    WalletRow,
    Witness,
    compare,
)
from streamproc.core.similarity.clusters import cluster_id
from streamproc.core.similarity.scores.components import components

if TYPE_CHECKING:
    from collections.abc import Mapping


def links(
    a: WalletRow,
    b: WalletRow,
    *transfers: Transfer,
    counterparties: Mapping[str, Met] | None = None,
    known_wallets: int = 0,
) -> list[dict[str, Any]]:
    inputs = SimilarityInputs(
        (a, b),
        "digest",
        transfers=transfers,
        counterparties=counterparties or {},
        known_wallets=known_wallets,
    )
    (record,) = compare(inputs).pairs
    return [each for each in record["evidence"] if each["kind"] == "link"]


def sent(sender: str, receiver: str, signature: str, slot: int) -> Transfer:
    """One SOL."""
    return Transfer(sender, receiver, signature, slot, lamports=10**9)


def test_direct_transfers_are_counted_both_ways_and_shown_in_order() -> None:
    (found,) = links(
        WalletRow("a"),
        WalletRow("b"),
        sent("b", "a", "late", 9),
        sent("a", "b", "early", 2),
        sent("a", "b", "middle", 5),
        sent("a", "b", "middle", 5),  # told by both wallets' entries
        sent("a", "stranger", "elsewhere", 5),
        sent("a", "a", "itself", 5),
    )
    assert (found["value"], found["n"]) == (3.0, 3)
    assert found["signatures"] == ["early", "middle", "late"]
    assert found["reason"] == "3 direct transfers of 3 SOL: 2 from a to b, 1 back"


def test_at_most_five_signatures_are_named() -> None:
    many = [sent("a", "b", f"s{number}", number) for number in range(9)]
    (found,) = links(WalletRow("a"), WalletRow("b"), *many)
    assert found["signatures"] == ["s0", "s1", "s2", "s3", "s4"]
    assert found["n"] == 9


def test_one_transfer_is_told_in_the_singular() -> None:
    (found,) = links(WalletRow("a"), WalletRow("b"), sent("a", "b", "s", 1))
    assert found["reason"] == "1 direct transfer of 1 SOL: 1 from a to b, 0 back"


@pytest.mark.parametrize(
    ("moved", "weight"),
    [
        ([{"lamports": 1}], None),
        ([{"lamports": 9_999_999}], None),
        ([{"lamports": 10_000_000}], 1.0),
        ([{"lamports": 5_000_000}] * 2, 1.0),
        ([{"lamports": 10**12}], 1.0),
        ([{"mint": "COIN", "units": 10**9}], None),
        ([{"mint": "COIN", "units": 1}, {"mint": "OTHER", "units": 1}], 1.0),
        ([{"mint": "COIN", "units": 1}, {"lamports": 5_000_000}], 1.0),
        ([{"mint": "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "units": 999_999}], None),
        ([{"mint": "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "units": 1_000_000}], 1.0),
    ],
)
def test_transfers_weigh_by_what_they_move_and_dust_links_nobody(
    moved: list[dict[str, Any]], weight: float | None
) -> None:
    transfers = [Transfer("a", "b", f"s{n}", n, **what) for n, what in enumerate(moved)]
    found = links(WalletRow("a"), WalletRow("b"), *transfers)
    assert [each["value"] for each in found] == ([] if weight is None else [weight])


def test_what_went_over_is_said() -> None:
    usdc = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
    (found,) = links(
        WalletRow("a"),
        WalletRow("b"),
        Transfer("a", "b", "s1", 1, lamports=1_250_000_000),
        Transfer("a", "b", "s2", 2, mint=usdc, units=30_500_000),
        Transfer("b", "a", "s3", 3, mint="COIN", units=7),
    )
    assert found["reason"] == (
        "3 direct transfers of 1.25 SOL, 30.5 dollars, tokens (1 time): 2 from a to b, 1 back"
    )


def test_the_same_first_funder_links() -> None:
    a = WalletRow("a", first_funder=Witness("funder", "s1"))
    b = WalletRow("b", first_funder=Witness("funder", "s2"))
    (found,) = links(a, b)
    assert (found["n"], found["signatures"]) == (1, ["s1", "s2"])
    assert found["reason"] == "both got their first SOL from funder"


@pytest.mark.parametrize("funder", [None, Witness("another", "s2")])
def test_other_or_unknown_funders_do_not_link(funder: Witness | None) -> None:
    a = WalletRow("a", first_funder=Witness("funder", "s1"))
    assert links(a, WalletRow("b", first_funder=funder)) == []


def test_shared_fee_payers_link() -> None:
    a = WalletRow("a", fee_payers=(Witness("p2", "a2"), Witness("p1", "a1"), Witness("p3", "a3")))
    b = WalletRow("b", fee_payers=(Witness("p1", "b1"), Witness("p2", "b2")))
    (found,) = links(a, b)
    assert (found["n"], found["signatures"]) == (2, ["a1", "b1", "a2", "b2"])
    assert found["reason"] == "fees of both were paid by p1, p2"


@pytest.mark.parametrize(
    ("met", "known", "counts"),
    [
        (Met(100, 0), 0, True),
        (Met(101, 0), 10_000, False),  # more than a hundred others, whoever they are
        (Met(9, 9), 0, True),
        (Met(10, 10), 0, False),  # ten at least, in however small a store
        (Met(60, 9), 60, True),  # others that are not known do not make it one
        (Met(10, 10), 100, False),  # a tenth of the wallets known
        (Met(29, 29), 300, True),
        (Met(30, 30), 300, False),
        (Met(30, 30), 301, True),
    ],
)
def test_a_hub_met_more_than_a_hundred_others_or_a_tenth_of_the_wallets_known_and_links_nobody(
    met: Met, known: int, *, counts: bool
) -> None:
    hub = Witness("hub", "s")
    a = WalletRow("a", first_funder=hub, fee_payers=(hub,))
    b = WalletRow("b", first_funder=hub, fee_payers=(hub,))
    found = links(a, b, counterparties={"hub": met}, known_wallets=known)
    assert len(found) == (2 if counts else 0)


def test_a_known_exchange_funds_nobody() -> None:
    exchange = "5tzFkiKscXHK5ZXCGbXZxdw7gTjjD1mBwuoFbhUvuAi9"
    a = WalletRow("a", first_funder=Witness(exchange, "s1"))
    b = WalletRow("b", first_funder=Witness(exchange, "s2"))
    assert links(a, b) == []


def test_every_hot_wallet_is_an_address_and_stands_once() -> None:
    listed = [address for each in HOT_WALLETS.values() for address in each]
    assert len(listed) == len(set(listed)) == len(EXCHANGES)
    assert [each for each in listed if not is_address(each)] == []


def test_transfers_with_a_wallet_that_is_a_hub_do_not_count() -> None:
    hub = {"b": Met(101, 0)}
    assert links(WalletRow("a"), WalletRow("b"), sent("a", "b", "s", 1), counterparties=hub) == []


def test_links_stand_beside_all_other_evidence_in_a_fixed_order() -> None:
    mints = tuple(TradedMint(f"m{n}", 1, 1, n, n, f"s{n}") for n in range(3))
    inputs = SimilarityInputs(
        (WalletRow("a", mints), WalletRow("b", mints)),
        "digest",
        transfers=(sent("a", "b", "s", 1),),
    )
    (record,) = compare(inputs).pairs
    kinds = [each["kind"] for each in record["evidence"]]
    assert kinds == ["chance", "interval", "timing", "direction", "link"]
    fields = ["kind", "value", "low", "high", "p", "q", "lift", "n", "leader", "lag_s"]
    for each in record["evidence"]:
        assert list(each) == [*fields, "mints", "signatures", "reason"]


def test_components_worked_by_hand() -> None:
    # 4 - 1 - 3 and 0 - 5; 2 stands alone
    assert components(6, [1, 1, 0], [4, 3, 5]) == [[1, 3, 4], [0, 5]]


EDGES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=15)


@given(EDGES, st.randoms(use_true_random=False))
def test_components_are_disjoint_hold_every_edge_and_do_not_depend_on_its_order(
    edges: list[tuple[int, int]],
    random: Any,  # noqa: ANN401 - the type of hypothesis is its own
) -> None:
    groups = components(12, [a for a, _ in edges], [b for _, b in edges])
    mixed = random.sample(edges, len(edges))
    assert components(12, [b for _, b in mixed], [a for a, _ in mixed]) == groups
    place = {node: number for number, group in enumerate(groups) for node in group}
    assert len(place) == sum(map(len, groups))
    assert all(a == b or place[a] == place[b] for a, b in edges)
    assert all(any({a, b} <= set(group) for a, b in edges if a != b) for group in groups)


def test_a_cluster_is_named_by_its_members_alone() -> None:
    assert cluster_id(["b", "a"]) == cluster_id(["a", "b"]) == "7e18f737311b"
    assert cluster_id(["a", "c"]) != cluster_id(["a", "b"])


def test_a_cluster_of_copies_worked_by_hand() -> None:
    """Three wallets with the same ten rare mints (and one each of their own) before 60 others that trade at random."""
    rare = [f"rare-{number}" for number in range(10)]
    copies = tuple(
        WalletRow(name, tuple(TradedMint(mint, 1, 1) for mint in [*rare, f"own-{name}"]))
        for name in ("c", "a", "b")
    )
    alone = WalletRow("d", tuple(TradedMint(f"own-d-{n}", 1, 1) for n in range(5)))
    generator = np.random.default_rng(3)
    background = Background(
        wallets=tuple(f"other-{number}" for number in range(60)),
        mints=tuple(f"mint-{number}" for number in range(300)),
        wallet_numbers=np.repeat(np.arange(60), 12),
        mint_numbers=generator.integers(300, size=60 * 12),
    )
    found = compare(SimilarityInputs((*copies, alone), "digest", background=background))
    (cluster,) = found.clusters
    assert cluster["wallets"] == ["a", "b", "c"]
    assert cluster["id"] == cluster_id(["a", "b", "c"])
    assert cluster["common_mints"] == sorted(rare)
    # W = 4; rare d = 3: ln(5/4) + 1 = 1.2231436; own d = 1: ln(5/2) + 1 = 1.9162907
    # 10 * 1.4960801 / (10 * 1.4960801 + 3.6721702) = .8029
    assert cluster["mean_score"] == pytest.approx(0.80294, abs=1e-4)


def test_how_many_a_funder_or_payer_met_is_said_where_it_is_known() -> None:
    a = WalletRow("a", first_funder=Witness("f", "s1"), fee_payers=(Witness("p", "s2"),))
    b = WalletRow("b", first_funder=Witness("f", "s3"), fee_payers=(Witness("p", "s4"),))
    funded, paid = links(a, b, counterparties={"f": Met(20, 7), "p": Met(3, 3)})
    who = "both got their first SOL from f (which met 20 others, 7 of them known here)"
    assert funded["reason"] == who
    assert (
        paid["reason"] == "fees of both were paid by p (which met 3 others, 3 of them known here)"
    )


def test_a_cluster_names_the_rarest_of_what_all_its_members_traded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "CLUSTER_MINTS_MAX", 4)
    shared = [f"shared-{number}" for number in range(12)]
    members = tuple(
        WalletRow(name, tuple(TradedMint(mint, 1, 1) for mint in [*shared, f"own-{name}"]))
        for name in ("a", "b", "c")
    )
    members = (members[0], members[1], WalletRow("c", (*members[2].traded, TradedMint("ab", 1, 1))))
    # Others of the request trade all but four of what is shared, which makes those less rare.
    known = [mint for number, mint in enumerate(shared) if number % 3]
    others = tuple(
        WalletRow(f"other-{number}", (TradedMint(mint, 1, 1), TradedMint(f"o-{number}", 1, 1)))
        for number, mint in enumerate(known)
    )
    generator = np.random.default_rng(3)
    background = Background(
        wallets=tuple(f"other-{number}" for number in range(100, 160)),
        mints=tuple(f"mint-{number}" for number in range(300)),
        wallet_numbers=np.repeat(np.arange(60), 12),
        mint_numbers=generator.integers(300, size=60 * 12),
    )
    found = compare(SimilarityInputs((*members, *others), "digest", background=background))
    cluster = next(each for each in found.clusters if each["wallets"] == ["a", "b", "c"])
    assert cluster["common_mints"] == sorted(shared[number] for number in range(0, 12, 3))
