"""`submit --estimate`: what a request will cost, from the store and a cheap probe; nothing is sent to Kafka."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc import limits
from streamproc.agents.lookups.excluded import excluded_wallets
from streamproc.cli.shared.environment import NO_STORE
from streamproc.cli.views.output import print_json, print_table
from streamproc.core.estimate import Estimate, Extent, estimate
from streamproc.store import open_store
from streamproc.upstream import open_upstream

if TYPE_CHECKING:
    from streamproc.events import AnalysisRequested
    from streamproc.settings import Settings
    from streamproc.store import Store
    from streamproc.upstream import Upstream


_AGAIN: Final = 3  # lists of a stored wallet by standard methods: its own, and its token accounts of two programs


class _Lease(NamedTuple):
    """Permits at once, and so far apart."""

    wait_s: float
    spacing_s: float


class Alone:
    """The rate and the credits of one command that shares them with nobody."""

    def __init__(self) -> None:
        """Nothing is spent."""
        self.spent = 0

    async def lease(self, _key_hash: str, _bucket: str, *, permits: int, rate: float) -> _Lease:
        """Permits as far apart as the rate says."""
        del permits
        return _Lease(0.0, 1 / rate)

    async def penalize(self, _key_hash: str, _bucket: str, *, pause_s: float = 0.0) -> None:
        """A call that was refused waits anyway."""

    async def reserve_credits(self, _request_id: str, _credit: int, _budget: int | None) -> bool:
        """A probe has no budget."""
        return True

    async def settle_credits(self, _request_id: str, *, reserved: int, spent: int) -> None:
        """Count what was spent."""
        del reserved
        self.spent += spent


async def estimated(settings: Settings, asked: AnalysisRequested) -> tuple[Estimate, int]:
    """What the request will take, and the credits that finding it out has cost.

    Wallets whose whole history is stored cost a page each, and those fresh enough none; all others are probed, and
    those among them that are stored in an older format are counted. The wallets of a cohort are chosen first, for what
    that costs; raises CohortError when there are none.
    """
    budget_store = Alone()
    took_s: list[float] = []
    async with open_upstream(settings, budget_store) as upstream:
        wallets = await _wallets(settings, upstream, asked)
        chosen_for = budget_store.spent
        known, outdated = await _known(settings, asked, wallets)
        gate = asyncio.Semaphore(limits.PROBES_AT_ONCE)
        probed = await asyncio.gather(
            *(
                _probed(upstream, wallet, asked, gate, took_s)
                for wallet in wallets
                if wallet not in known
            )
        )
    rate, _ = settings.rates
    found = estimate(
        [*known.values(), *(each._replace(is_outdated=each.wallet in outdated) for each in probed)],
        rate=rate * limits.RATE_SHARE,
        latency_s=sorted(took_s)[len(took_s) // 2] if took_s else limits.USUAL_LATENCY_S,
        cores=os.cpu_count() or 1,
    )
    if asked.cohort is not None:
        found = found._replace(
            credits=found.credits + chosen_for,
            cohort_wallets=len(wallets),
            cohort_credits=chosen_for,
        )
    return found, budget_store.spent


async def _wallets(settings: Settings, upstream: Upstream, asked: AnalysisRequested) -> list[str]:
    """The wallets that are listed, or those that the rule chooses now."""
    if asked.cohort is None:
        return asked.listed
    permit = upstream.permit("estimate", credit_budget=None, is_ended=lambda: False)
    operators = excluded_wallets(settings)
    found = await upstream.cohort(asked.cohort, permit=permit, operators=operators)
    return [each.wallet for each in found.members]


def print_estimate(found: Estimate, spent: int, *, as_json: bool) -> None:
    """A line of JSON, or a table."""
    if as_json:
        print_json({**found._asdict(), "probe_credits": spent})
        return
    remark = " (at least)" if found.is_least else "" if found.is_exact else " (extrapolated)"
    rows: list[tuple[str, object]] = []
    if found.cohort_wallets is not None:
        rows.append(("wallets that the rule chooses now", found.cohort_wallets))
        rows.append(("credits of choosing them, in the sum below", found.cohort_credits))
    rows += [
        ("transactions", f"{found.transactions}{remark}"),
        ("calls", found.calls),
        ("credits", found.credits),
        ("seconds", found.seconds),
        ("wallets stored in an older format, listed anew", found.outdated_wallets),
        ("credits that this estimate has cost", spent),
    ]
    print_table(["what", "estimate>"], rows)


async def _probed(
    upstream: Upstream,
    wallet: str,
    asked: AnalysisRequested,
    gate: asyncio.Semaphore,
    took_s: list[float],
) -> Extent:
    """What a probe says of a wallet, no more than is wanted of it."""
    permit = upstream.permit("estimate", credit_budget=None, is_ended=lambda: False)
    async with gate:
        began_s = time.monotonic()
        most = asked.max_transactions
        extent = await upstream.probe(wallet, permit=permit, max_transactions=most)
        took_s.append(time.monotonic() - began_s)
    if most is None or extent.transactions < most:
        return extent
    return extent._replace(transactions=most, is_capped=True)


async def _known(
    settings: Settings, asked: AnalysisRequested, wallets: list[str]
) -> tuple[dict[str, Extent], set[str]]:
    """The wallets whose whole history is stored (no page of a fresh one, else one), and those of an older format.

    None of either without a store.
    """
    is_standard = settings.history_source == "rpc"
    dsn = settings.postgres_dsn.get_secret_value()
    if dsn == NO_STORE:
        return {}, set()
    async with open_store(dsn, pool_size=1) as store:
        now_ms = await store.now_ms()
        found: dict[str, Extent] = {}
        outdated = set()
        for wallet in wallets:
            if await store.is_outdated(wallet):
                outdated.add(wallet)
            if await _is_whole(store, wallet):
                synced = await store.synced(wallet)
                age_ms = now_ms - synced.at_ms if synced else now_ms
                is_fresh = asked.max_age_s > 0 and age_ms <= asked.max_age_s * 1000
                found[wallet] = Extent(
                    wallet,
                    0,
                    is_exact=is_fresh,
                    is_new=False,
                    is_fresh=is_fresh,
                    listing_calls=_AGAIN if is_standard and not is_fresh else None,
                )
        return found, outdated


async def _is_whole(store: Store, wallet: str) -> bool:
    """Whether everything up to the last sync is stored."""
    ranges = await store.ranges(wallet)
    return len(ranges) == 1 and ranges[0].from_slot == 0
