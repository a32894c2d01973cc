"""Evidence reaches a result through the store, and a result that is composed again is the same to the byte."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import pytest
from msgspec import structs
from solders.pubkey import Pubkey
from solders.signature import Signature

from streamproc.agents.results.analyst import Analyst
from streamproc.agents.results.result_builder import Composed, Composer
from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
from streamproc.core.ledger.entries import Entry, Kind
from streamproc.core.ledger.ranges import SlotRange
from streamproc.core.result.encoding import VOLATILE
from streamproc.core.result.pair_columns import unpacked_columns
from streamproc.events import AnalysisReady, Options, ReadyWallet
from streamproc.store import NewRequest, Store, StoredPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

pytestmark = pytest.mark.real
T = TypeVar("T")

SOL = 10**9
TIP = 1000  # every wallet is known up to this slot


def address(number: int) -> str:
    return str(Pubkey.from_bytes(number.to_bytes(32, "big")))


A, B = address(1), address(2)
FUNDER, RELAYER = address(3), address(4)
OTHERS = [address(number) for number in range(100, 130)]
RARE = [address(number) for number in range(1000, 1020)]
POPULAR = [address(number) for number in range(2000, 2020)]


class Here:
    """Runs the pool's work in this process."""

    async def run(self, work: Callable[..., T], *values: Any) -> T:  # noqa: ANN401
        return work(*values)


class Market:
    """Prices that move with every question, and names that come with it."""

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self.asked: list[list[str]] = []

    async def prices(self, _request_id: str, mints: Iterable[str]) -> dict[str, TokenPrice]:
        self.asked.append(list(mints))
        return {mint: TokenPrice(mint, 1.0 + len(self.asked), 5.0) for mint in self.asked[-1]}

    async def metadata(self, _request_id: str, mints: Iterable[str]) -> dict[str, TokenMetadata]:
        return {mint: TokenMetadata(mint, "S", f"{len(self.asked)}", None, 6) for mint in mints}


class Books:
    """Makes entries, each with a signature and a slot of its own."""

    def __init__(self) -> None:
        """Begin with slot 1."""
        self._slot = 0

    def entry(self, wallet: str, kind: Kind, **changes: Any) -> Entry:  # noqa: ANN401 - any field's
        self._slot += 1
        slot = changes.pop("slot", self._slot)
        return Entry(
            signature=str(Signature.from_bytes(self._slot.to_bytes(64, "big"))),
            slot=slot,
            index=0,
            time=1_700_000_000 + slot,
            failed=False,
            estimated=False,
            fee_payer=changes.pop("fee_payer", wallet),
            network_fee=0,
            sol_delta=changes.pop("sol_delta", 0),
            tips=0,
            rent=0,
            kind=kind,
            deltas=changes.pop("deltas", ()),
            routed_quote=None,
            counterparty=changes.pop("counterparty", None),
        )

    def bought(self, wallet: str, mint: str, **changes: Any) -> Entry:  # noqa: ANN401 - any field's
        return self.entry(wallet, Kind.BUY, sol_delta=-SOL, deltas=((mint, 5),), **changes)

    def got(self, wallet: str, sender: str) -> Entry:
        return self.entry(wallet, Kind.TRANSFER_IN, counterparty=sender, sol_delta=SOL)


async def known(store: Store, wallet: str, *entries: Entry) -> None:
    """Store a wallet's whole history."""
    mints = {mint: 6 for entry in entries for mint, _ in entry.deltas}
    await store.add_page(wallet, StoredPage(entries, SlotRange(0, TIP), "full", decimals=mints))
    await store.mark_synced(wallet, watermark_slot=TIP, at_ms=1)


async def composer(store: Store, market: Market, now_ms: int = 5_000) -> Composer:
    pool = Here()
    analyst = Analyst(store=store, tokens=market, pool=pool)
    return Composer(store=store, analyst=analyst, tokens=market, pool=pool, clock_ms=lambda: now_ms)


async def ready(store: Store, request_id: str, *wallets: str) -> AnalysisReady:
    """A recorded request whose wallets are stored; the balances say that each holds the first rare token."""
    await store.record_requests([NewRequest(request_id, b"", "t/0/0", list(wallets), {}, 0, 1)])
    held = [{"mint": RARE[0], "amount": "5", "decimals": 6, "accounts": 1, "frozen": False}]
    balances = {"state": "ok", "lamports": 1, "tokens": held, "fetched_at": 1}
    await store.put_balances(request_id, dict.fromkeys(wallets, balances))
    said = ReadyWallet(outcome="analyzed", watermark_slot=TIP, balances="ok")
    return AnalysisReady(
        request_id=request_id,
        wallets=dict.fromkeys(wallets, said),
        options=Options(),
        requested_at_ms=0,
        deadline_at=10,
        next_seq=3,
        wallets_done=len(wallets),
        wallets_failed=0,
        at=1,
    )


@pytest.fixture
async def stored(store: Store) -> Store:
    """A follows B in twenty rare tokens, one funder and one payer for both; thirty others trade what is popular."""
    books = Books()
    in_b = [books.got(B, FUNDER), *(books.bought(B, mint, fee_payer=RELAYER) for mint in RARE)]
    late = books.entry(A, Kind.TRANSFER_OUT, slot=TIP + 5, counterparty=B, sol_delta=-SOL)
    gift = books.entry(A, Kind.TRANSFER_IN, counterparty=B, sol_delta=SOL)
    in_a = [books.bought(A, mint, fee_payer=RELAYER) for mint in RARE]
    first = structs.replace(books.got(A, FUNDER), slot=0)
    await known(store, B, *in_b)
    await known(store, A, first, gift, *in_a, late)
    market = Market()
    analyst = Analyst(store=store, tokens=market, pool=Here())
    for number, wallet in enumerate(OTHERS):
        mints = [POPULAR[(number + step) % len(POPULAR)] for step in range(8)]
        while_they_trade = (
            books.bought(wallet, mint, slot=8 + 4 * step) for step, mint in enumerate(mints)
        )
        await known(store, wallet, *while_they_trade)
        await analyst.analyze("x", wallet, TIP, Options(enrich=False))
    return store


def evidence(result: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The evidence of the only pair, by kind."""
    (pair,) = result["pairs"]
    found: dict[str, list[dict[str, Any]]] = {}
    for each in pair["evidence"]:
        found.setdefault(each["kind"], []).append(each)
    return found


async def test_two_wallets_are_tested_against_what_stored_wallets_trade(stored: Store) -> None:
    request = await ready(stored, "two", A, B)
    composed = await (await composer(stored, Market())).compose(request)
    result = orjson.loads(zlib.decompress(composed.packed_result))
    found = evidence(result)
    (chance,) = found["chance"]
    assert (chance["n"], chance["q"]) == (20, chance["p"])
    assert chance["p"] < 0.01
    assert chance["lift"] > 1.5
    assert [each["wallets"] for each in result["clusters"]] == [sorted([A, B])]
    (direction,) = found["direction"]
    assert (direction["leader"], direction["n"], direction["lag_s"]) == (B, 20, 22.0)
    assert [each["reason"].split(" (")[0].rsplit(" ", 1)[0] for each in found["link"]] == [
        f"1 direct transfer of 1 SOL: 0 from {A[:4]}...{A[-4:]} to {B[:4]}...{B[-4:]}, 1",
        "both got their first SOL from",
        "fees of both were paid by",
    ]
    (row,) = unpacked_columns(composed.pairs).rows()
    (pair,) = result["pairs"]
    assert (row["wallet_a"], row["q"], row["lift"]) == (min(A, B), pair["q"], chance["lift"])
    assert (pair["verdict"], pair["because"]) == (
        "linked",
        ["chance", "timing", "direction", "link"],
    )


async def test_without_stored_wallets_the_reason_says_why_there_is_no_p(store: Store) -> None:
    books = Books()
    await known(store, A, *(books.bought(A, mint) for mint in RARE))
    await known(store, B, *(books.bought(B, mint) for mint in RARE))
    composed = await (await composer(store, Market())).compose(await ready(store, "few", A, B))
    (chance,) = evidence(orjson.loads(zlib.decompress(composed.packed_result)))["chance"]
    assert chance["p"] is None
    assert "2 wallets of these weeks" in chance["reason"]


def whole(composed: Composed) -> bytes:
    """What is steady of the whole result."""
    return steady(zlib.decompress(composed.packed_result))


def steady(content: bytes) -> bytes:
    """The result without what differs between two runs on the same inputs."""
    result = orjson.loads(content)
    return orjson.dumps({name: value for name, value in result.items() if name not in VOLATILE})


async def test_a_result_composed_again_is_the_same_though_the_world_has_moved_on(
    stored: Store,
) -> None:
    """As after a crash: other prices, other names, more stored wallets, more transfers."""
    request = await ready(stored, "again", A, B)
    market = Market()
    first = await (await composer(stored, market)).compose(request)
    await stored.note_traded(OTHERS[0], TIP, dict.fromkeys(RARE, 1_700_000_000))
    await known(stored, address(77), *(Books().bought(address(77), mint) for mint in RARE))
    await stored.note_traded(address(77), TIP, dict.fromkeys(RARE, 1_700_000_000))
    second = await (await composer(stored, market, now_ms=99_000)).compose(request)
    assert steady(second.event) == steady(first.event)
    assert whole(second) == whole(first)
    assert second.pairs == first.pairs
    assert len(market.asked) == 2  # what figures need, and what is shared; never again
    other = await (await composer(stored, Market())).compose(await ready(stored, "new", A, B))
    digests = [orjson.loads(each.event)["inputs_digest"] for each in (first, other)]
    assert digests[0] != digests[1]
