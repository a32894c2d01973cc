"""Analyses of stored histories: computed once for a wallet, a slot and a scope, kept in the store, found again."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import orjson

from streamproc import __version__, limits
from streamproc.agents.results.price_history import PriceHistory
from streamproc.core.chain.solana import WSOL
from streamproc.core.formats import ANALYSIS_FORMAT
from streamproc.core.json_bytes import encode_json
from streamproc.core.ledger.ranges import union
from streamproc.core.pnl.rates import SolPrices
from streamproc.core.result.wallet_analysis import (
    Analysis,
    History,
    Scope,
    analyze,
    lacks_sol_price,
)
from streamproc.errors import StreamprocError
from streamproc.events import WalletSyncRequested
from streamproc.store import AnalysisTexts, WalletAnalysis
from streamproc.upstream.history.rpc_listing import METHOD as KNOWN_ONLY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamproc.agents.results.result_builder import Pool, TokenFacts
    from streamproc.events import AnalysisReady, Options
    from streamproc.result import Pnl
    from streamproc.store import Store

SOL_PRICE = "sol_usd"  # what a request's frozen price of SOL is kept under


class Analyst:
    """Analyzes wallets from what is stored; heavy ones in the process pool."""

    def __init__(
        self,
        *,
        store: Store,
        tokens: TokenFacts,
        pool: Pool,
        list_anew: Callable[[WalletSyncRequested], Awaitable[None]] | None = None,
        price_history: PriceHistory | None = None,
    ) -> None:
        """Read and keep in the store; `tokens` knows today's price of SOL, `price_history` those of the past.

        `list_anew` brings a wallet up to date whose history is stored in an older format.
        """
        self._store = store
        self._list_anew = list_anew
        self._tokens = tokens
        self._pool = pool
        self._past = price_history or PriceHistory()

    async def analyze(
        self,
        request_id: str,
        wallet: str,
        watermark_slot: int,
        options: Options,
        *,
        is_new: bool = False,
    ) -> WalletAnalysis:
        """Analyze the wallet up to this slot and keep the result; the same facts give the same analysis.

        One that is kept is used again when nothing has changed since, and it needs no price. Of a wallet that is new
        none is looked for.
        """
        scope = scope_of(options)
        present = None if is_new else await self._present(wallet, watermark_slot, scope)
        if present is not None and not (
            options.enrich and lacks_sol_price(cast("Pnl", present.pnl))
        ):
            return present
        history, revision = await history_of(self._store, wallet, watermark_slot)
        analysis, price = await self._priced(request_id, history, scope, enrich=options.enrich)
        kept = WalletAnalysis(
            wallet=wallet,
            watermark_slot=watermark_slot,
            pnl=analysis.pnl,
            behavior=analysis.behavior,
            coverage=analysis.coverage,
        )
        digest = self._digest(scope, price)
        await self._store.put_analysis(
            kept,
            options_digest=digest,
            engine_version=__version__,
            revision=revision,
        )
        await self._store.note_traded(wallet, watermark_slot, analysis.first_trades)
        return kept

    async def analyses(self, ready: AnalysisReady) -> dict[str, AnalysisTexts]:
        """The analyses that a request's wallets were said to have; made again where the store has none (any more)."""
        wanted = {
            wallet: said.watermark_slot
            for wallet, said in ready.wallets.items()
            if said.outcome == "analyzed" and said.watermark_slot is not None
        }
        scope = scope_of(ready.options)
        found: dict[str, AnalysisTexts] = {}
        for price in (await self._frozen_price(ready.request_id), None):
            left = {wallet: slot for wallet, slot in wanted.items() if wallet not in found}
            digest = self._digest(scope, price)
            if left:
                found |= await self._store.analysis_texts(
                    left, options_digest=digest, engine_version=__version__
                )
        for wallet in sorted(wanted.keys() - found.keys()):
            if await self._store.is_outdated(wallet):
                await self._brought_up_to_date(wallet, ready)
            made = await self.analyze(ready.request_id, wallet, wanted[wallet], ready.options)
            found[wallet] = _texts(made)
        return found

    async def _present(
        self, wallet: str, watermark_slot: int, scope: Scope
    ) -> WalletAnalysis | None:
        """The analysis that is kept, if nothing has changed since."""
        return await self._store.present_analysis(
            wallet,
            watermark_slot,
            options_digest=self._digest(scope, None),
            engine_version=__version__,
        )

    async def _brought_up_to_date(self, wallet: str, ready: AnalysisReady) -> None:
        """List a wallet again that an older worker has synced for this request."""
        if self._list_anew is None:
            raise StreamprocError(f"the history of {wallet} is stored in an older format")
        event = WalletSyncRequested(
            request_id=ready.request_id,
            wallet=wallet,
            options=ready.options,
            requested_at_ms=ready.requested_at_ms,
            deadline_at=ready.deadline_at,
        )
        await self._list_anew(event)

    async def _priced(
        self, request_id: str, history: History, scope: Scope, *, enrich: bool
    ) -> tuple[Analysis, str | None]:
        """The analysis, and today's price of SOL where it needs one, wants one, and somebody knows it."""
        analysis = await self._analyzed(history, scope, None)
        if not (analysis.lacks_sol_price and enrich):
            return analysis, None
        price = await self._sol_price(request_id)
        if price is None:
            return analysis, None
        return await self._analyzed(history, scope, price), price

    async def _analyzed(self, history: History, scope: Scope, price: str | None) -> Analysis:
        """The analysis, here or in the process pool."""
        prices = SolPrices(self._past.points, None if price is None else Fraction(price))
        if len(history.entries) <= limits.INLINE_ENTRIES:
            return analyze(history, scope, prices)
        return await self._pool.run(analyze, history, scope, prices)

    def _digest(self, scope: Scope, price: str | None) -> str:
        """See `scope_digest`."""
        return scope_digest(scope, price, self._past.digest)

    async def _sol_price(self, request_id: str) -> str | None:
        """Today's price of SOL in US dollars, one for the whole request, as text; None when nobody knows it."""
        frozen = await self._frozen_price(request_id)
        if frozen is not None:
            return frozen
        found = (await self._tokens.prices(request_id, [WSOL])).get(WSOL)
        if found is None or found.price_usd is None or found.price_usd <= 0:
            return None
        kept = await self._store.snapshot_once(
            request_id, SOL_PRICE, repr(found.price_usd).encode()
        )
        return kept.decode()

    async def _frozen_price(self, request_id: str) -> str | None:
        """The price of SOL that this request has used before."""
        kept = await self._store.snapshot(request_id, SOL_PRICE)
        return None if kept is None else kept.decode()


async def history_of(store: Store, wallet: str, watermark_slot: int) -> tuple[History, int]:
    """What is stored of the wallet up to this slot, and of which revision it is at least."""
    entries, ranges, unreadable = await store.stored_history(wallet, up_to_slot=watermark_slot)
    history = History(
        wallet=wallet,
        entries=entries,
        ranges=union((each.from_slot, each.to_slot) for each in ranges),
        watermark_slot=watermark_slot,
        decimals=entries.decimals,
        unreadable=unreadable,
        token_accounts="known" if any(each.strategy == KNOWN_ONLY for each in ranges) else "all",
    )
    return history, entries.revision


def _texts(analysis: WalletAnalysis) -> AnalysisTexts:
    """The analysis as the store has it."""
    parts = (analysis.pnl, analysis.behavior, analysis.coverage)
    pnl, behavior, coverage = (
        None if part is None else encode_json(part).decode() for part in parts
    )
    assert pnl is not None  # noqa: S101 - every analysis has both
    assert coverage is not None  # noqa: S101
    return AnalysisTexts(pnl, behavior, coverage)


def scope_of(options: Options) -> Scope:
    """What of a history a request wants analyzed."""
    return Scope(options.max_transactions, options.since, options.until)


def scope_digest(scope: Scope, price: str | None, price_history: str | None = None) -> str:
    """What tells analyses of the same history apart: the scope, and the prices of SOL where such were used.

    The format is in it, so that a worker from before formats neither finds nor replaces what this one keeps.
    """
    content = [ANALYSIS_FORMAT, scope.max_transactions, scope.since, scope.until, price]
    if price_history is not None:
        content.append(price_history)
    return hashlib.sha256(orjson.dumps(content)).hexdigest()[:32]
