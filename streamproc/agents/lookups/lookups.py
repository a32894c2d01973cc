"""What agents ask the upstream on behalf of one request: with its permit, from the cache first, bounded in time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from streamproc import limits
from streamproc.agents.lookups.excluded import excluded_wallets
from streamproc.agents.lookups.quotas import DailyCredits
from streamproc.agents.lookups.singleflight import Singleflight
from streamproc.agents.lookups.wallet_check import WalletCheck
from streamproc.core.chain.solana import TOKEN_PROGRAMS
from streamproc.core.quotas import NO_QUOTAS
from streamproc.errors import (
    RequestEndedError,
    StreamprocError,
    TransientError,
    UpstreamInconsistentError,
)
from streamproc.events import Options, PublicError
from streamproc.fair_limiter import CURRENT_REQUEST
from streamproc.store import HeldHistory
from streamproc.upstream import open_upstream
from streamproc.upstream.client.calls import PLAIN_CREDITS

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Iterable,
        Mapping,
        Sequence,
    )

    from streamproc.agents.shared.cancellation import Cancellations
    from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
    from streamproc.core.ledger.ranges import SlotRange
    from streamproc.core.quotas import Quotas
    from streamproc.events import (
        BalanceFetchRequested,
        CohortFound,
        CohortRequested,
        WalletSyncRequested,
    )
    from streamproc.settings import Settings
    from streamproc.store import Store
    from streamproc.upstream import HistoryPage, Permit, Run, Upstream, WalletBalances

log = logging.getLogger(__name__)
T = TypeVar("T")
Json = dict[str, object]


class FetchedBalances(NamedTuple):
    """A request's balances: each wallet's record as it is kept, and the errors of the failed ones."""

    records: dict[str, Json]
    errors: dict[str, PublicError]


class Lookups:
    """The questions of the agents."""

    def __init__(
        self,
        *,
        upstream: Upstream,
        store: Store,
        cancellations: Cancellations,
        excluded: frozenset[str],
        clock_ms: Callable[[], int],
        quotas: Quotas = NO_QUOTAS,
    ) -> None:
        """`excluded` are the operator's addresses that are never analyzed, `quotas` what tenants may spend.

        `clock_ms` is the database's clock.
        """
        self._clock_ms = clock_ms
        self._daily = DailyCredits(store, quotas)
        self._upstream = upstream
        self._store = store
        self._cancellations = cancellations
        self._excluded = excluded
        self._wallet_check = WalletCheck(store)
        self._prices: Singleflight[TokenPrice] = Singleflight()
        self._names: Singleflight[TokenMetadata] = Singleflight()

    def permit(
        self, request_id: str, options: Options | None = None, patience_s: float = 0.0
    ) -> Permit:
        """The permit of one request: not after its end, not past its and its tenant's credits, not above the rate."""
        tenant = CURRENT_REQUEST.get().tenant.decode("ascii", "replace")
        return self._upstream.permit(
            request_id,
            credit_budget=options.credit_budget if options else None,
            is_ended=lambda: self._cancellations.has_ended(request_id),
            patience_s=patience_s,
            tenant=tenant,
            may_spend=partial(self._daily.check, tenant),
        )

    def pause(self) -> str | None:
        """What keeps the upstream's answers from coming and since when; None while all is well."""
        return self._upstream.pause()

    def _waiting(
        self,
        event: WalletSyncRequested | BalanceFetchRequested | CohortRequested,
        options: Options,
    ) -> Permit:
        """The permit of work that waits for the upstream nearly up to the deadline, by the database's clock."""
        left_s = event.deadline_at - self._clock_ms() / 1000
        return self.permit(event.request_id, options, left_s - limits.DEADLINE_SPARE_S)

    async def why_excluded(
        self, event: WalletSyncRequested, *, is_known: bool
    ) -> PublicError | None:
        """Why the address is not analyzed: it is on the operator's list, or no wallet; None when it is one.

        A wallet that is known, for it has been synced before, is not asked about again.
        """
        if event.wallet in self._excluded:
            return PublicError(code="excluded", message="on the operator's list")
        if is_known:
            return None
        permit = self._waiting(event, event.options)
        account = await self._wallet_check.of(
            event.request_id,
            event.wallet,
            lambda wallets: self._upstream.accounts(wallets, permit=permit),
        )
        if account.is_odd:
            raise UpstreamInconsistentError("the wallet's account cannot be read")
        if account.is_wallet:
            return None
        what = "a program" if account.is_executable else "an account of a token program"
        return PublicError(code="excluded", message=f"no wallet: {what}")

    async def history(
        self, event: WalletSyncRequested, ranges: Sequence[SlotRange]
    ) -> AsyncGenerator[HistoryPage, None]:
        """The pages of the wallet's history beside these ranges, which are stored.

        To be closed by who may stop before the end.
        """
        pages = self._upstream.history(
            event.wallet,
            permit=await self._leaving_room(event),
            held=HeldHistory(self._store, event.wallet, ranges),
            max_transactions=event.options.max_transactions,
        )
        async with aclosing(pages):
            async for page in pages:
                yield page

    async def _leaving_room(self, event: WalletSyncRequested) -> Permit:
        """The permit of a history, which never sets aside the credits that accounts and balances will cost.

        Without these there is no result at all, while a history may end early.
        """
        options, budget = event.options, event.options.credit_budget
        wallets = None if budget is None else await self._store.count_wallets(event.request_id)
        if budget is not None and wallets is not None:
            left = max(0, budget - unavoidable_credits(wallets))
            options = options.model_copy(update={"credit_budget": left})
        return self._waiting(event, options)

    async def balances(self, event: BalanceFetchRequested) -> FetchedBalances:
        """Every wallet's present balances; raises RequestError when no wallet can be asked."""
        found = await self._upstream.balances(
            event.wallets,
            permit=self._waiting(event, event.options),
            include_oversized=event.options.include_oversized,
            known_oversized=await self._store.oversized(event.wallets),
        )
        fetched_at = self._clock_ms() // 1000
        for wallet, each in found.items():
            if each.state == "oversized":
                await self._store.mark_oversized(wallet, for_s=limits.OVERSIZED_KEPT_S)
        return FetchedBalances(
            records={wallet: _record(each, fetched_at) for wallet, each in found.items()},
            errors={
                wallet: PublicError(code=each.error.code, message=str(each.error)[:500])
                for wallet, each in found.items()
                if each.error is not None
            },
        )

    async def cohort(self, event: CohortRequested) -> CohortFound:
        """The wallets of a request's cohort, as they are now; of its budget what they will cost at least is left."""
        options, budget = event.options, event.options.credit_budget
        if budget is not None:
            left = max(0, budget - unavoidable_credits(event.cohort.count))
            options = options.model_copy(update={"credit_budget": left})
        return await self._upstream.cohort(
            event.cohort, permit=self._waiting(event, options), operators=self._excluded
        )

    async def prices(self, request_id: str, mints: Iterable[str]) -> dict[str, TokenPrice]:
        """Prices by mint, at most two minutes old, asked for in their order; what did not come in time is missing."""
        wanted = list(dict.fromkeys(mints))
        known = await self._store.prices(wanted, max_age_s=limits.PRICES_KEPT_S)
        missing = [mint for mint in wanted if mint not in known]
        permit = self.permit(request_id)
        found = await _collected(
            self._prices.parts(missing, lambda asked: self._upstream.prices(asked, permit=permit)),
            self._store.put_prices,
        )
        return {**known, **found}

    async def metadata(self, request_id: str, mints: Iterable[str]) -> dict[str, TokenMetadata]:
        """Names by mint, at most a week old, asked for in their order; what did not come in time is missing."""
        wanted = list(dict.fromkeys(mints))
        known = await self._store.metadata(wanted, max_age_s=limits.METADATA_KEPT_S)
        missing = [mint for mint in wanted if mint not in known]
        permit = await self._budgeted(request_id)  # unlike prices, names cost credits
        found = await _collected(
            self._names.parts(missing, lambda asked: self._upstream.metadata(asked, permit=permit)),
            self._store.put_metadata,
        )
        return {**known, **found}

    async def _budgeted(self, request_id: str) -> Permit:
        """The permit of a request whose options are in the store."""
        stored = await self._store.request(request_id)
        return self.permit(request_id, Options.model_validate(stored.options) if stored else None)


async def _collected(
    parts: AsyncGenerator[dict[str, T], None], keep: Callable[[list[T]], Awaitable[None]]
) -> dict[str, T]:
    """What came in time, kept; enrichment never fails an analysis.

    Passed on are a request's end, and that the store is away: then the record is tried again.
    """
    found: dict[str, T] = {}
    try:
        async with asyncio.timeout(limits.ENRICHMENT_S), aclosing(parts):
            async for part in parts:
                found |= part
    except TimeoutError:
        log.info("enrichment ended after %.0f s with %d answers", limits.ENRICHMENT_S, len(found))
    except (RequestEndedError, TransientError):
        raise
    except StreamprocError as error:
        log.warning("enrichment ended: %s", error)
    except Exception:
        log.exception("enrichment ended by a bug")
    try:
        await keep(list(found.values()))
    except (RequestEndedError, TransientError):
        raise
    except Exception:
        log.exception("names or prices cannot be kept")
    return found


def unavoidable_credits(wallets: int) -> int:
    """What a request of so many new wallets costs beside histories and names: accounts, and lists of two programs.

    >>> unavoidable_credits(2)
    7
    """
    calls = wallets * (1 + len(TOKEN_PROGRAMS)) + -(-wallets // limits.ACCOUNTS_PER_CALL)
    return calls * PLAIN_CREDITS


def _record(found: WalletBalances, fetched_at: int) -> Json:
    """A wallet's balances as they are kept; what is not known is null, not empty."""
    balances = found.balances
    tokens: list[Mapping[str, object]] = [
        {
            "mint": holding.mint,
            "amount": str(holding.amount),
            "decimals": holding.decimals,
            "accounts": holding.accounts,
            "frozen": holding.is_frozen,
        }
        for holding in (balances.tokens if balances else ())
    ]
    return {
        "state": found.state,
        "lamports": balances.lamports if balances else None,
        "tokens": tokens,
        "fetched_at": fetched_at,
    }


@asynccontextmanager
async def open_lookups(
    settings: Settings,
    store: Store,
    cancellations: Cancellations,
    run: Run,
    *,
    clock_ms: Callable[[], int],
    quotas: Quotas = NO_QUOTAS,
) -> AsyncIterator[Lookups]:
    """The questions, as long as the block runs; `run` reads large answers in a process of its own.

    `clock_ms` is the database's clock.
    """
    async with open_upstream(settings, store, run=run) as upstream:
        yield Lookups(
            upstream=upstream,
            store=store,
            cancellations=cancellations,
            excluded=excluded_wallets(settings),
            clock_ms=clock_ms,
            quotas=quotas,
        )
