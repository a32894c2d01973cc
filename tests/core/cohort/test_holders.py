"""Holders are owners with the sum of their accounts; who is no member is told with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from streamproc.core.chain.exchanges import HOT_WALLETS
from streamproc.core.cohort.holders import HeldAccount, Holder, Holdings
from streamproc.core.cohort.outsiders import SYSTEM_PROGRAM, by_account, by_address

if TYPE_CHECKING:
    from collections.abc import Sequence

WALLET = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"  # an exchange's
ACCOUNTS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from("abcd"), st.integers(0, 5)), max_size=30
)


@given(ACCOUNTS, st.randoms(use_true_random=False))
def test_owners_are_ranked_by_their_sums_whatever_order_pages_come_in(
    drawn: Sequence[tuple[int, str, int]], rng: st.DrawFn
) -> None:
    accounts = [HeldAccount(f"account{n}", owner, units) for n, owner, units in drawn]
    last = {each.address: each for each in accounts}
    one, other = Holdings(), Holdings()
    one.add(accounts)
    shuffled = list(last.values())
    rng.shuffle(shuffled)  # type: ignore[attr-defined] # a Random
    for each in shuffled:
        other.add([each])
    sums = {each.owner: 0 for each in last.values()}
    for each in last.values():
        sums[each.owner] += each.units
    expected = sorted((-units, owner) for owner, units in sums.items() if units)
    assert one.ranked() == other.ranked() == [Holder(owner, -units) for units, owner in expected]


def test_an_exchange_a_derived_address_and_the_operators_are_named_by_kind() -> None:
    derived, _ = Pubkey.find_program_address([b"pool"], Pubkey.from_string(WALLET))
    key = next(
        str(address)
        for n in range(1, 200)
        if (address := Pubkey.from_bytes(bytes([n]) * 32)).is_on_curve()
    )
    found = [by_address(each, [key]) for each in (WALLET, str(derived), key)]
    assert [each and each.kind for each in found] == ["exchange", "program", "operator"]
    assert found[0] is not None
    assert "Binance" in found[0].reason
    assert by_address(key, []) is None
    assert all(by_address(each, []) for each in HOT_WALLETS["Coinbase"])


def test_an_account_of_a_program_is_no_wallet_and_an_unfunded_one_is() -> None:
    plain = {"is_executable": False, "is_odd": False}
    assert by_account(None, **plain) is None
    assert by_account(SYSTEM_PROGRAM, **plain) is None
    owned = by_account("Stake11111111111111111111111111111111111111", **plain)
    assert owned is not None
    assert "Stake1111" in owned.reason
    odd = by_account(None, is_executable=False, is_odd=True)
    assert odd is not None
    assert odd.kind == "unreadable"
