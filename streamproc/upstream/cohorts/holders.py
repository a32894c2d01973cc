"""The largest holders of a mint: read as a whole where it is small, from the largest accounts down where it is not."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from streamproc import limits
from streamproc.core.cohort.bands import descending_bands
from streamproc.errors import UpstreamTimeoutError
from streamproc.events import CohortCoverage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from streamproc.core.cohort.bands import Band
    from streamproc.core.cohort.holders import HeldAccount, Holdings
    from streamproc.upstream.cohorts.mint_accounts import MintAccounts


class Reading(NamedTuple):
    """What has been read so far: `least` is None once every account has been, else all with so many units were."""

    least: int | None
    is_bounded: bool = False


async def read_holdings(
    asked: MintAccounts, holdings: Holdings, calls_max: int
) -> AsyncGenerator[Reading, None]:
    """Fill the holdings, from the largest accounts down, and say after each step what has been read.

    Whoever has enough stops. After so many calls it ends, bounded, wherever it is.
    """
    if await _read_whole(asked, holdings):
        yield Reading(None)
        return
    least, bands = None, descending_bands(await asked.largest())
    while group := list(islice(bands, limits.COHORT_BANDS_AT_ONCE)):
        is_bounded = asked.calls + len(group) > calls_max
        if not is_bounded:
            await asyncio.gather(*(_read_band(asked, holdings, band, calls_max) for band in group))
            is_bounded = asked.calls > calls_max
        if is_bounded:
            yield Reading(least, is_bounded=True)
            return
        least = group[-1].low
        yield Reading(least)
    yield Reading(None)


async def _read_whole(asked: MintAccounts, holdings: Holdings) -> bool:
    """Read a few pages of all accounts; whether these were all: of a part, in no order, nothing is kept."""
    key: str | None = None
    for _ in range(limits.COHORT_WHOLE_PAGES):
        try:
            page = await asked.page(key)
        except UpstreamTimeoutError:  # too many for one answer, where the endpoint has no pages
            break
        holdings.add(page.accounts)
        if (key := page.next_key) is None:
            return True
    holdings.clear()
    return False


async def _read_band(asked: MintAccounts, holdings: Holdings, band: Band, calls_max: int) -> None:
    """Every account of one band, page by page; only a null key ends it, or the bound."""
    key: str | None = None
    while True:
        page = await asked.page(key, band)
        holdings.add(_inside(page.accounts, band))
        if (key := page.next_key) is None or asked.calls > calls_max:
            return


def _inside(found: Sequence[HeldAccount], band: Band) -> list[HeldAccount]:
    """The accounts that are in the band: an endpoint that does not filter by it would list them all."""
    return [each for each in found if each.units >= band.low]


def holdings_coverage(reading: Reading, accounts_read: int, calls: int) -> CohortCoverage:
    """What a choice of holders rests on."""
    least = None if reading.least is None else str(reading.least)
    if reading.is_bounded:
        return CohortCoverage(
            state="bounded",
            accounts=accounts_read,
            least=least,
            reason=f"{calls} calls were made for it, which is what so many holders may take",
        )
    state = "whole" if least is None else "largest"
    return CohortCoverage(state=state, accounts=accounts_read, least=least)
