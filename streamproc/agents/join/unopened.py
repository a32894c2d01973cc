"""What the store knows of requests that the join does not: who asks to be opened, and who never will be.

The join keeps nothing of a request that does not run, so ids that nobody knows cost no memory: a cancel that came
before its request waits in the store.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamproc.core.join.state import JoinState
    from streamproc.store import Store


@dataclass(frozen=True, slots=True)
class Known:
    """What the store said about some states."""

    strange: frozenset[str]  # of these nothing is kept: they ended, or nobody has asked for them
    cancelled: Mapping[str, str]  # the reasons of those that open now and were cancelled before


async def known_of(states: Sequence[JoinState], store: Store, *, now_ms: int) -> Known:
    """Ask about those that are not open or open just now; of all others the join knows enough.

    Raises StoreUnavailableError when the store has to be asked and cannot be.
    """
    waiting = [state for state in states if state.phase == "waiting"]
    unopened = [state for state in waiting if state.opened is None]
    opening = [state for state in waiting if state.opened is not None and state.seq == 0]
    ended, cancelled, strange = await asyncio.gather(
        _ended_long_ago(opening, store, now_ms=now_ms),
        _cancelled_before(opening, store),
        _not_running(unopened, store),
    )
    return Known(strange=frozenset(ended | strange), cancelled=cancelled)


async def _ended_long_ago(states: list[JoinState], store: Store, *, now_ms: int) -> set[str]:
    """Those that would open now although they have ended: asked only about requests of a while ago."""
    before_ms = now_ms - limits.OPENING_CHECKED_S * 1000
    old = [
        state.request_id
        for state in states
        if state.opened is not None and state.opened.requested_at_ms < before_ms
    ]
    if not old:
        return set()
    statuses = await store.status_of(old)
    return {each for each in old if statuses.get(each) != "running"}


async def _cancelled_before(states: list[JoinState], store: Store) -> dict[str, str]:
    """The cancels that wait for these requests."""
    return await store.cancels_of([state.request_id for state in states]) if states else {}


async def _not_running(states: list[JoinState], store: Store) -> set[str]:
    """Those that do not run; what cancels one that nobody knows yet is kept in the store."""
    if not states:
        return set()
    statuses = await store.status_of([state.request_id for state in states])
    early = {
        state.request_id: state.cancelled
        for state in states
        if state.cancelled is not None and state.request_id not in statuses
    }
    if early:
        await store.keep_cancels(early)
    return {each.request_id for each in states if statuses.get(each.request_id) != "running"}
