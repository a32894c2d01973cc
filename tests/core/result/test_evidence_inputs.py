"""What evidence rests on comes back as it was kept, in one form whatever the order, and its digest sees every part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamproc.core.result.evidence_inputs import EvidenceInputs, packed, possible_hubs, unpacked
from streamproc.core.similarity import Background, Met, Transfer, Witness

BACKGROUND = Background(
    wallets=("v", "w"),
    mints=("m", "#1"),
    wallet_numbers=np.array([1, 0, 1]),
    mint_numbers=np.array([1, 0, 0]),
)
WHOLE = EvidenceInputs(
    background=BACKGROUND,
    transfers=(
        Transfer("b", "a", "s2", 9, mint="m", units=7),
        Transfer("a", "b", "s1", 2, lamports=5),
        Transfer("a", "b", "s1", 2, lamports=5),
    ),
    first_funders={"b": Witness("x", "f2"), "a": Witness("x", "f1")},
    fee_payers={"a": (Witness("z", "p2"), Witness("y", "p1")), "b": (Witness("y", "p3"),)},
    counterparties={"y": Met(3, 2), "x": Met(101, 0)},
    known_wallets=60,
)


def test_what_is_kept_comes_back_sorted_and_without_repeats() -> None:
    found = unpacked(packed(WHOLE))
    assert found.transfers == (
        Transfer("a", "b", "s1", 2, lamports=5),
        Transfer("b", "a", "s2", 9, mint="m", units=7),
    )
    assert found.first_funders == WHOLE.first_funders
    assert found.fee_payers["a"] == (Witness("y", "p1"), Witness("z", "p2"))
    assert found.counterparties == WHOLE.counterparties
    assert found.known_wallets == WHOLE.known_wallets
    assert found.background is not None
    cells = zip(found.background.wallet_numbers, found.background.mint_numbers, strict=True)
    assert [tuple(map(int, cell)) for cell in cells] == [(0, 0), (1, 0), (1, 1)]
    assert (found.background.wallets, found.background.mints) == (("v", "w"), ("m", "#1"))
    assert packed(found) == packed(WHOLE)


def test_nothing_at_all_comes_back_as_nothing() -> None:
    assert unpacked(packed(EvidenceInputs())) == EvidenceInputs()


@pytest.mark.parametrize(
    "other",
    [
        replace(WHOLE, background=None),
        replace(WHOLE, background=replace(BACKGROUND, mint_numbers=np.array([1, 0, 1]))),
        replace(WHOLE, background=replace(BACKGROUND, mints=("n", "#1"))),
        replace(WHOLE, transfers=WHOLE.transfers[:1]),
        replace(WHOLE, first_funders={"a": Witness("x", "f1")}),
        replace(WHOLE, fee_payers={}),
        replace(WHOLE, counterparties={"y": Met(3, 2), "x": Met(100, 0)}),
        replace(WHOLE, counterparties={"y": Met(3, 1), "x": Met(101, 0)}),
        replace(WHOLE, known_wallets=61),
        replace(WHOLE, transfers=(replace(WHOLE.transfers[0], units=8), *WHOLE.transfers[1:])),
    ],
)
def test_the_digest_changes_with_every_part(other: EvidenceInputs) -> None:
    assert other.digest != WHOLE.digest


def test_the_digest_is_the_same_in_any_order() -> None:
    shuffled = EvidenceInputs(
        background=replace(
            BACKGROUND,
            wallet_numbers=BACKGROUND.wallet_numbers[::-1],
            mint_numbers=BACKGROUND.mint_numbers[::-1],
        ),
        transfers=WHOLE.transfers[::-1],
        first_funders={"a": Witness("x", "f1"), "b": Witness("x", "f2")},
        fee_payers={"b": WHOLE.fee_payers["b"], "a": WHOLE.fee_payers["a"][::-1]},
        counterparties={"x": Met(101, 0), "y": Met(3, 2)},
        known_wallets=60,
    )
    assert shuffled.digest == WHOLE.digest


def test_only_addresses_that_could_link_two_wallets_may_be_hubs() -> None:
    assert possible_hubs(WHOLE) == {"a", "b", "x", "y"}
    alone = EvidenceInputs(
        first_funders={"a": Witness("x", "f")}, fee_payers={"b": (Witness("x", "p"),)}
    )
    assert possible_hubs(alone) == set()
