"""The heavy stages of a result, each one call for a process pool: stored text in, plain data or bytes out.

Analyses travel as the text that the store keeps, and are read one wallet after the other, so that a thousand of them
are never decoded at once, nor on an event loop.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import msgspec

from streamproc.core.chain.solana import WSOL
from streamproc.core.comparison_inputs import WEEK_S, SimilarityInputs
from streamproc.core.json_bytes import encode_json
from streamproc.core.result.composition import (
    Prices,
    WalletFacts,
    comparable_record,
    missing_tokens,
    missing_wallets,
    token_records,
    wallet_record,
    wallet_row,
)
from streamproc.core.result.encoding import Outcome, bounded_result, inputs_digest, whole_result
from streamproc.core.result.evidence_inputs import unpacked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from streamproc.core.chain.tokens import TokenMetadata
    from streamproc.events import RankBy, ReadyWallet
    from streamproc.json_types import Json
    from streamproc.result import Behavior, CoverageRecord, KeptBalances, KeptToken, Pnl


_FAST: Final = 1  # zlib's level: five times smaller, at 100 MB a second


@dataclass(frozen=True, slots=True)
class WalletInputs:
    """Everything stored about one wallet of a request, analyses as JSON text."""

    wallet: str
    ready: ReadyWallet
    pnl: str | None = None
    behavior: str | None = None
    coverage: str | None = None
    balances: KeptBalances | None = None

    def facts(self) -> WalletFacts:
        """The same, decoded."""
        return WalletFacts(
            wallet=self.wallet,
            ready=self.ready,
            pnl=cast("Pnl | None", _decoded(self.pnl)),
            behavior=cast("Behavior | None", _decoded(self.behavior)),
            coverage=cast("CoverageRecord | None", _decoded(self.coverage)),
            balances=self.balances,
        )


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first look at all wallets says."""

    digest: str  # of everything that figures depend on beside options, prices and evidence inputs
    watermarks: dict[str, int]  # of the wallets that are compared
    whole: list[str]  # those whose history is known from its beginning
    traded: list[str]  # every mint traded, by address
    weeks: dict[int, int]  # how many tokens were traded for the first time in which week
    shared: list[
        str
    ]  # those that several wallets traded (only these can stand in a pair), by how many
    to_price: list[
        str
    ]  # SOL first, then by what the wallets have in it at cost, then by how many hold it
    held: dict[str, float]  # whole tokens held by all wallets together, by mint


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found, encoded."""

    pairs: list[bytes]  # JSON of the best pairs, in ranked order
    named: list[str]  # mints that stand in the pairs of the event
    pairs_total: int
    set_figures: Json
    clusters: list[Json]
    columns: bytes  # every pair; see core/result/pair_columns.py


@dataclass(frozen=True, slots=True)
class CompareSpec:
    """What is asked of a comparison, and what names its inputs."""

    digest: str
    rank_by: RankBy
    excluded_mints: frozenset[str]
    pairs: int  # so many with evidence
    pairs_in_event: int
    chosen_by: str | None = None  # the mint that the wallets were chosen by, which is not compared


@dataclass(frozen=True, slots=True)
class Enrichment:
    """What is known beside the comparison when a result is written."""

    prices: Prices
    metadata: Mapping[str, TokenMetadata]
    decimals: Mapping[str, int]
    is_enriched: bool
    max_pairs: int
    max_tokens_per_wallet: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a result says about its request."""

    request_id: str
    engine_version: str
    digest: str  # of what was compared; the result's also covers what tokens are called
    completed_at: int
    duration_ms: int
    credits_spent: int
    timings_ms: dict[str, int] = field(default_factory=dict)
    cohort: Json | None = None  # how the wallets were chosen


def survey(inputs: Sequence[WalletInputs]) -> Survey:
    """Look once at every wallet, in the order given (by address)."""
    digest = hashlib.sha256()
    seen = _Seen()
    for wallet_inputs in inputs:
        facts = wallet_inputs.facts()
        digest.update(encode_json(comparable_record(facts), sort=True))
        digest.update(f"{wallet_inputs.pnl}{wallet_inputs.behavior}".encode())
        seen.add(facts)
    compared = {
        each.wallet: each.ready.watermark_slot or 0
        for each in inputs
        if each.ready.outcome == "analyzed" and each.pnl is not None
    }
    return Survey(
        digest=digest.hexdigest(),
        watermarks=compared,
        whole=sorted(seen.whole & compared.keys()),
        traded=sorted(seen.traders),
        weeks=dict(sorted(seen.weeks.items())),
        shared=seen.shared(),
        to_price=seen.to_price(),
        held=dict(seen.held),
    )


class _Seen:
    """Sums over wallets while they are read."""

    def __init__(self) -> None:
        self.traders: defaultdict[str, int] = defaultdict(int)
        self.weeks: defaultdict[int, int] = defaultdict(int)
        self.whole: set[str] = set()
        self.held: defaultdict[str, float] = defaultdict(float)
        self._cost: defaultdict[str, int] = defaultdict(int)
        self._holders: defaultdict[str, int] = defaultdict(int)

    def add(self, facts: WalletFacts) -> None:
        """Count one wallet."""
        if facts.is_complete:
            self.whole.add(facts.wallet)
        for row in facts.pnl["tokens"] if facts.pnl else ():
            if row["trades"]:
                self.traders[row["mint"]] += 1
                if facts.is_compared and row["first_trade_at"] is not None:
                    self.weeks[row["first_trade_at"] // WEEK_S] += 1
            if row["open_amount"] != "0":
                self._cost[row["mint"]] += row["open_cost_lamports"] or 0
        if facts.is_held_known and facts.balances is not None:
            for token in facts.balances["tokens"]:
                self._holders[token["mint"]] += 1
                whole = 10 ** (
                    token["decimals"] or 0
                )  # for an order only: what is not known counts
                self.held[token["mint"]] += int(token["amount"]) / whole

    def shared(self) -> list[str]:
        """The mints that two wallets or more traded, by how many did, then by address."""
        found = (mint for mint, count in self.traders.items() if count > 1)
        return sorted(found, key=lambda mint: (-self.traders[mint], mint))

    def to_price(self) -> list[str]:
        """The mints whose price changes a figure, what matters most first."""
        mints = (self._cost.keys() | self._holders.keys()) - {WSOL}
        order = sorted(mints, key=lambda mint: (-self._cost[mint], -self._holders[mint], mint))
        return [WSOL, *order]


def to_name(survey: Survey, prices: Prices) -> list[str]:
    """The mints whose names are wanted: what is held or shared, in descending value, then by address."""
    value = {mint: amount * (prices.usd(mint) or 0.0) for mint, amount in survey.held.items()}
    mints = survey.held.keys() | set(survey.shared)
    return sorted(mints, key=lambda mint: (-value.get(mint, 0.0), mint))


def compared(
    inputs: Sequence[WalletInputs], prices: Prices, packed_inputs: bytes, spec: CompareSpec
) -> Compared:
    """Compare all wallets; see `similarity.compare`."""
    # What only the pool's processes need, which have it before they are asked.
    from streamproc.core.result.pair_columns import packed_columns, pair_columns  # noqa: PLC0415
    from streamproc.core.similarity import compare  # noqa: PLC0415

    evidence_inputs = unpacked(packed_inputs)
    rows = [
        wallet_row(facts, prices, evidence_inputs)
        for facts in (wallet_inputs.facts() for wallet_inputs in inputs)
        if facts.is_compared
    ]
    found = compare(
        SimilarityInputs(
            wallets=tuple(rows),
            inputs_digest=spec.digest,
            excluded_mints=spec.excluded_mints,
            rank_by=spec.rank_by,
            max_pairs=spec.pairs,
            background=evidence_inputs.background,
            transfers=evidence_inputs.transfers,
            counterparties=evidence_inputs.counterparties,
            known_wallets=evidence_inputs.known_wallets,
            chosen_by=spec.chosen_by,
        )
    )
    in_event = found.pairs[: spec.pairs_in_event]
    return Compared(
        pairs=[encode_json(pair) for pair in found.pairs],
        named=sorted({each["mint"] for pair in in_event for each in pair["top_shared"]}),
        pairs_total=found.pairs_total,
        set_figures=found.set,
        clusters=found.clusters,
        columns=packed_columns(pair_columns(found)),
    )


def written(
    inputs: Sequence[WalletInputs], found: Compared, enrichment: Enrichment, header: Header
) -> tuple[bytes, bytes]:
    """The result's JSON: the event's, bounded, and the whole of it, compressed by zlib for the store."""
    exact = enrichment.prices.exact()
    facts = list(_each(inputs))
    mints = {token["mint"] for each in facts for token in _tokens(each)} | set(found.named)
    tokens = token_records(mints, enrichment.metadata, enrichment.prices, enrichment.decimals)
    missing = [lack for each in facts for lack in missing_wallets(each)]
    if enrichment.is_enriched:
        missing += missing_tokens(tokens, enrichment.metadata.keys(), enrichment.prices)
    outcome = Outcome(
        request_id=header.request_id,
        engine_version=header.engine_version,
        inputs_digest=inputs_digest({"compared": header.digest, "tokens": tokens}),
        wallets=[{**wallet_record(each, enrichment.prices, exact)} for each in facts],
        pairs=found.pairs,
        pairs_total=found.pairs_total,
        set_figures=found.set_figures,
        clusters=found.clusters,
        tokens={mint: {**token} for mint, token in tokens.items()},
        missing=[{**lack} for lack in missing],
        completed_at=header.completed_at,
        duration_ms=header.duration_ms,
        credits_spent=header.credits_spent,
        timings_ms=header.timings_ms,
        cohort=header.cohort,
    )
    event = bounded_result(
        outcome,
        max_pairs=enrichment.max_pairs,
        max_tokens_per_wallet=enrichment.max_tokens_per_wallet,
    )
    return event, zlib.compress(encode_json(whole_result(outcome)), _FAST)


def _each(inputs: Sequence[WalletInputs]) -> Iterator[WalletFacts]:
    """The facts of each wallet."""
    return (wallet_inputs.facts() for wallet_inputs in inputs)


def _tokens(facts: WalletFacts) -> Collection[KeptToken]:
    """What the wallet holds, as far as that is known."""
    return facts.balances["tokens"] if facts.balances and facts.is_held_known else []


def _decoded(text: str | None) -> Json | None:
    """The JSON in a text."""
    return None if text is None else msgspec.json.decode(text, type=dict)
