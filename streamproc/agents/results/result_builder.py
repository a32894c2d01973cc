"""From a whole request to its result: facts from the store, prices and names beside the comparison, bytes last."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, cast

from streamproc import __version__, limits
from streamproc.agents.results.evidence_inputs import kept_evidence_inputs
from streamproc.agents.results.price_snapshot import (
    PRICES,
    SHARED_PRICES,
    kept_metadata,
    kept_prices,
)
from streamproc.core.chain.solana import EXCLUDED_MINTS, QUOTES
from streamproc.core.result.composition import Prices, comparable_prices
from streamproc.core.result.encoding import inputs_digest
from streamproc.core.result.evidence_inputs import unpacked
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streamproc.agents.results.analyst import Analyst
    from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
    from streamproc.core.result.pool_jobs import Compared, Survey
    from streamproc.events import AnalysisReady
    from streamproc.json_types import Json
    from streamproc.result import KeptBalances
    from streamproc.store import Store

T = TypeVar("T")
# Of the token that the wallets of a cohort were chosen by; the result says it.
LEFT_OUT: Final = (
    "every wallet was chosen because of this token, so that all share it: it counts in no score and no test of chance,"
    " and the wallets are held against others that traded it, not against strangers to it"
)


class Pool(Protocol):
    """Runs heavy pure work beside the event loop."""

    async def run(self, work: Callable[..., T], *values: object) -> T:
        """What the function returns."""


class TokenFacts(Protocol):
    """Names and prices from outside, bounded in time; what did not come is not in the answer."""

    async def prices(self, request_id: str, mints: Iterable[str]) -> dict[str, TokenPrice]:
        """Prices by mint."""

    async def metadata(self, request_id: str, mints: Iterable[str]) -> dict[str, TokenMetadata]:
        """Names by mint."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A result: the event's bounded JSON; for the store the whole of it as zlib, and every pair as columns."""

    event: bytes
    packed_result: bytes
    pairs: bytes
    completed_at_ms: int
    sentence: str = ""  # what was found, in words


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
        """Read from the store, ask `tokens`, do everything heavy in the pool."""
        self._store = store
        self._analyst = analyst
        self._tokens = tokens
        self._pool = pool
        self._clock_ms = clock_ms

    async def compose(self, ready: AnalysisReady) -> Composed:
        """The result of a request whose parts are all there."""
        started = time.monotonic()
        inputs, cohort = await self._inputs(ready), await self._cohort(ready)
        seen = await self._pool.run(survey, inputs)
        prices, evidence_inputs = await asyncio.gather(
            self._prices(ready, seen),
            kept_evidence_inputs(
                self._store,
                ready.request_id,
                seen,
                wallets=ready.wallets,
                excluded=_excluded(ready, cohort),
            ),
        )
        priced = time.monotonic()
        spec = _spec(ready, cohort, seen, prices, unpacked(evidence_inputs).digest)
        found, metadata, others = await asyncio.gather(
            self._pool.run(compared, inputs, prices, evidence_inputs, spec),
            self._metadata(ready, to_name(seen, prices)),
            self._prices_of_shared(ready, seen),
        )
        at = time.monotonic()
        spans = {"facts": priced - started, "compare": at - priced}
        enrichment = await self._enrichment(ready, seen, found, _both(prices, others), metadata)
        header = replace(await self._header(ready, spec.digest, spans), cohort=cohort)
        columns, found = found.columns, replace(found, columns=b"")
        sentence = str(found.set_figures["sentence"])
        event, packed_result = await self._pool.run(written, inputs, found, enrichment, header)
        return Composed(event, packed_result, columns, header.completed_at * 1000, sentence)

    async def _inputs(self, ready: AnalysisReady) -> list[WalletInputs]:
        """What is stored of every wallet, by address."""
        kept = await self._store.balances(ready.request_id)
        balances = cast("Mapping[str, KeptBalances]", kept)
        analyses = await self._analyst.analyses(ready)
        inputs = []
        for wallet, said in sorted(ready.wallets.items()):
            found = analyses.get(wallet)
            inputs.append(
                WalletInputs(
                    wallet=wallet,
                    ready=said,
                    pnl=found.pnl if found else None,
                    behavior=found.behavior if found else None,
                    coverage=found.coverage if found else None,
                    balances=None if said.outcome == "excluded" else balances.get(wallet),
                )
            )
        return inputs

    async def _cohort(self, ready: AnalysisReady) -> Json | None:
        """How the wallets were chosen, None for a list, and what that means for the comparison."""
        stored = await self._store.request(ready.request_id) if ready.is_cohort else None
        found = (stored.chosen or {}).get("found") if stored else None
        return None if found is None else {**found, "left_out": LEFT_OUT}

    async def _prices(self, ready: AnalysisReady, seen: Survey) -> Prices:
        """The prices that figures need, the same ones whenever it is composed; none without enrichment."""
        if not ready.options.enrich:
            return Prices()
        return Prices(await self._kept_prices(ready.request_id, PRICES, seen.to_price))

    async def _prices_of_shared(self, ready: AnalysisReady, seen: Survey) -> Prices:
        """The prices of tokens that several wallets traded and none has any more: worth knowing, in no figure."""
        if not ready.options.enrich:
            return Prices()
        priced = set(seen.to_price)
        others = [mint for mint in seen.shared if mint not in priced][: limits.SHARED_PRICED]
        return Prices(await self._kept_prices(ready.request_id, SHARED_PRICES, others))

    async def _kept_prices(
        self, request_id: str, name: str, mints: list[str]
    ) -> dict[str, TokenPrice]:
        """The prices that were kept under this name, asked for the first time."""
        return await kept_prices(
            self._store, request_id, name, lambda: self._tokens.prices(request_id, mints)
        )

    async def _metadata(
        self, ready: AnalysisReady, mints: list[str]
    ) -> Mapping[str, TokenMetadata]:
        """The names of what is held or shared, the same ones whenever; none without enrichment."""
        if not ready.options.enrich:
            return {}
        return await kept_metadata(
            self._store, ready.request_id, lambda: self._tokens.metadata(ready.request_id, mints)
        )

    async def _enrichment(
        self,
        ready: AnalysisReady,
        seen: Survey,
        found: Compared,
        prices: Prices,
        metadata: Mapping[str, TokenMetadata],
    ) -> Enrichment:
        """What is known beside the comparison."""
        return Enrichment(
            prices=prices,
            metadata=metadata,
            decimals=await self._store.decimals({*seen.held, *found.named}),
            is_enriched=ready.options.enrich,
            max_pairs=ready.options.max_pairs,
            max_tokens_per_wallet=ready.options.max_tokens_per_wallet,
        )

    async def _header(
        self, ready: AnalysisReady, digest: str, spans_s: Mapping[str, float]
    ) -> Header:
        """What the result says about its request, as of now."""
        now_ms = self._clock_ms()
        timings_ms = {"sync": max(0, ready.at * 1000 - ready.requested_at_ms)}
        timings_ms |= {name: round(span_s * 1000) for name, span_s in spans_s.items()}
        return Header(
            request_id=ready.request_id,
            engine_version=__version__,
            digest=digest,
            completed_at=now_ms // 1000,
            duration_ms=max(0, now_ms - ready.requested_at_ms),
            credits_spent=await self._store.credits_spent(ready.request_id),
            timings_ms=timings_ms,
        )


def _excluded(ready: AnalysisReady, cohort: Json | None) -> frozenset[str]:
    """The mints that are not compared: whoever was chosen by a token shares it, which says nothing."""
    chosen = ready.options.excluded_mints
    by = frozenset[str]() if cohort is None else frozenset({cohort["mint"]})
    return frozenset(EXCLUDED_MINTS if chosen is None else chosen) | QUOTES | by


def _both(prices: Prices, others: Prices) -> Prices:
    """Prices that figures rest on, and others beside them."""
    return Prices({**others.by_mint, **prices.by_mint})


def _spec(
    ready: AnalysisReady,
    cohort: Json | None,
    seen: Survey,
    prices: Prices,
    surroundings_digest: str,
) -> CompareSpec:
    """What is asked of the comparison; its digest covers everything that is compared."""
    options = ready.options
    inputs = {
        "wallets": seen.digest,
        "options": options.model_dump(mode="json"),
        "prices": comparable_prices(prices),
        "surroundings": surroundings_digest,
    }
    if cohort is not None:
        inputs["cohort"] = cohort
    return CompareSpec(
        digest=inputs_digest(inputs),
        rank_by=options.rank_by,
        excluded_mints=_excluded(ready, cohort),
        pairs=max(options.max_pairs, limits.PAIRS_STORED),
        pairs_in_event=options.max_pairs,
        chosen_by=None if cohort is None else cohort["mint"],
    )
