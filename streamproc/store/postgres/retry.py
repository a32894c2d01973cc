"""Patience for what was paid for: while the store is away, an answer of the upstream is held, not asked for again.

What stands between a wallet's pages and the note that it is synced is patient too: a walk that breaks off there begins
again with a page.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from streamproc import limits
from streamproc.core.backoff import delay_s
from streamproc.errors import StoreUnavailableError
from streamproc.store.postgres.errors import is_undone

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)


def patient(
    method: Callable[P, Coroutine[object, object, T]],
) -> Callable[P, Coroutine[object, object, T]]:
    """The method, tried again while the store is away; raises StoreUnavailableError after `STORE_TRIES`.

    For what changes nothing when it is done twice: the answer to a commit may have been lost.
    """
    return _tried_again(method, lambda _: True)


def patient_if_undone(
    method: Callable[P, Coroutine[object, object, T]],
) -> Callable[P, Coroutine[object, object, T]]:
    """As `patient`, for what counts: tried again only where nothing can have been changed."""
    return _tried_again(method, is_undone)


def _tried_again(
    method: Callable[P, Coroutine[object, object, T]],
    may_be: Callable[[StoreUnavailableError], bool],
) -> Callable[P, Coroutine[object, object, T]]:
    """The method, tried again after errors about which this is true."""

    @wraps(method)
    async def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        work = partial(method, *args, **kwargs)
        for tries in range(1, limits.STORE_TRIES):
            try:
                return await work()
            except StoreUnavailableError as error:
                if not may_be(error):
                    raise
                log.warning("%s waits: %s", method.__qualname__, error)
            await asyncio.sleep(delay_s(tries))
        return await work()

    return tried
