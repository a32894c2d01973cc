"""The sync agent: brings one wallet up to date, page by page into the store, then analyzes all that is known of it."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.agents.shared.handlers import public_error
from streamproc.agents.shared.outputs import store_output, stored_output
from streamproc.agents.shared.silence import with_silences
from streamproc.agents.shared.sync_progress import SyncProgress
from streamproc.core.fair_queue import Share
from streamproc.core.ledger.ranges import reach, tip
from streamproc.engine import failpoints
from streamproc.errors import (
    CreditBudgetExceededError,
    RequestEndedError,
    RequestError,
    StrategyUnsupportedError,
    TransientError,
    UpstreamUnavailableError,
    WalletError,
)
from streamproc.events import (
    Counts,
    Coverage,
    PublicError,
    WalletAnalyzed,
    WalletProgressed,
    WalletSyncRequested,
)
from streamproc.store import StoredPage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from streamproc.agents.lookups.lookups import Lookups
    from streamproc.agents.results.analyst import Analyst
    from streamproc.agents.shared.cancellation import Cancellations
    from streamproc.agents.shared.handlers import Said
    from streamproc.core.ledger.ranges import SlotRange
    from streamproc.fair_limiter import FairLimiter
    from streamproc.serde import Codec
    from streamproc.store import KnownWallet, Store, Synced, WalletAnalysis
    from streamproc.upstream.history.cursor import HistoryPage

log = logging.getLogger(__name__)


async def sync_wallet(
    event: WalletSyncRequested,
    *,
    store: Store,
    lookups: Lookups,
    analyst: Analyst,
    cancellations: Cancellations,
    limiter: FairLimiter,
    codec: Codec,
    clock_ms: Callable[[], int],
) -> AsyncIterator[Said]:
    """Say how far the wallet is while its pages come, then WalletAnalyzed: analyzed, failed or excluded.

    Each page is stored together with the slots that it closes, so a worker that dies here resumes where it stopped.
    What was said once is said again as it was, and asks the upstream nothing. Of a request that has ended nothing is
    said. As many wallets as `limiter` lets in are worked on at once.
    """
    name = f"wallet:{event.wallet}"
    said = await stored_output(store, event.request_id, name)
    if said is None:
        outcome: WalletAnalyzed | None = None
        async with limiter.hold(Share(event.tenant.encode(), event.request_id.encode())):
            with cancellations.watching(event.request_id):
                cancellations.check(event.request_id)
                steps = _steps(event, store=store, lookups=lookups, analyst=analyst)
                said_so_far = _noticing(event, steps, lookups, clock_ms)
                async with aclosing(steps), aclosing(said_so_far):
                    async for step in said_so_far:
                        if isinstance(step, WalletAnalyzed):
                            outcome = step
                        else:
                            yield step
        assert outcome is not None  # noqa: S101 - the steps end with it
        await store.settled([event.request_id])
        record = codec.encode(outcome, time_ms=clock_ms())
        said = await store_output(store, event.request_id, name, record)
    yield said


async def _noticing(
    event: WalletSyncRequested,
    steps: AsyncGenerator[WalletProgressed | WalletAnalyzed, None],
    lookups: Lookups,
    clock_ms: Callable[[], int],
) -> AsyncGenerator[WalletProgressed | WalletAnalyzed, None]:
    """The steps, and between them what the wallet waits for while nothing comes because the upstream pauses."""
    last = WalletProgressed(
        request_id=event.request_id, wallet=event.wallet, transactions=0, fraction=None
    )
    every_s = int(limits.PAUSE_TOLD_EVERY_S)
    async with aclosing(with_silences(steps, limits.PAUSE_TOLD_EVERY_S)) as heard:
        async for step in heard:
            if step is None and (notice := lookups.pause()) is not None:
                at = clock_ms() // 1000 // every_s * every_s
                yield last.model_copy(update={"notice": notice, "notice_at": at})
            elif step is not None:
                last = step if isinstance(step, WalletProgressed) else last
                yield step


async def _steps(
    event: WalletSyncRequested, *, store: Store, lookups: Lookups, analyst: Analyst
) -> AsyncGenerator[WalletProgressed | WalletAnalyzed, None]:
    """Progress, then the outcome; an error of the wallet or of the whole request is an outcome too."""
    try:
        known = await store.known_wallet(event.wallet)
        excluded = await lookups.why_excluded(event, is_known=known.synced is not None)
        if excluded is not None:
            yield _outcome(event, "excluded", error=excluded)
            return
        slot = 0
        async with aclosing(_synced(event, known, store=store, lookups=lookups)) as synced_so_far:
            async for step in synced_so_far:
                if isinstance(step, int):
                    slot = step
                else:
                    yield step
        analysis = await analyst.analyze(
            event.request_id, event.wallet, slot, event.options, is_new=known.synced is None
        )
        yield _analyzed(event, analysis)
    except (RequestEndedError, TransientError, failpoints.FailpointError):
        raise
    except RequestError as error:
        yield _outcome(event, "failed", error=public_error(error), fatal=True)
    except StrategyUnsupportedError as error:
        why = PublicError(code=UpstreamUnavailableError.code, message=f"no way to list it: {error}")
        yield _outcome(event, "failed", error=why)
    except WalletError as error:
        yield _outcome(event, "failed", error=public_error(error))
    except Exception:
        log.exception("wallet %s of request %s failed", event.wallet, event.request_id)
        why = PublicError(code="internal", message="a bug; the worker's log says more")
        yield _outcome(event, "failed", error=why)


async def list_anew(event: WalletSyncRequested, *, store: Store, lookups: Lookups) -> None:
    """Fetch and store what is missing of a wallet, and say nothing."""
    known = await store.known_wallet(event.wallet)
    async with aclosing(_synced(event, known, store=store, lookups=lookups)) as pages:
        async for _ in pages:
            pass


async def _synced(
    event: WalletSyncRequested, known: KnownWallet, *, store: Store, lookups: Lookups
) -> AsyncGenerator[WalletProgressed | int, None]:
    """Fetch and store what is missing, at most one progress record a second; a spent credit budget ends it early.

    Last comes the slot up to which the wallet is synced, if any is.
    """
    if known.synced is not None:
        yield known.synced.watermark_slot
        if await _is_fresh(event, known.synced, known.ranges, store):
            return
    sync_progress = SyncProgress(event, known.ranges)
    try:
        async with aclosing(lookups.history(event, known.ranges)) as pages:
            async for page in pages:
                await store.settled([event.request_id])
                await store.add_page(event.wallet, _stored(page))
                await failpoints.reach("mid-sync")
                if sync_progress.is_due(page):
                    yield sync_progress.progress()
    except CreditBudgetExceededError as error:
        log.info("wallet %s stops early: %s", event.wallet, error)
    newest = tip(sync_progress.covered)
    if newest is not None:
        yield await store.mark_synced(event.wallet, watermark_slot=newest, at_ms=known.at_ms)


def _stored(page: HistoryPage) -> StoredPage:
    """The page in the store's words."""
    return StoredPage(
        page.entries,
        page.closed,
        page.strategy,
        decimals=page.decimals,
        unreadable=page.unreadable,
        token_accounts=page.token_accounts,
    )


async def _is_fresh(
    event: WalletSyncRequested, synced: Synced, ranges: Sequence[SlotRange], store: Store
) -> bool:
    """Whether all that is wanted of the wallet was asked for since the request came, or recently enough for it."""
    oldest_ms = event.requested_at_ms - event.options.max_age_s * 1000
    if synced.at_ms < oldest_ms:
        return False
    newest = synced.watermark_slot
    lowest = reach(ranges, to_slot=newest)
    if lowest is None or lowest == 0:
        return lowest == 0
    wanted = event.options.max_transactions
    if wanted is None:
        return False
    # A walk that ended at its number holds part of the slot below its range.
    held = await store.count_entries(event.wallet, from_slot=lowest - 1, to_slot=newest)
    return held >= wanted


def _outcome(
    event: WalletSyncRequested, outcome: str, *, error: PublicError, fatal: bool = False
) -> WalletAnalyzed:
    """An outcome without an analysis."""
    return WalletAnalyzed.model_validate(
        {
            "request_id": event.request_id,
            "wallet": event.wallet,
            "outcome": outcome,
            "error": error,
            "fatal": fatal,
        }
    )


def _analyzed(event: WalletSyncRequested, analysis: WalletAnalysis) -> WalletAnalyzed:
    """The outcome of an analyzed wallet."""
    coverage = Coverage.model_validate(analysis.coverage)
    return WalletAnalyzed(
        request_id=event.request_id,
        wallet=event.wallet,
        outcome="analyzed",
        watermark_slot=analysis.watermark_slot,
        coverage=coverage,
        counts=Counts(
            transactions=coverage.transactions,
            trades=analysis.pnl["trades"],
            tokens=analysis.pnl["tokens_traded"],
        ),
    )
