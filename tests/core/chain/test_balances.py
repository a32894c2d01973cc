"""Balances: token accounts summed by mint from their raw strings."""

from __future__ import annotations

from streamproc.core.chain.balances import Balances, Holding, TokenAccount, balances_of


def test_accounts_of_one_mint_are_summed_exactly_and_empty_ones_left_out() -> None:
    balances = balances_of(
        7,
        [
            TokenAccount("U", "18446744073709551615", 6),
            TokenAccount("T", "0", 9),
            TokenAccount("U", "18446744073709551615", 6),
            TokenAccount("A", "5", 0),
            TokenAccount("U", "0", 6, is_frozen=True),
        ],
    )
    assert balances == Balances(
        7,
        (
            Holding("A", 5, 0, accounts=1, is_frozen=False),
            Holding("U", 36_893_488_147_419_103_230, 6, accounts=2, is_frozen=False),
        ),
    )


def test_a_frozen_account_that_holds_some_is_noted() -> None:
    balances = balances_of(
        0, [TokenAccount("T", "5", 6), TokenAccount("T", "1", 6, is_frozen=True)]
    )
    assert balances.tokens[0].is_frozen


def test_an_address_that_was_never_funded_has_no_sol() -> None:
    assert balances_of(None, []) == Balances(0, ())
