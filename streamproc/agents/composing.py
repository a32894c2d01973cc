"""From a whole request to its result: facts from the store, prices and names beside the comparison, bytes last."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from streamproc import __version__, limits
from streamproc.core.composition import (
    Prices,
    WalletFacts,
    comparable_inputs,
    mints_to_price,
    missing_records,
    token_records,
    wallet_record,
    wallet_row,
)
from streamproc.core.result import (
    Outcome,
    bounded_result,
    encode_json,
    inputs_digest,
    whole_result,
)
from streamproc.core.similarity import SimilarityInputs, compare
from streamproc.core.solana import EXCLUDED_MINTS, QUOTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streamproc.agents.analyst import Analyst
    from streamproc.core.similarity import Comparison
    from streamproc.core.tokens import TokenMetadata, TokenPrice
    from streamproc.events import AnalysisReady
    from streamproc.store import Store

T = TypeVar("T")


class Pool(Protocol):
    """Runs heavy pure work beside the event loop."""

    async def run(self, work: Callable[..., T], *values: Any) -> T:  # noqa: ANN401 - any function's
        """What the function returns."""


class TokenFacts(Protocol):
    """Names and prices from outside, bounded in time; what did not come is not in the answer."""

    async def prices(self, request_id: str, mints: Iterable[str]) -> dict[str, TokenPrice]:
        """Prices by mint."""

    async def metadata(self, request_id: str, mints: Iterable[str]) -> dict[str, TokenMetadata]:
        """Names by mint."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A result: the event's bounded JSON, and the whole of it for the store."""

    event: bytes
    whole: bytes
    completed_at_ms: int


class Composer:
    """Composes results; the same facts give the same bytes."""

    def __init__(
        self,
        *,
        store: Store,
        analyst: Analyst,
        tokens: TokenFacts,
        pool: Pool,
        clock_ms: Callable[[], int],
    ) -> None:
        """Read from the store, ask `tokens`, compare in the pool."""
        self._store = store
        self._analyst = analyst
        self._tokens = tokens
        self._pool = pool
        self._clock_ms = clock_ms

    async def compose(self, ready: AnalysisReady) -> Composed:
        """The result of a request whose parts are all there."""
        started = time.monotonic()
        facts = await self._facts(ready)
        prices = Prices(await self._prices(ready, facts))
        priced = time.monotonic()
        inputs, digest = self._inputs(ready, facts, prices)
        comparison, metadata = await asyncio.gather(
            self._pool.run(compare, inputs), self._metadata(ready, facts, inputs)
        )
        compared = time.monotonic()
        outcome = await self._outcome(
            ready, facts, prices, comparison=comparison, metadata=metadata, digest=digest
        )
        outcome = replace(
            outcome,
            timings_ms={
                "sync": max(0, ready.at * 1000 - ready.requested_at_ms),
                "facts": round((priced - started) * 1000),
                "compare": round((compared - priced) * 1000),
                "compose": round((time.monotonic() - compared) * 1000),
            },
        )
        event, whole = await self._pool.run(
            _encoded, outcome, ready.options.max_pairs, ready.options.max_tokens_per_wallet
        )
        return Composed(event, whole, outcome.completed_at * 1000)

    async def _facts(self, ready: AnalysisReady) -> list[WalletFacts]:
        """What is stored of every wallet, by address."""
        balances = await self._store.balances(ready.request_id)
        analyses = await self._analyst.analyses(ready)
        facts = []
        for wallet, said in sorted(ready.wallets.items()):
            found = analyses.get(wallet)
            facts.append(
                WalletFacts(
                    wallet=wallet,
                    ready=said,
                    pnl=found.pnl if found else None,
                    behavior=found.behavior if found else None,
                    coverage=found.coverage if found else None,
                    balances=None if said.outcome == "excluded" else balances.get(wallet),
                )
            )
        return facts

    async def _prices(
        self, ready: AnalysisReady, facts: list[WalletFacts]
    ) -> Mapping[str, TokenPrice]:
        """The prices that figures need; none when enrichment is not wanted."""
        if not ready.options.enrich:
            return {}
        return await self._tokens.prices(ready.request_id, mints_to_price(facts))

    def _inputs(
        self, ready: AnalysisReady, facts: list[WalletFacts], prices: Prices
    ) -> tuple[SimilarityInputs, str]:
        """What is compared, and the digest of everything that the result depends on."""
        options = ready.options
        excluded = EXCLUDED_MINTS if options.excluded_mints is None else options.excluded_mints
        digest = inputs_digest(comparable_inputs(facts, options.model_dump(mode="json"), prices))
        inputs = SimilarityInputs(
            wallets=tuple(wallet_row(each, prices) for each in facts if each.is_compared),
            inputs_digest=digest,
            excluded_mints=frozenset(excluded) | QUOTES,
            rank_by=options.rank_by,
            max_pairs=max(options.max_pairs, limits.PAIRS_STORED),
        )
        return inputs, digest

    async def _metadata(
        self, ready: AnalysisReady, facts: list[WalletFacts], inputs: SimilarityInputs
    ) -> Mapping[str, TokenMetadata]:
        """The names of what is held or shared; none when enrichment is not wanted."""
        if not ready.options.enrich:
            return {}
        mints = _held_mints(facts) | _shared_mints(inputs)
        return await self._tokens.metadata(ready.request_id, sorted(mints))

    async def _outcome(
        self,
        ready: AnalysisReady,
        facts: list[WalletFacts],
        prices: Prices,
        *,
        comparison: Comparison,
        metadata: Mapping[str, TokenMetadata],
        digest: str,
    ) -> Outcome:
        """Everything put together."""
        pairs = comparison.pairs[: ready.options.max_pairs]
        reported = {each["mint"] for pair in pairs for each in pair["top_shared"]}
        mints = _held_mints(facts) | reported
        decimals = await self._store.decimals(mints)
        tokens = token_records(mints, metadata, prices, decimals)
        exact = prices.exact()
        now_ms = self._clock_ms()
        return Outcome(
            request_id=ready.request_id,
            engine_version=__version__,
            inputs_digest=digest,
            wallets=[wallet_record(each, prices, exact) for each in facts],
            pairs=comparison.pairs,
            pairs_total=comparison.pairs_total,
            set_figures=comparison.set,
            clusters=comparison.clusters,
            tokens=tokens,
            missing=missing_records(facts, tokens if ready.options.enrich else {}),
            completed_at=now_ms // 1000,
            duration_ms=max(0, now_ms - ready.requested_at_ms),
            credits_spent=await self._store.credits_spent(ready.request_id),
        )


def _held_mints(facts: list[WalletFacts]) -> set[str]:
    """Every mint that a wallet holds, as far as that is known."""
    return {
        token["mint"]
        for each in facts
        if each.is_held_known and each.balances is not None
        for token in each.balances["tokens"]
    }


def _shared_mints(inputs: SimilarityInputs) -> set[str]:
    """The mints that two wallets or more have traded: only these can stand in a pair."""
    seen: set[str] = set()
    shared: set[str] = set()
    for wallet in inputs.wallets:
        traded = {row.mint for row in wallet.traded if row.trades} - inputs.excluded_mints
        shared |= traded & seen
        seen |= traded
    return shared


def _encoded(outcome: Outcome, max_pairs: int, max_tokens: int) -> tuple[bytes, bytes]:
    """The event's bytes and the whole result's."""
    event = bounded_result(outcome, max_pairs=max_pairs, max_tokens_per_wallet=max_tokens)
    return event, encode_json(whole_result(outcome))
