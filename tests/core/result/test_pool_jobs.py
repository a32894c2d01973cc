"""A result from stored text: the same bytes in any order, process or number of threads; a digest that sees all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamproc.core.chain.solana import EXCLUDED_MINTS, WSOL
from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
from streamproc.core.pnl.encoding import pnl_to_json
from streamproc.core.pnl.wallet_pnl import wallet_pnl
from streamproc.core.result.composition import Prices
from streamproc.core.result.evidence_inputs import EvidenceInputs, packed
from streamproc.core.result.pool_jobs import (
    CompareSpec,
    Enrichment,
    Header,
    WalletInputs,
    compared,
    survey,
    to_name,
    written,
)
from streamproc.core.similarity import Background, Met, Transfer, Witness
from streamproc.events import ReadyWallet

if TYPE_CHECKING:
    from streamproc.result import KeptBalances, KeptToken

WALLETS = 24
NOTHING_YET = pnl_to_json(wallet_pnl([], "w", decimals={}))


def row(mint: str, cost: int, *, is_open: bool) -> dict[str, Any]:
    """A row of token figures with what the stages read of it."""
    return {
        "mint": mint,
        "trades": 2,
        "buy_cost_lamports": cost,
        "first_trade_at": cost % 5000,
        "first_sell_at": None,
        "first_buy_at": cost % 5000,
        "first_buy_slot": cost % 5000,
        "first_buy_signature": f"s{mint}",
        "open_amount": "7" if is_open else "0",
        "open_cost_lamports": cost if is_open else 0,
    }


def wallet_inputs(number: int, *, mints: list[str] | None = None, **changes: Any) -> WalletInputs:  # noqa: ANN401
    """A wallet that traded some of 60 mints and holds the first two."""
    generator = np.random.default_rng(number)
    names = mints or [f"m{mint:02}" for mint in generator.choice(60, 12, replace=False)]
    costs = generator.integers(1, 10**12, len(names)).tolist()
    rows = [
        row(mint, cost, is_open=place < 3)
        for place, (mint, cost) in enumerate(zip(names, costs, strict=True))
    ]
    held: list[KeptToken] = [
        {"mint": mint, "amount": "250", "decimals": 2, "accounts": 1, "frozen": False}
        for mint in names[:2]
    ]
    plain = WalletInputs(
        wallet=f"w{number:02}",
        ready=ReadyWallet(outcome="analyzed", watermark_slot=9, balances="ok"),
        pnl=json.dumps({**NOTHING_YET, "tokens": rows}),
        behavior=json.dumps({"trades": 24}),
        coverage=json.dumps({"state": "complete"}),
        balances={"state": "ok", "lamports": 5, "tokens": held, "fetched_at": number},
    )
    return replace(plain, **changes)


def held_by(inputs: WalletInputs) -> list[KeptToken]:
    assert inputs.balances is not None
    return inputs.balances["tokens"]


INPUTS = [wallet_inputs(number) for number in range(WALLETS)]
EVIDENCE_INPUTS = EvidenceInputs(
    background=Background(("v1", "v2"), ("m01", "#1"), np.array([0, 0, 1]), np.array([0, 1, 1])),
    transfers=(Transfer("w01", "w02", "t", 3, lamports=10**9),),
    first_funders={"w01": Witness("f", "s1"), "w02": Witness("f", "s2")},
    counterparties={"f": Met(2, 2)},
)
PRICES = Prices({"m01": TokenPrice("m01", 2.5, 10.0), WSOL: TokenPrice(WSOL, 150.0, 1.0)})


def spec(inputs: list[WalletInputs] = INPUTS) -> CompareSpec:
    digest = survey(inputs).digest
    return CompareSpec(digest, "idf", frozenset(EXCLUDED_MINTS), pairs=50, pairs_in_event=20)


def comparison_bytes(inputs: list[WalletInputs] = INPUTS) -> bytes:
    """Everything that a comparison found."""
    found = compared(inputs, PRICES, packed(EVIDENCE_INPUTS), spec())
    rest = [found.named, found.pairs_total, found.set_figures, found.clusters]
    return b"".join([*found.pairs, found.columns, json.dumps(rest, sort_keys=True).encode()])


def test_the_order_of_the_wallets_changes_no_byte() -> None:
    order = np.random.default_rng(5).permutation(WALLETS).tolist()
    assert comparison_bytes([INPUTS[number] for number in order]) == comparison_bytes()


PROGRAM = """
import hashlib, importlib.util, sys
spec = importlib.util.spec_from_file_location("stages_test", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(hashlib.sha256(module.comparison_bytes()).hexdigest())
"""


@pytest.mark.parametrize("threads", ["1", "2"])
def test_another_process_with_other_threads_makes_the_same_bytes(threads: str) -> None:
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, threads), "PYTHONHASHSEED": threads}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, __file__],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == hashlib.sha256(comparison_bytes()).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        replace(INPUTS[3], pnl=INPUTS[4].pnl),
        replace(INPUTS[3], behavior='{"trades":25}'),
        replace(INPUTS[3], coverage='{"state":"partial"}'),
        replace(INPUTS[3], balances=None),
        replace(INPUTS[3], ready=ReadyWallet(outcome="analyzed", watermark_slot=10)),
        replace(INPUTS[3], wallet="w03x"),
    ],
)
def test_the_digest_changes_with_everything_that_is_known_of_a_wallet(other: WalletInputs) -> None:
    changed = [*INPUTS[:3], other, *INPUTS[4:]]
    assert survey(changed).digest != survey(INPUTS).digest


def test_when_balances_were_fetched_is_no_input() -> None:
    balances = INPUTS[3].balances
    assert balances is not None
    fetched_later: KeptBalances = {**balances, "fetched_at": 10**9}
    later = [*INPUTS[:3], replace(INPUTS[3], balances=fetched_later), *INPUTS[4:]]
    assert survey(later).digest == survey(INPUTS).digest


def test_what_matters_most_is_priced_first() -> None:
    """SOL, then what stands in the books at the highest cost, then what most wallets hold, then by address."""
    rows = [
        row("cheap", 5, is_open=True),
        row("dear", 900, is_open=True),
        row("sold", 10**9, is_open=False),
    ]
    pnl = json.dumps({"tokens": rows})
    held = [{"mint": m, "amount": "1", "decimals": 0} for m in ("gift-b", "gift-a")]
    one = wallet_inputs(1, pnl=pnl, balances={"state": "ok", "tokens": held})
    two = wallet_inputs(2, pnl='{"tokens":[]}', balances={"state": "ok", "tokens": held[:1]})
    assert survey([one, two]).to_price == [WSOL, "dear", "cheap", "gift-b", "gift-a"]


def test_what_is_worth_most_is_named_first() -> None:
    held = [
        {"mint": mint, "amount": amount, "decimals": 0}
        for mint, amount in (("a", "5"), ("b", "90"), ("c", "1"))
    ]
    pnl = json.dumps({"tokens": [row("shared", 1, is_open=False)]})
    both = [
        wallet_inputs(number, pnl=pnl, balances={"state": "ok", "tokens": held if number else []})
        for number in (0, 1)
    ]
    prices = Prices({"a": TokenPrice("a", 10.0, 1.0), "b": TokenPrice("b", 1.0, 1.0)})
    assert to_name(survey(both), prices) == ["b", "a", "c", "shared"]


def test_wallets_that_failed_or_are_known_in_part_are_told_apart() -> None:
    failed = wallet_inputs(1, pnl=None, ready=ReadyWallet(outcome="failed"))
    partly = wallet_inputs(2, coverage='{"state":"capped"}')
    seen = survey([failed, partly, wallet_inputs(3)])
    assert seen.watermarks == {"w02": 9, "w03": 9}
    assert seen.whole == ["w03"]


def result_of(**enrichment: Any) -> dict[str, Any]:  # noqa: ANN401 - any of its fields
    """The whole result of a few wallets."""
    inputs = [replace(each, pnl=json.dumps(NOTHING_YET)) for each in INPUTS[:3]]
    found = compared(inputs, Prices(), packed(EvidenceInputs()), spec())
    beside = Enrichment(Prices(), {}, {}, is_enriched=True, max_pairs=2, max_tokens_per_wallet=5)
    header = Header("r", "1", "d", completed_at=1, duration_ms=2, credits_spent=3)
    event, whole = written(inputs, found, replace(beside, **enrichment), header)
    assert len(json.loads(event)["pairs"]) == 2
    content: dict[str, Any] = json.loads(zlib.decompress(whole))
    return content


def test_what_enrichment_lacks_is_null_and_listed_with_its_reason() -> None:
    held = [token["mint"] for token in held_by(INPUTS[0])]
    answered, silent = held
    result = result_of(
        prices=Prices({answered: TokenPrice(answered, None, None)}),
        metadata={answered: TokenMetadata(answered, None, None, None, None)},
    )
    lacks = {(each["kind"], each["id"]): each["reason"] for each in result["missing"]}
    assert result["tokens"][silent]["price_usd"] is result["tokens"][answered]["name"] is None
    assert lacks["price", answered] == "nobody trades it"
    assert lacks["metadata", answered] == "its issuer says nothing"
    assert lacks["price", silent] == lacks["metadata", silent] == "not known in time"


def test_the_results_digest_changes_with_what_a_token_is_called_or_costs() -> None:
    mint = held_by(INPUTS[0])[0]["mint"]
    plain = result_of()["inputs_digest"]
    named = result_of(metadata={mint: TokenMetadata(mint, "S", None, None, None)})["inputs_digest"]
    priced = result_of(prices=Prices({mint: TokenPrice(mint, 1.0, None)}))["inputs_digest"]
    assert len({plain, named, priced}) == 3
    assert result_of()["inputs_digest"] == plain


def test_without_enrichment_nothing_is_said_to_be_missing() -> None:
    assert result_of(is_enriched=False)["missing"] == []


def test_surroundings_reach_the_evidence() -> None:
    found = compared(INPUTS, PRICES, packed(EVIDENCE_INPUTS), replace(spec(), pairs=300))
    pairs = [json.loads(each) for each in found.pairs]
    (pair,) = [p for p in pairs if (p["wallet_a"], p["wallet_b"]) == ("w01", "w02")]
    links = [each["reason"] for each in pair["evidence"] if each["kind"] == "link"]
    assert links == [
        "1 direct transfer of 1 SOL: 1 from w01 to w02, 0 back",
        "both got their first SOL from f (which met 2 others, 2 of them known here)",
    ]
