"""On the generated world every entry, trade, PnL figure, balance and plain score equals the world's own truth.

The world knows what each transaction meant and computes its figures by code of its own; nothing is shared with the
core.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
from msgspec import structs

from streamproc.core.chain.balances import TokenAccount, balances_of
from streamproc.core.chain.solana import EXCLUDED_MINTS, QUOTES, TOKEN_PROGRAMS, WSOL
from streamproc.core.chain.tokens import TokenPrice
from streamproc.core.ledger.custody import resolved
from streamproc.core.ledger.entries import Entry, Kind, Page, canonical_order, same_facts
from streamproc.core.pnl.encoding import pnl_to_json
from streamproc.core.pnl.rates import SolPrices
from streamproc.core.pnl.trades import trades_from_entries
from streamproc.core.pnl.wallet_pnl import wallet_pnl, with_market_values
from streamproc.core.result.composition import Prices, WalletFacts, wallet_record, wallet_row
from streamproc.core.result.evidence_inputs import EvidenceInputs
from streamproc.core.similarity import SimilarityInputs, compare
from streamproc.core.wire.enhanced import enhanced_page
from streamproc.core.wire.raw import raw_page
from streamproc.events import ReadyWallet
from streamproc.sandbox.truth.pnl import true_pnl
from streamproc.sandbox.truth.scores import terms_of
from streamproc.sandbox.wire.enhanced_form import enhanced_form
from streamproc.sandbox.wire.generated_archive import WorldArchive
from streamproc.sandbox.wire.raw_form import raw_form
from streamproc.sandbox.world.world import World
from tests.truth.against import compare_balances, compare_pairs, compare_records, compare_set

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.core.similarity import Comparison
    from streamproc.result import CoverageRecord, KeptBalances, KeptToken, Pnl
    from streamproc.sandbox.chain.chain import Transaction
    from streamproc.sandbox.chain.intent import TrueEntry

SEEDS = (1, 2, 3)


@cache
def world(seed: int) -> World:
    return World(seed=seed, wallets=10, transactions=(60, 160))


def seen_by(world: World, wallet: str) -> list[Transaction]:
    signatures = {entry.signature for entry in world.entries(wallet)}
    return [each for each in world.transactions if each.place.signature in signatures]


@cache
def raw_entries(seed: int, wallet: str) -> Page:
    data = [raw_form(each, world(seed).chain) for each in seen_by(world(seed), wallet)]
    page = raw_page(orjson.dumps({"result": {"data": data, "paginationToken": None}}), wallet)
    assert isinstance(page, Page)
    return page


@cache
def enhanced_entries(seed: int, wallet: str) -> Page:
    newest_first = seen_by(world(seed), wallet)[::-1]
    records = [enhanced_form(each, world(seed).chain) for each in newest_first]
    return enhanced_page(orjson.dumps(records), wallet, {})


def history(page: Page, wallet: str) -> list[Entry]:
    """The page's entries as an analysis reads them: in the chain's order, orders of the wallet's resolved."""
    return resolved(canonical_order(page.entries), wallet)


def facts(entry: Entry) -> dict[str, Any]:
    return {
        "slot": entry.slot,
        "time": entry.time,
        "failed": entry.failed,
        "network_fee": entry.network_fee,
        "sol_delta": entry.sol_delta,
        "tips": entry.tips,
        "rent": entry.rent,
        "kind": str(entry.kind),
        "deltas": dict(entry.deltas),
    }


def true_facts(entry: TrueEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in facts_names()} | {"deltas": dict(entry.deltas)}


def differences(found: Iterable[Entry], truth: Iterable[TrueEntry]) -> dict[str, Any]:
    """Signature -> (the true entry, the found one) where they are not equal."""
    true = {entry.signature: true_facts(entry) for entry in truth}
    product = {entry.signature: facts(entry) for entry in found}
    return {
        signature: (true.get(signature), product.get(signature))
        for signature in true.keys() | product.keys()
        if true.get(signature) != product.get(signature)
    }


def facts_names() -> tuple[str, ...]:
    return ("slot", "time", "failed", "network_fee", "sol_delta", "tips", "rent", "kind")


@pytest.mark.parametrize("seed", SEEDS)
def test_every_entry_equals_what_its_transaction_meant_in_both_forms(seed: int) -> None:
    for wallet in world(seed).addresses:
        for page in (raw_entries(seed, wallet), enhanced_entries(seed, wallet)):
            wrong = differences(history(page, wallet), world(seed).entries(wallet))
            assert not wrong, next(iter(wrong.items()))
            assert not page.foreign
            assert not page.unreadable


@pytest.mark.parametrize("seed", SEEDS)
def test_the_enhanced_form_says_where_it_goes_by_sizes_only_and_the_raw_one_never_does(
    seed: int,
) -> None:
    for wallet in world(seed).addresses:
        truth = {entry.signature for entry in world(seed).entries(wallet) if entry.estimated}
        enhanced = enhanced_entries(seed, wallet).entries
        assert {entry.signature for entry in enhanced if entry.estimated} == truth
        assert not any(entry.estimated for entry in raw_entries(seed, wallet).entries)


@pytest.mark.parametrize("seed", SEEDS)
def test_raw_and_enhanced_give_equal_entries_but_for_the_block_index_and_such_doubts(
    seed: int,
) -> None:
    for wallet in world(seed).addresses:
        enhanced = {entry.signature: entry for entry in enhanced_entries(seed, wallet).entries}
        for entry in raw_entries(seed, wallet).entries:
            other = structs.replace(enhanced[entry.signature], estimated=False)
            assert same_facts(entry, other)


def test_the_world_shows_every_kind() -> None:
    kinds = Counter(
        entry.kind
        for seed in SEEDS
        for wallet in world(seed).addresses
        for entry in history(raw_entries(seed, wallet), wallet)
    )
    assert set(kinds) == set(Kind)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_trade_equals_the_truth(seed: int) -> None:
    for wallet in world(seed).addresses:
        truth = {
            (trade.signature, trade.mint, trade.side): (
                trade.amount,
                dict(trade.quotes),
                trade.fees,
                trade.confidence,
            )
            for entry in world(seed).entries(wallet)
            for trade in entry.trades
        }
        found = {
            (trade.signature, trade.mint, str(trade.side)): (
                trade.amount,
                dict(trade.quotes),
                trade.fees,
                str(trade.confidence),
            )
            for trade in trades_from_entries(history(raw_entries(seed, wallet), wallet), wallet)
        }
        assert found == truth


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("window", ["all", "middle"])
def test_every_pnl_figure_equals_the_truth(seed: int, window: str) -> None:
    for wallet in world(seed).addresses:
        times = [entry.time for entry in world(seed).entries(wallet)]
        since, until = (
            (None, None)
            if window == "all"
            else (times[len(times) // 4], times[3 * len(times) // 4])
        )
        terms = terms_of(world(seed), since=since, until=until)
        truth = true_pnl(world(seed).entries(wallet), terms)
        for page in (raw_entries(seed, wallet), enhanced_entries(seed, wallet)):
            found = product_pnl(world(seed), wallet, page, since, until)
            compare_records(found, truth)


def product_pnl(world: World, wallet: str, page: Page, since: int | None, until: int | None) -> Pnl:
    prices = {mint: Fraction(usd) for mint, usd in world.prices_usd.items()}
    pnl = wallet_pnl(
        history(page, wallet),
        wallet,
        decimals=page.decimals,
        prices=SolPrices(current=prices[WSOL]),
        since=since,
        until=until,
    )
    return pnl_to_json(with_market_values(pnl, prices, prices[WSOL]))


def whole_tokens(world: World) -> Prices:
    """What the price service says of every mint."""
    return Prices({m: TokenPrice(m, float(usd), None) for m, usd in world.prices_usd.items()})


def product_balances(world: World, wallet: str) -> KeptBalances:
    """The balances as they are kept, from the token accounts that the chain ends with."""
    archive = WorldArchive(world)
    listed = [
        TokenAccount(state.mint, str(state.amount), state.decimals, state.frozen)
        for program in TOKEN_PROGRAMS
        for state in archive.token_accounts(wallet, program)
    ]
    account = archive.account(wallet)
    balances = balances_of(account.lamports if account else None, listed)
    tokens: list[KeptToken] = [
        {
            "mint": holding.mint,
            "amount": str(holding.amount),
            "decimals": holding.decimals,
            "accounts": holding.accounts,
            "frozen": holding.is_frozen,
        }
        for holding in balances.tokens
    ]
    return {"state": "ok", "lamports": balances.lamports, "tokens": tokens, "fetched_at": 0}


def product_facts(seed: int, wallet: str) -> WalletFacts:
    """All that is stored of a wallet that was synced and whose balances were fetched."""
    page = raw_entries(seed, wallet)
    sol = Fraction(world(seed).prices_usd[WSOL])
    entries = history(page, wallet)
    pnl = wallet_pnl(entries, wallet, decimals=page.decimals, prices=SolPrices(current=sol))
    return WalletFacts(
        wallet=wallet,
        ready=ReadyWallet(outcome="analyzed", balances="ok"),
        pnl=pnl_to_json(pnl),
        coverage=cast("CoverageRecord", {"state": "complete"}),
        balances=product_balances(world(seed), wallet),
    )


@cache
def product_comparison(seed: int) -> Comparison:
    prices = whole_tokens(world(seed))
    rows = (
        wallet_row(product_facts(seed, each), prices, EvidenceInputs())
        for each in world(seed).addresses
    )
    inputs = SimilarityInputs(
        wallets=tuple(rows),
        inputs_digest="00",
        excluded_mints=EXCLUDED_MINTS | QUOTES,
        rank_by="idf",
        max_pairs=10_000,
    )
    return compare(inputs)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_score_label_trend_overlap_and_count_of_every_pair_equals_the_truth(
    seed: int,
) -> None:
    compare_pairs(product_comparison(seed).pairs, world(seed), world(seed).addresses)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_figure_of_the_whole_set_equals_the_truth(seed: int) -> None:
    compare_set(product_comparison(seed).set, world(seed), world(seed).addresses)


def test_the_worlds_show_several_labels_and_trends() -> None:
    pairs = [pair for seed in SEEDS for pair in product_comparison(seed).pairs]
    assert {pair["trend"] for pair in pairs} >= {"converging", "diverging"}
    assert len({pair["label"] for pair in pairs}) >= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_all_balances_with_their_prices_and_values_equal_the_truth(seed: int) -> None:
    prices = whole_tokens(world(seed))
    for wallet in [*world(seed).addresses, world(seed).never_funded]:
        facts = WalletFacts(
            wallet=wallet,
            ready=ReadyWallet(outcome="analyzed", balances="ok"),
            balances=product_balances(world(seed), wallet),
        )
        record = wallet_record(facts, prices, prices.exact())
        compare_balances(dict(record["balances"] or {}), world(seed), wallet)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_pnl_record_of_a_result_equals_the_truth(seed: int) -> None:
    prices = whole_tokens(world(seed))
    for wallet in world(seed).addresses:
        record = wallet_record(product_facts(seed, wallet), prices, prices.exact())
        compare_records(
            dict(record["pnl"] or {}), true_pnl(world(seed).entries(wallet), terms_of(world(seed)))
        )
