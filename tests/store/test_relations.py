"""What evidence rests on, worked by hand through the database: who met whom up to a slot, and what others trade."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs
from solders.pubkey import Pubkey
from solders.signature import Signature

from streamproc import limits
from streamproc.core.ledger.entries import Entry, Kind, Moves
from streamproc.core.similarity import Met, Transfer, Witness
from streamproc.store import Store, StoredPage
from streamproc.store.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.real

A, B, C, EXCHANGE, RELAYER = (
    str(Pubkey.from_bytes(bytes([number]) * 32)) for number in range(1, 6)
)
MINTS = [str(Pubkey.from_bytes(bytes([number]) * 32)) for number in range(20, 26)]
NEVER = 10**9
SOL = 10**9


def signature(number: int) -> str:
    return str(Signature.from_bytes(number.to_bytes(64, "big")))


def entry(number: int, wallet: str, kind: Kind, **changes: Any) -> Entry:  # noqa: ANN401 - any field's
    """An entry whose number is its slot and its signature."""
    plain = Entry(
        signature=signature(number),
        slot=number,
        index=None,
        time=None,
        failed=False,
        estimated=False,
        fee_payer=wallet,
        network_fee=0,
        sol_delta=0,
        tips=0,
        rent=0,
        kind=kind,
        deltas=(),
        routed_quote=None,
        counterparty=None,
    )
    return structs.replace(plain, **changes)


def got(number: int, wallet: str, sender: str, lamports: int = SOL) -> Entry:
    return entry(number, wallet, Kind.TRANSFER_IN, counterparty=sender, sol_delta=lamports)


def gave(number: int, wallet: str, receiver: str) -> Entry:
    return entry(number, wallet, Kind.TRANSFER_OUT, counterparty=receiver, sol_delta=-SOL)


def paid_by(number: int, wallet: str, payer: str, kind: Kind = Kind.BUY) -> Entry:
    deltas = ((MINTS[0], 1),) if kind is Kind.BUY else ()
    return entry(number, wallet, kind, fee_payer=payer, sol_delta=-SOL, deltas=deltas)


async def keep(store: Store, wallet: str, *entries: Entry) -> None:
    await store.add_page(wallet, StoredPage(entries, None, "full"))


async def test_transfers_among_the_wallets_are_seen_from_either_side(store: Store) -> None:
    await keep(store, A, gave(1, A, B), gave(2, A, EXCHANGE), got(3, A, B))
    await keep(store, B, got(1, B, A), got(4, B, EXCHANGE))
    found = await store.transfers_between({A: NEVER, B: NEVER})
    assert set(found) == {
        Transfer(A, B, signature(1), 1, lamports=SOL),
        Transfer(B, A, signature(3), 3, lamports=SOL),
    }
    assert [each.slot for each in found] == [1, 1, 3]


async def test_what_a_keeper_pays_for_an_order_s_goods_is_no_transfer(store: Store) -> None:
    moves = Moves(5_000, names_owners=True, lamports=((A, SOL), (B, -SOL)), tokens=())
    await keep(
        store,
        A,
        structs.replace(got(1, A, B), moves=moves),
        structs.replace(got(2, A, B), moves=moves),
    )
    assert await store.transfers_between({A: NEVER, B: NEVER}) == []
    await keep(store, B, structs.replace(gave(2, B, A), moves=moves))
    assert await store.transfers_between({A: NEVER, B: NEVER}) == [
        Transfer(B, A, signature(2), 2, lamports=SOL)
    ]


async def test_a_transfer_says_what_it_moved(store: Store) -> None:
    coin = structs.replace(
        gave(1, A, B), sol_delta=-5_000, network_fee=5_000, deltas=((MINTS[0], -7),)
    )
    paid = structs.replace(gave(2, A, B), sol_delta=-SOL - 5_000, network_fee=5_000)
    await keep(store, A, coin, paid)
    assert await store.transfers_between({A: NEVER, B: NEVER}) == [
        Transfer(A, B, signature(1), 1, mint=MINTS[0], units=7),
        Transfer(A, B, signature(2), 2, lamports=SOL),
    ]


async def test_what_came_after_a_wallets_watermark_is_not_read(store: Store) -> None:
    await keep(store, A, gave(5, A, B), gave(9, A, B), paid_by(8, A, RELAYER))
    assert [each.slot for each in await store.transfers_between({A: 8, B: 0})] == [5]
    assert await store.fee_payers({A: 7}) == {}
    assert await store.first_funders({A: 4}) == {}


async def test_the_first_funder_is_who_sent_the_first_sol(store: Store) -> None:
    airdrop = entry(1, A, Kind.TRANSFER_IN, counterparty=C, deltas=((MINTS[0], 5),))
    opened = structs.replace(airdrop, signature=signature(2), sol_delta=2_039_280, rent=-2_039_280)
    dust = got(3, A, C, lamports=9_999)
    await keep(store, A, airdrop, opened, dust, got(4, A, EXCHANGE), got(5, A, B))
    assert await store.first_funders({A: NEVER}) == {A: Witness(EXCHANGE, signature(4))}


async def test_first_sol_that_was_no_transfer_has_no_funder(store: Store) -> None:
    earned = entry(1, A, Kind.OTHER, sol_delta=SOL)
    await keep(store, A, earned, got(2, A, EXCHANGE))
    assert await store.first_funders({A: NEVER, B: NEVER}) == {}


async def test_fee_payers_are_those_who_paid_for_what_the_wallet_did_itself(store: Store) -> None:
    gift = structs.replace(got(1, A, EXCHANGE), fee_payer=EXCHANGE)
    noise = entry(2, A, Kind.OTHER, fee_payer=C)
    await keep(store, A, gift, noise, paid_by(6, A, RELAYER), paid_by(4, A, RELAYER))
    await keep(store, B, paid_by(7, B, RELAYER, Kind.TRANSFER_OUT), paid_by(8, B, B))
    assert await store.fee_payers({A: NEVER, B: NEVER}) == {
        A: (Witness(RELAYER, signature(4)),),
        B: (Witness(RELAYER, signature(7)),),
    }


async def test_counterparties_are_counted_once_whatever_the_way_of_meeting(store: Store) -> None:
    await keep(store, A, got(1, A, EXCHANGE), got(2, A, EXCHANGE), gave(3, A, B))
    await keep(store, B, got(3, B, A), paid_by(4, B, EXCHANGE), paid_by(5, B, RELAYER))
    found = await store.counterparties([A, B, C, EXCHANGE, RELAYER])
    assert found == {A: Met(2, 1), B: Met(1, 1), EXCHANGE: Met(2, 2), RELAYER: Met(1, 1)}
    assert await store.known_wallets() == 2


async def test_counting_counterparties_stops_above_what_makes_a_hub(store: Store) -> None:
    others = [str(Pubkey.from_bytes(number.to_bytes(32, "big"))) for number in range(1, 150)]
    await keep(store, A, *(got(number, A, other) for number, other in enumerate(others, 1)))
    assert await store.counterparties([A]) == {A: Met(limits.HUB_COUNTERPARTIES + 1, 0)}


async def traded(store: Store, wallet: str, mints: Sequence[str], slot: int = 5) -> None:
    """A stored wallet that has traded these mints."""
    bought = [entry(n, wallet, Kind.BUY, deltas=((mint, 1),)) for n, mint in enumerate(mints, 1)]
    await keep(store, wallet, *bought)
    await store.note_traded(wallet, slot, at_noon(mints))


WEEKS = {2900: 3, 2901: 1}  # the weeks that are asked about, and how much was traded in each
NOON = 2900 * 604_800 + 43_200


def at_noon(mints: Sequence[str]) -> dict[str, int | None]:
    """Each first traded on the same day."""
    return dict.fromkeys(mints, NOON)


async def test_the_background_is_what_other_wallets_traded(store: Store) -> None:
    await traded(store, A, MINTS[:3])
    await traded(store, B, [MINTS[2], MINTS[1]])
    await traded(store, C, [])
    found = await store.background(leaving_out=[EXCHANGE], named=[MINTS[2], MINTS[5]], weeks=WEEKS)
    assert found is not None
    assert sorted(found.wallets) == sorted([A, B])
    by_address = sorted(MINTS[:3])
    assert found.mints == tuple(
        mint if mint == MINTS[2] else f"#{place}" for place, mint in enumerate(by_address)
    )
    cells = {
        (found.wallets[wallet], by_address[mint])
        for wallet, mint in zip(found.wallet_numbers, found.mint_numbers, strict=True)
    }
    assert cells == {(A, mint) for mint in MINTS[:3]} | {(B, mint) for mint in MINTS[1:3]}


async def test_the_background_says_when_each_was_first_traded(store: Store) -> None:
    times: dict[str, int | None] = {MINTS[0]: NOON, MINTS[1]: NOON + 5, MINTS[2]: None}
    await traded(store, A, MINTS[:3])
    await store.note_traded(A, 9, times)
    found = await store.background(leaving_out=[], named=MINTS, weeks=WEEKS)
    assert found is not None
    assert found.times is not None
    said = {found.mints[m]: t for m, t in zip(found.mint_numbers, found.times, strict=True)}
    assert said == {MINTS[0]: NOON, MINTS[1]: NOON + 5}


async def test_who_was_not_there_in_those_weeks_is_no_background(store: Store) -> None:
    week = 604_800
    await traded(store, A, MINTS[:3])
    await store.note_traded(A, 9, {MINTS[0]: NOON, MINTS[1]: NOON + 2 * week, MINTS[2]: NOON - 1})
    await traded(store, B, MINTS[:2])
    await store.note_traded(B, 9, dict.fromkeys(MINTS[:2], NOON + 30 * week))
    found = await store.background(leaving_out=[], named=MINTS, weeks=WEEKS)
    assert found is not None
    assert found.wallets == (A,)
    assert {found.mints[m] for m in found.mint_numbers} == {MINTS[0], MINTS[2]}
    assert await store.background(leaving_out=[], named=MINTS, weeks={}) is None


async def test_wallets_that_trade_for_years_are_enough_of_a_background(store: Store) -> None:
    wallets = [str(Pubkey.from_bytes(bytes([number]) * 32)) for number in range(101, 131)]
    years = range(2800, 3000)
    mints = {number: str(Pubkey.from_bytes(bytes([7, number]) * 16)) for number in range(200)}
    first = {mints[week - 2800]: week * 604_800 for week in years}
    for wallet in wallets:
        await keep(store, wallet, entry(1, wallet, Kind.BUY, deltas=tuple((m, 1) for m in first)))
        await store.note_traded(wallet, 5, first)
    found = await store.background(leaving_out=[], named=[], weeks=dict.fromkeys(years, 9))
    assert found is not None
    assert len(found.wallets) == len(wallets)


async def test_a_history_that_is_read_anew_leaves_no_week_behind(store: Store) -> None:
    await traded(store, A, MINTS[:3])
    await store.note_traded(A, 9, {MINTS[0]: NOON + 604_800})
    found = await store.background(leaving_out=[], named=MINTS, weeks=WEEKS)
    assert found is not None
    assert len(found.mint_numbers) == 1


async def test_the_wallets_of_the_request_are_no_background(store: Store) -> None:
    await traded(store, A, MINTS[:3])
    assert await store.background(leaving_out=[A, B], named=[], weeks=WEEKS) is None


async def test_what_was_traded_up_to_an_older_slot_changes_nothing(store: Store) -> None:
    await traded(store, A, MINTS[:3], slot=9)
    await store.note_traded(A, 8, at_noon(MINTS[:1]))
    found = await store.background(leaving_out=[], named=[], weeks=WEEKS)
    assert found is not None
    assert len(found.mint_numbers) == 3
    await store.note_traded(A, 9, at_noon(MINTS[:1]))
    found = await store.background(leaving_out=[], named=[], weeks=WEEKS)
    assert found is not None
    assert len(found.mint_numbers) == 1


async def test_the_background_is_bounded_and_the_same_wallets_every_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wallet in (A, B, C, EXCHANGE):
        await traded(store, wallet, MINTS[:2])
    await traded(store, RELAYER, MINTS)
    monkeypatch.setattr(limits, "BACKGROUND_TOKENS", 5)
    everybody = await store.background(leaving_out=[], named=[], weeks=WEEKS)
    assert everybody is not None
    assert len(everybody.wallets) == 4
    monkeypatch.setattr(limits, "BACKGROUND_WALLETS", 3)
    monkeypatch.setattr(limits, "BACKGROUND_WEEK_LEAST", 1)
    some = await store.background(leaving_out=[], named=[], weeks=WEEKS)
    assert some is not None
    assert some.wallets == everybody.wallets[:3]
    monkeypatch.setattr(limits, "BACKGROUND_CELLS", 5)
    fewer = await store.background(leaving_out=[], named=[], weeks=WEEKS)
    assert fewer is not None
    assert fewer.wallets == everybody.wallets[:2]


FILL = """
INSERT INTO wallets (address, entry_format) SELECT 'w' || n, 2 FROM generate_series(1, 400) AS n;
INSERT INTO wallet_tokens SELECT id, 9, ARRAY[1, 2] FROM wallets;
INSERT INTO wallet_weeks SELECT id, 2899 + n, id * 7, ARRAY[1], ARRAY[9] FROM wallets, generate_series(1, 3) AS n;
INSERT INTO entries (wallet_id, slot, signature, flags, kind, network_fee, sol_delta, tips, rent, mints, deltas,
    fee_payer, counterparty)
SELECT w.id, n, decode(md5(w.id || '/' || n), 'hex'), 0, 3 + n % 6, 0, 1, 0, 0, '{}', '{}',
    CASE WHEN n % 9 = 0 THEN 'w' || n END, CASE WHEN n % 7 = 0 THEN 'w' || n END
FROM wallets AS w, generate_series(1, 100) AS n;
ANALYZE
"""
SOME = [f"w{number}" for number in range(1, 11)]
SLOTS = [9] * len(SOME)


@pytest.mark.parametrize(
    ("statement", "values", "indexes"),
    [
        ("background", [[], [2900], [10], 100, 2, 100], {"wallet_weeks_sample"}),
        ("transfers_between", [SOME, SLOTS, 10], {"entries_of_wallet_counterparty"}),
        ("fee_payers", [SOME, SLOTS, 10], {"entries_of_wallet_fee_payer"}),
        (
            "counterparties",
            [SOME, 10, 2],
            {"entries_counterparty", "entries_fee_payer", "entries_of_wallet_counterparty"},
        ),
        ("first_funders", [SOME, SLOTS, 10], {"entries_pkey"}),
    ],
)
async def test_each_question_is_answered_from_an_index(
    store: Store, statement: str, values: list[object], indexes: set[str]
) -> None:
    async with store._database.connection() as connection:
        await connection.raw.execute(FILL)
        found = await connection.raw.fetch(f"EXPLAIN {query(f'relations.{statement}')}", *values)
    plan = "\n".join(row[0] for row in found)
    assert {
        index for index in indexes if re.search(rf"(using|Scan on) {index} ", plan)
    } == indexes, plan
    assert "Seq Scan on entries" not in plan, plan


BUSY = """
INSERT INTO wallets (address, entry_format) VALUES ('busy', 2);
INSERT INTO entries (wallet_id, slot, signature, flags, kind, network_fee, sol_delta, tips, rent, mints, deltas,
    fee_payer, counterparty)
SELECT w.id, n, decode(md5(n::text), 'hex'), 0, 4, 0, 1, 0, 0, '{}', '{}', 'relayer', 'exchange'
FROM wallets AS w, generate_series(1, 8000) AS n
WHERE w.address = 'busy';
ANALYZE
"""


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("fee_payers", [["busy"], [9000], 20]),
        ("counterparties", [["busy", "relayer", "exchange"], 101, 2]),
    ],
)
async def test_it_does_not_matter_how_often_a_wallet_met_the_same_address(
    store: Store, statement: str, values: list[object]
) -> None:
    async with store._database.connection() as connection:
        await connection.raw.execute(BUSY)
        explained = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query(f'relations.{statement}')}"
        plan = json.loads(await connection.raw.fetchval(explained, *values))[0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 100
