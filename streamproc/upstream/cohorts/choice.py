"""A cohort, chosen: who the wallets of a rule are now, who was left out and why, and what that rests on."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.core.chain.solana import QUOTES
from streamproc.core.cohort.buyers import FirstBuyers
from streamproc.core.cohort.holders import Holdings
from streamproc.errors import CohortError
from streamproc.events import CohortFound, CohortMember, CohortOutsider
from streamproc.upstream.cohorts.buyers import history_coverage, read_purchases
from streamproc.upstream.cohorts.holders import holdings_coverage, read_holdings
from streamproc.upstream.cohorts.mint_accounts import MintAccounts
from streamproc.upstream.cohorts.mints import mint_at
from streamproc.upstream.cohorts.selection import Members, Selection

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Mapping

    from streamproc.core.cohort.buyers import Purchase
    from streamproc.events import Cohort, CohortCoverage
    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.retry import Caller
    from streamproc.upstream.cohorts.buyers import HistoryReading
    from streamproc.upstream.cohorts.mints import Mint


async def choose_cohort(
    caller: Caller, rpc_url: str, cohort: Cohort, permit: Permit, operators: Collection[str]
) -> CohortFound:
    """The wallets of the rule, as they are now.

    `operators` are the addresses that the operator has never analyzed. Raises CohortError when there is no such mint
    (`unknown_mint`, `not_a_mint`), when nobody is found (`no_holders`, `no_buyers`) or the upstream cannot tell
    (`cohort_unsupported`), and whatever a call raises.
    """
    mint = await mint_at(caller, rpc_url, cohort.mint, permit)
    selection = Selection(caller, rpc_url, permit, operators)
    if cohort.kind == "holders":
        asked = MintAccounts(caller, rpc_url, mint, permit)
        return await _holders(cohort, mint, asked, selection)
    if mint.address in QUOTES:
        why = f"{mint.address} is what tokens are paid in: it is exchanged, not bought"
        raise CohortError("not_a_token", why)
    assert cohort.before is not None  # noqa: S101 - the request's model asks for it
    buyers = FirstBuyers(cohort.before)
    pages = read_purchases(
        caller, rpc_url, mint.address, permit, buyers, before=cohort.before, count=cohort.count
    )
    return await _buyers(cohort, mint, buyers, pages, selection)


async def _holders(
    cohort: Cohort, mint: Mint, asked: MintAccounts, selection: Selection
) -> CohortFound:
    """The largest holders that are wallets."""
    holdings, calls_max = Holdings(), limits.COHORT_BASE_CALLS + cohort.count
    units: dict[str, int] = {}
    chosen = Members([], [])
    async with aclosing(read_holdings(asked, holdings, calls_max)) as readings:
        async for reading in readings:
            units = dict(holdings.ranked())
            is_last = reading.least is None or reading.is_bounded
            if not is_last and selection.possible(list(units)) < cohort.count:
                continue
            chosen = await selection.of(list(units), cohort.count)
            if is_last or len(chosen.members) == cohort.count:
                break
    if not chosen.members:
        raise CohortError("no_holders", f"no wallet holds any of {mint.address}")
    members = [CohortMember(wallet=each, amount=str(units[each])) for each in chosen.members]
    coverage = holdings_coverage(reading, len(holdings), asked.calls)
    return _found(cohort, mint, members, _outsiders(chosen, units), coverage)


async def _buyers(
    cohort: Cohort,
    mint: Mint,
    buyers: FirstBuyers,
    pages: AsyncGenerator[HistoryReading, None],
    selection: Selection,
) -> CohortFound:
    """The first buyers that are wallets."""
    first: dict[str, Purchase] = {}
    chosen = Members([], [])
    async with aclosing(pages) as readings:
        async for reading in readings:
            first = {each.wallet: each for each in buyers.ranked()}
            is_last = reading.is_over or reading.is_bounded
            if not is_last and selection.possible(list(first)) < cohort.count:
                continue
            chosen = await selection.of(list(first), cohort.count)
            if is_last or len(chosen.members) == cohort.count:
                break
    if not chosen.members:
        why = f"no wallet bought {mint.address} before {cohort.before} in {reading.transactions} transactions"
        raise CohortError("no_buyers", why)
    members = [
        CohortMember(
            wallet=each.wallet,
            amount=str(each.units),
            signature=each.signature,
            slot=each.slot,
            at=each.at,
        )
        for each in (first[wallet] for wallet in chosen.members)
    ]
    coverage = history_coverage(reading, is_enough=len(members) == cohort.count)
    outsiders = _outsiders(chosen, {wallet: each.units for wallet, each in first.items()})
    return _found(cohort, mint, members, outsiders, coverage)


def _outsiders(chosen: Members, units: Mapping[str, int]) -> list[CohortOutsider]:
    """Who was left out, and why."""
    return [
        CohortOutsider(
            address=address, amount=str(units[address]), kind=why.kind, reason=why.reason
        )
        for address, why in chosen.outsiders
    ]


def _found(
    cohort: Cohort,
    mint: Mint,
    members: list[CohortMember],
    outsiders: list[CohortOutsider],
    coverage: CohortCoverage,
) -> CohortFound:
    """What was chosen, as it is kept and published."""
    return CohortFound(
        mint=mint.address,
        kind=cohort.kind,
        count=cohort.count,
        before=cohort.before,
        token_program=mint.program,
        decimals=mint.decimals,
        slot=mint.slot,
        members=members,
        outsiders=outsiders[: limits.COHORT_OUTSIDERS_NAMED],
        outsiders_total=len(outsiders),
        coverage=coverage,
    )
