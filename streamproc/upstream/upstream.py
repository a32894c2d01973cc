"""The services streamproc asks, behind one object whose methods are the questions that agents have."""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from streamproc.errors import CreditBudgetExceededError
from streamproc.upstream.accounts.accounts import Account, accounts
from streamproc.upstream.accounts.token_accounts import TokenAccounts
from streamproc.upstream.accounts.wallet_balances import WalletBalances, wallet_balances
from streamproc.upstream.client.clock import Timing, real_timing
from streamproc.upstream.client.connections import make_client
from streamproc.upstream.client.http import Wire
from streamproc.upstream.client.permits import BudgetStore, RateLimit, RequestPermit
from streamproc.upstream.client.retry import Caller, Run, run_here
from streamproc.upstream.cohorts.choice import choose_cohort
from streamproc.upstream.history.enhanced_listing import EnhancedHistory
from streamproc.upstream.history.full_listing import FullHistory
from streamproc.upstream.history.probe import probe
from streamproc.upstream.history.rpc_listing import RpcHistory
from streamproc.upstream.history.sync import Held, Histories, NothingHeld
from streamproc.upstream.token_facts import metadata, prices

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Collection,
        Iterable,
        Mapping,
        Sequence,
    )

    import httpx

    from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
    from streamproc.core.estimate import Extent
    from streamproc.events import Cohort, CohortFound
    from streamproc.settings import Settings
    from streamproc.upstream.client.calls import Bucket, Permit
    from streamproc.upstream.history.cursor import HistoryPage, Lister


class Upstream:
    """Histories, balances, names and prices. Every call needs a permit, which speaks for one request."""

    def __init__(
        self,
        settings: Settings,
        client: httpx.AsyncClient,
        budget_store: BudgetStore,
        timing: Timing,
        run: Run = run_here,
    ) -> None:
        """Ask the services of the settings; the budget store keeps rates and credits, `run` reads large answers."""
        self._timing = timing
        self._rpc_url = settings.helius_rpc_url
        self._prices_url = settings.dexscreener_url
        self._budget_store = budget_store
        self._rate = RateLimit(
            budget_store, keys=_keys(settings), rates=_rates(settings), timing=timing
        )
        wire = Wire(
            client,
            settings.helius_api_key,
            keyed_hosts=settings.keyed_hosts(),
            secrets=settings.secrets(),
        )
        self._caller = Caller(wire, self._rate, timing, run)
        self._tokens = TokenAccounts(self._caller, self._rpc_url)
        per_s, _ = settings.rates
        self._standard = RpcHistory(self._caller, self._rpc_url, timing, per_s=per_s)
        self._is_standard = settings.history_source == "rpc"
        self._histories = Histories(self._listers(settings), timing)

    def permit(
        self,
        request_id: str,
        *,
        credit_budget: int | None,
        is_ended: Callable[[], bool],
        patience_s: float = 0.0,
        tenant: str = "",
        may_spend: Callable[[], Awaitable[None]] | None = None,
    ) -> Permit:
        """The permit of one request, which waits so long from now for services that answer nobody.

        `may_spend` is asked before each call that costs credits, and raises when no more may be spent.
        """
        return RequestPermit(
            self._rate,
            self._budget_store,
            request_id,
            credit_budget,
            is_ended,
            self._timing.now_s() + patience_s,
            tenant,
            may_spend,
        )

    def pause(self) -> str | None:
        """What keeps calls from being answered and since when, in a sentence; None while all is well."""
        return self._caller.conditions.pause()

    def history(
        self,
        wallet: str,
        *,
        permit: Permit,
        held: Held | None = None,
        max_transactions: int | None = None,
    ) -> AsyncGenerator[HistoryPage, None]:
        """The pages of the wallet's history that are not held yet; see `history.Histories.walk`.

        To be closed (`contextlib.aclosing`) by a caller that may stop early: fetchers of a long history are at work.

        Raises WalletError when this wallet cannot be finished, RequestError when no wallet of the request can; pages
        that came before that are good.
        """
        return self._histories.walk(
            wallet, held or NothingHeld(), max_transactions=max_transactions, permit=permit
        )

    async def probe(
        self, wallet: str, *, permit: Permit, max_transactions: int | None = None
    ) -> Extent:
        """How long the wallet's history is, or may be; see `probe.probe`, or `RpcHistory.extent` with that source."""
        if self._is_standard:
            return await self._standard.extent(wallet, permit, max_transactions)
        return await probe(self._caller, self._rpc_url, wallet, permit)

    async def accounts(self, addresses: Sequence[str], *, permit: Permit) -> dict[str, Account]:
        """Each address's account now; `is_wallet` says whether it can be one."""
        return await accounts(self._caller, self._rpc_url, addresses, permit)

    async def balances(
        self,
        wallets: Sequence[str],
        *,
        permit: Permit,
        include_oversized: bool = False,
        known_oversized: Collection[str] = (),
    ) -> dict[str, WalletBalances]:
        """Each wallet's balances, a failure being the wallet's own; see `wallet_balances`."""
        return await wallet_balances(
            self._caller,
            self._rpc_url,
            self._tokens,
            wallets,
            permit,
            include_oversized=include_oversized,
            known_oversized=known_oversized,
        )

    async def cohort(
        self, cohort: Cohort, *, permit: Permit, operators: Collection[str] = ()
    ) -> CohortFound:
        """The wallets of a rule as they are now; see `choose_cohort`."""
        return await choose_cohort(self._caller, self._rpc_url, cohort, permit, operators)

    def metadata(
        self, mints: Iterable[str], *, permit: Permit
    ) -> AsyncIterator[dict[str, TokenMetadata]]:
        """The names of mints, call by call; ends early when the upstream fails."""
        return metadata(self._caller, self._rpc_url, mints, permit)

    def prices(
        self, mints: Iterable[str], *, permit: Permit
    ) -> AsyncIterator[dict[str, TokenPrice]]:
        """The prices of mints, call by call; ends early when the service fails."""
        return prices(self._caller, self._prices_url, mints, permit)

    def _listers(self, settings: Settings) -> list[Lister]:
        """The ways of listing that the settings allow, the best first."""
        listers: dict[str, Lister] = {
            "gtfa": FullHistory(self._caller, self._rpc_url),
            "enhanced": EnhancedHistory(self._caller, settings.helius_api_url, self._decimals),
            "rpc": self._standard,
        }
        source = settings.history_source
        return list(listers.values()) if source == "auto" else [listers[source]]

    async def _decimals(self, mints: Sequence[str], permit: Permit) -> Mapping[str, int]:
        """The decimals of mints that no balance names, as far as the credits go: the page itself is paid for."""
        found: dict[str, int] = {}
        with suppress(CreditBudgetExceededError):
            async for part in self.metadata(mints, permit=permit):
                found |= {
                    mint: each.decimals for mint, each in part.items() if each.decimals is not None
                }
        return found


@asynccontextmanager
async def open_upstream(
    settings: Settings,
    budget_store: BudgetStore,
    *,
    run: Run = run_here,
    timing: Timing | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Upstream]:
    """The upstream as long as the block runs; `budget_store` is the store, `run` a process pool's.

    `timing` and `transport` are for tests.
    """
    bases = settings.helius_rpc_url, settings.helius_api_url, settings.dexscreener_url
    async with make_client(*bases, transport=transport) as client:
        yield Upstream(settings, client, budget_store, timing or real_timing(), run)


def _keys(settings: Settings) -> dict[Bucket, str]:
    """Whose rate each bucket is: the key's digest, or the service that needs none."""
    key = settings.helius_api_key.get_secret_value() if settings.helius_api_key else ""
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return {"rpc": digest, "enhanced": digest, "prices": "prices"}


def _rates(settings: Settings) -> dict[Bucket, float]:
    """Calls a second by bucket."""
    rpc, enhanced = settings.rates
    return {"rpc": rpc, "enhanced": enhanced, "prices": settings.price_rpm / 60}
