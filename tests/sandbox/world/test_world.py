from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.addresses import is_address
from streamproc.sandbox.chain.market import END_TIME
from streamproc.sandbox.wire.generated_archive import WorldArchive
from streamproc.sandbox.world.chores import REPERTOIRE
from streamproc.sandbox.world.world import World

if TYPE_CHECKING:
    from streamproc.sandbox.chain.chain import TokenRow, Transaction

KINDS = {
    "failed",
    "liquidity",
    "burn",
    "token_swap",
    "buy",
    "sell",
    "mint",
    "transfer_in",
    "transfer_out",
    "quote_swap",
    "round_trip",
    "order_placed",
    "order_cancelled",
    "order_filled",
    "other",
}
FEW_WORLDS = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(min_value=0, max_value=2**32)


def token_sums(transaction: Transaction) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for row in transaction.rows:
        sums[row.mint] += row.change
    return {mint: units for mint, units in sums.items() if units}


def made_or_destroyed(transaction: Transaction) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for move in transaction.token_transfers:
        sums[move.mint] += (not move.source) * move.amount - (not move.target) * move.amount
        sums[move.mint] -= move.withheld
    return {mint: units for mint, units in sums.items() if units}


def test_nothing_happens_after_the_worlds_end() -> None:
    # In the future of a clock a time is none: figures would change from day to day.
    world = World(seed=3, wallets=6, transactions=(60, 160))
    assert max(each.place.time for each in world.transactions) < END_TIME


@FEW_WORLDS
@given(seeds)
def test_lamports_change_by_the_fee_and_tokens_by_what_is_minted_or_burnt(seed: int) -> None:
    for transaction in World(seed=seed, wallets=4, transactions=15, only_raw=True).transactions:
        assert sum(transaction.after) - sum(transaction.before) == -transaction.fee
        # Wrapping mints and burns nothing that is listed: its units follow the lamports.
        sums, listed = token_sums(transaction), made_or_destroyed(transaction)
        sums.pop(known.WSOL, None)
        assert sums == listed
        assert min(*transaction.before, *transaction.after) >= 0


@FEW_WORLDS
@given(seeds, st.booleans())
def test_what_an_action_meant_is_what_its_balances_show(seed: int, only_raw: bool) -> None:  # noqa: FBT001 - drawn
    world = World(seed=seed, wallets=4, transactions=15, only_raw=only_raw)
    for transaction in world.transactions:
        for wallet, entry in transaction.entries.items():
            assert entry.sol_delta == lamports_of(world, transaction, wallet)
            deltas: Counter[str] = Counter()
            for row in own_rows(world, transaction, wallet):
                if row.mint != known.WSOL:
                    deltas[row.mint] += changed_for(world, row, wallet)
            assert entry.deltas == {mint: units for mint, units in deltas.items() if units}
            assert entry.network_fee == (transaction.fee if transaction.keys[0] == wallet else 0)


def own_rows(world: World, transaction: Transaction, wallet: str) -> list[TokenRow]:
    """The token accounts of a wallet, and of the orders that hold its goods, that change for it."""
    return [row for row in transaction.rows if changed_for(world, row, wallet)]


def changed_for(world: World, row: TokenRow, wallet: str) -> int:
    """The units by which an account changes for a wallet that owns it, or whose order does."""
    if world.chain.orders.get(row.owner) == wallet:
        return row.change
    return row.change_of(wallet) if wallet in row.owners else 0


def lamports_of(world: World, transaction: Transaction, wallet: str) -> int:
    """What the wallet and its changed accounts gain; an account that changes hands takes its wrapped SOL along."""
    rows = own_rows(world, transaction, wallet)
    own = {wallet, *(row.account for row in rows if row.heir is None)}
    given = (row.change_of(wallet) for row in rows if row.heir is not None)
    wrapped = sum(given) if any(row.mint == known.WSOL for row in rows if row.heir) else 0
    moved = zip(transaction.keys, transaction.before, transaction.after, strict=True)
    return wrapped + sum(after - before for key, before, after in moved if key in own)


@FEW_WORLDS
@given(seeds)
def test_each_account_begins_a_transaction_where_it_ended_the_last(seed: int) -> None:
    lamports: dict[str, int] = {}
    tokens: dict[str, int] = {}
    for transaction in World(seed=seed, wallets=4, transactions=15, only_raw=True).transactions:
        for key, before, after in zip(
            transaction.keys, transaction.before, transaction.after, strict=True
        ):
            assert lamports.get(key, before) == before
            lamports[key] = after
        for row in transaction.rows:
            assert tokens.get(row.account, row.before or 0) == (row.before or 0)
            tokens[row.account] = row.after or 0


def test_the_same_seed_gives_the_same_world_to_the_last_byte() -> None:
    one, two = (WorldArchive(World(seed=5, wallets=4, transactions=20)) for _ in range(2))
    assert len(one.world.transactions) == len(two.world.transactions)
    for address in one.world.addresses:
        for mine, theirs in zip(
            one.history(address, "all"), two.history(address, "all"), strict=True
        ):
            assert one.raw(mine) == two.raw(theirs)
            assert one.enhanced(mine) == two.enhanced(theirs)
    assert orjson.dumps(one.about()) == orjson.dumps(two.about())


def test_worlds_of_one_seed_but_another_size_share_nobody() -> None:
    # A store that has seen one of them would mix their histories.
    few, more = (World(seed=1, wallets=count, transactions=20) for count in (3, 4))
    longer = World(seed=1, wallets=3, transactions=30)
    assert not set(few.addresses) & set(more.addresses)
    assert not set(few.addresses) & set(longer.addresses)
    assert few.transactions[0].place.signature != more.transactions[0].place.signature


def test_another_seed_gives_another_world() -> None:
    one, two = (World(seed=seed, wallets=4, transactions=20) for seed in (5, 6))
    assert not set(one.addresses) & set(two.addresses)


@FEW_WORLDS
@given(seeds)
def test_every_action_of_the_repertoire_is_performed_whatever_the_seed(seed: int) -> None:
    world = World(seed=seed, transactions=30)
    # One that needs two earlier ones may fail to find its moment in so short a life.
    assert len(REPERTOIRE.keys() - world.performed.keys()) <= 1


def test_every_kind_confidence_and_edge_occurs(world: World) -> None:
    entries = [entry for wallet in world.addresses for entry in world.entries(wallet)]
    trades = [trade for entry in entries for trade in entry.trades]
    assert {entry.kind for entry in entries} == KINDS
    assert {trade.confidence for trade in trades} == {"exact", "split", "unpriced"}
    assert any(entry.rent > 0 for entry in entries)
    assert any(entry.rent < 0 for entry in entries)
    assert any(entry.tips for entry in entries)
    assert any(trade.amount > 2**63 for trade in trades)
    assert any(len(trade.quotes) > 1 for trade in trades)
    assert any(not entry.fee_payer and entry.trades for entry in entries)
    assert any(0 < abs(trade.quotes.get(known.WSOL, 0)) < 10_000 for trade in trades)
    assert {transaction.version for transaction in world.transactions} == {None, 0, 1}
    assert any(-10_000 < entry.trade_sol < 0 and entry.kind == "sell" for entry in entries)
    assert set(known.STABLES) <= {mint for trade in trades for mint in trade.quotes}


def test_places_are_real_ones_and_rise(world: World) -> None:
    places = [transaction.place for transaction in world.transactions]
    order = [(place.slot, place.index) for place in places]
    assert order == sorted(set(order))
    assert len({place.slot for place in places}) < len(places), "some slots hold several"
    assert all(a.time <= b.time for a, b in pairwise(places))
    assert len({place.signature for place in places}) == len(places)
    assert all(is_address(key) for t in world.transactions for key in t.keys)


def test_mints_come_with_all_decimals_and_both_token_programs(world: World) -> None:
    assert {0, 6, 9, 18} <= {coin.decimals for coin in world.market.coins}
    assert {known.TOKEN, known.TOKEN_2022} == {coin.program for coin in world.market.coins}


def test_copiers_buy_what_their_leader_bought_within_a_minute() -> None:
    # Lives long enough that what everybody does once is little beside what each likes to do.
    world = World(seed=1, transactions=(150, 200))
    bought = {
        wallet.address: [
            (trade.mint, trade.time)
            for entry in world.entries(wallet.address)
            for trade in entry.trades
            if trade.side == "buy"
        ]
        for wallet in world.wallets
    }
    copiers = [wallet for wallet in world.wallets if wallet.leader]
    assert len(copiers) == 2
    for copier in copiers:
        leader = bought[str(copier.leader)]
        followed = [
            (mint, at)
            for mint, at in leader
            if any(m == mint and 0 <= t - at <= 61 for m, t in bought[copier.address])
        ]
        assert len(followed) > len(leader) / 3


def test_a_family_has_one_first_funder(world: World) -> None:
    family = [wallet for wallet in world.wallets if wallet.group == "family-0"]
    first = {world.entries(wallet.address)[0].signature for wallet in family}
    payers = {t.keys[0] for t in world.transactions if t.place.signature in first}
    assert len(family) > 1
    assert len(payers) == 1
