"""The pages about figures: their examples run, every name of a real result is described, every described one occurs."""

from __future__ import annotations

import doctest
import json
import random
import re
from collections import defaultdict
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import pytest

from streamproc.agents.results.result_builder import LEFT_OUT
from streamproc.core.behavior import records
from streamproc.core.chain.solana import USDC, WSOL
from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
from streamproc.core.json_bytes import encode_json
from streamproc.core.ledger.entries import Entry, Kind
from streamproc.core.pnl.rates import RateSource
from streamproc.core.pnl.trades import Confidence
from streamproc.core.pnl.unread import Unread
from streamproc.core.result.composition import (
    Prices,
    WalletFacts,
    missing_wallets,
    token_records,
    wallet_record,
    wallet_row,
)
from streamproc.core.result.encoding import Outcome, bounded_result, whole_result
from streamproc.core.result.evidence_inputs import EvidenceInputs
from streamproc.core.result.wallet_analysis import History, Scope, analyze
from streamproc.core.similarity import SimilarityInputs
from streamproc.core.similarity.compare import compare
from streamproc.core.similarity.loose_groups import LooseGroup, loose_groups_json
from streamproc.events import (
    AnalysisCompleted,
    CohortCoverage,
    CohortFound,
    CohortMember,
    CohortOutsider,
    PublicError,
    ReadyWallet,
)
from tests.contract.valid import check_by_schema

if TYPE_CHECKING:
    from streamproc.result import KeptToken

DOCS = Path(__file__).parents[2] / "docs"
ANALYSIS = (DOCS / "analysis.md").read_text("utf-8")
RESULT = (DOCS / "result.md").read_text("utf-8")
PAGES = [
    DOCS / "analysis.md",
    DOCS / "result.md",
    DOCS / "glossary.md",
    *DOCS.glob("decisions/*.md"),
]
LINE_MAX = 160
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
ROW = re.compile(r"^\| (`.+?) \|", re.MULTILINE)
NAME = re.compile(r"`([a-z_0-9]+)(?:\[\]|\{\})?`")
KEYS_ARE_DATA = {
    "timings_ms",
    "tokens",
    "set.verdicts",
    "pairs[].null_scores",
    "wallets[].pnl.stable_net_flow",
    "wallets[].pnl.round_trips",
    "wallets[].pnl.tokens[].quotes",
}
WALLETS = [f"wallet{number:02}" for number in range(30)]
SOL = 10**9
COHORT = CohortFound(
    mint="R0",
    kind="holders",
    count=30,
    before=None,
    token_program="program",  # noqa: S106 - no secret
    decimals=6,
    slot=1,
    members=[CohortMember(wallet=each, amount="5") for each in WALLETS],
    outsiders=[CohortOutsider(address="pool", amount="9", kind="program", reason="no private key")],
    outsiders_total=1,
    coverage=CohortCoverage(state="whole", accounts=31),
)


def test_the_examples_of_the_page_are_what_the_core_answers() -> None:
    found = doctest.testfile(str(DOCS / "analysis.md"), module_relative=False)
    assert found.attempted > 40
    assert found.failed == 0


def test_every_section_about_figures_has_an_example() -> None:
    sections = SECTION.split(ANALYSIS)[1:]
    assert [
        name for name, text in zip(sections[::2], sections[1::2], strict=True) if ">>>" not in text
    ] == []


@pytest.mark.parametrize("words", [Kind, Confidence, RateSource, Unread])
def test_every_word_that_the_core_uses_is_defined(words: Any) -> None:  # noqa: ANN401
    assert [word.value for word in words if f"`{word.value}`" not in ANALYSIS] == []


def test_every_figure_of_behavior_is_defined() -> None:
    section = ANALYSIS.split("\n## Behavior\n")[1].split("\n## ")[0]
    named = set(re.findall(r"\b[a-z][a-z0-9_]*\b", " ".join(re.findall(r"`([^`]+)`", section))))
    assert _behavior_names(records.Behavior) - named == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_are_short_enough_to_read_side_by_side(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    assert [line for line in lines if len(line) > LINE_MAX] == []


def test_every_name_of_a_result_is_described_and_every_described_one_occurs() -> None:
    whole = json.loads(encode_json(whole_result(_outcome())))
    assert _described() == _occurring(_composed()) | _occurring(whole)


def test_a_real_result_is_one_by_the_schema() -> None:
    check_by_schema("AnalysisCompleted", _composed())


def test_the_example_of_a_result_is_one() -> None:
    report = json.loads((DOCS.parent / "tests/report/result.json").read_text("utf-8"))
    assert _occurring(report) - _described() == set()


def _behavior_names(record: type) -> set[str]:
    """The names of all fields of the record and of the records in it."""
    found: set[str] = set()
    for name, kind in get_type_hints(record).items():
        found.add(name)
        for part in (kind, *get_args(kind)):
            if is_dataclass(part) and isinstance(part, type):
                found |= _behavior_names(part) | {each.name for each in fields(part)}
    return found


def _described() -> set[str]:
    """The paths that the page describes: a section's place and the first cell of its rows."""
    parts = SECTION.split(RESULT)[1:]
    found: set[str] = set()
    for heading, text in zip(parts[::2], parts[1::2], strict=True):
        place = "" if heading == "Top" else heading.strip("`") + "."
        for cell in ROW.findall(text):
            found |= {place + name for name in NAME.findall(cell)}
    return found


def _occurring(result: dict[str, Any]) -> set[str]:
    """The paths at which the result has a field; keys that are data do not count."""
    found: set[str] = set()
    _walk(result, "", found)
    return found


def _walk(value: Any, place: str, found: set[str]) -> None:  # noqa: ANN401
    """Add the paths below this place."""
    if isinstance(value, list):
        for each in value:
            _walk(each, f"{place}[]", found)
    elif isinstance(value, dict) and place in KEYS_ARE_DATA:
        for each in value.values():
            _walk(each, f"{place}{{}}", found)
    elif isinstance(value, dict):
        for name, each in value.items():
            path = f"{place}.{name}" if place else name
            found.add(path)
            _walk(each, path, found)


def _composed() -> dict[str, Any]:
    """The event of that result, with cut rows."""
    value = bounded_result(_outcome(), max_pairs=100, max_tokens_per_wallet=50)
    result = AnalysisCompleted.model_validate_json(value).model_dump()
    assert result["truncated"]
    return result


def _outcome() -> Outcome:
    """A result of the core with everything in it: a cluster, a loose group, a failed wallet, stables."""
    facts = [_facts(number) for number in range(len(WALLETS))]
    facts.append(_failed("walletXX"))
    prices = Prices({mint: TokenPrice(mint, 1.5, 100.0) for mint in ("R0", WSOL)})
    rows = tuple(wallet_row(each, prices, EvidenceInputs()) for each in facts if each.is_compared)
    found = compare(SimilarityInputs(rows, "digest"))
    assert found.clusters
    loose = loose_groups_json([LooseGroup((0, 1, 2), (0,), 600, 9, 0.5, 0.001)], found.rows)
    tokens = token_records(["R0"], {"R0": TokenMetadata("R0", "R", "R", None, 6)}, prices, {})
    return Outcome(
        request_id="lab",
        engine_version="1",
        inputs_digest="digest",
        wallets=[{**wallet_record(each, prices, {WSOL: Fraction(150)})} for each in facts],
        pairs=[encode_json(pair) for pair in found.pairs],
        pairs_total=found.pairs_total,
        set_figures={**found.set, "loose_groups": loose},
        clusters=found.clusters,
        tokens={mint: {**token} for mint, token in tokens.items()},
        missing=[{**item} for each in facts for item in missing_wallets(each)],
        completed_at=1,
        duration_ms=1,
        credits_spent=1,
        timings_ms={"sync": 1},
        cohort={**COHORT.model_dump(mode="json"), "left_out": LEFT_OUT},
    )


def _facts(number: int) -> WalletFacts:
    """An analyzed wallet: the first two trade the same rare tokens, all trade popular ones."""
    wallet = WALLETS[number]
    chance = random.Random(number)  # noqa: S311 - no secret
    mints = chance.sample([f"P{each}" for each in range(12)], 3)
    mints += [f"R{each}" if number < 2 else f"{wallet}-{each}" for each in range(10)]
    entries = [_deal(wallet, place, mint) for place, mint in enumerate(mints)]
    history = History(wallet, entries, [(0, 10**6)], 10**6, defaultdict(lambda: 6))
    analysis = analyze(history, Scope())
    held: KeptToken = {"mint": "R0", "amount": "5", "decimals": 6, "accounts": 1, "frozen": False}
    return WalletFacts(
        wallet,
        ReadyWallet(outcome="analyzed", watermark_slot=10**6, balances="ok"),
        analysis.pnl,
        analysis.behavior,
        analysis.coverage,
        {"state": "ok", "lamports": 1, "tokens": [held], "fetched_at": 1},
    )


def _failed(wallet: str) -> WalletFacts:
    """A wallet whose history could not be had."""
    error = PublicError(code="upstream_unavailable", message="no answer")
    return WalletFacts(wallet, ReadyWallet(outcome="failed", error=error, balances="ok"))


def _deal(wallet: str, place: int, mint: str) -> Entry:
    """A buy for SOL; every fifth for USDC."""
    deltas = [(mint, 1_000)] + ([(USDC, -2_000_000)] if place % 5 == 0 else [])
    return Entry(
        signature=f"{wallet}-{place}",
        slot=place + 1,
        index=0,
        time=place * 60,
        failed=False,
        estimated=False,
        fee_payer=wallet,
        network_fee=5_000,
        sol_delta=-5_000 - (0 if place % 5 == 0 else SOL),
        tips=0,
        rent=0,
        kind=Kind.BUY,
        deltas=tuple(sorted(deltas)),
        routed_quote=None,
        counterparty=None,
    )
