"""Whether the addresses of a request are wallets, asked by the hundred however few of them are looked at at once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamproc.store import Store
    from streamproc.upstream import Account

    Ask = Callable[[list[str]], Awaitable[dict[str, Account]]]


class WalletCheck:
    """The accounts of requests' wallets; who asks about one is told of others of its request as well."""

    def __init__(self, store: Store) -> None:
        """`store` knows which wallets a request has."""
        self._store = store
        self._known: OrderedDict[tuple[str, str], Account] = OrderedDict()
        self._lookups: dict[str, asyncio.Task[dict[str, Account]]] = {}

    async def of(self, request_id: str, wallet: str, ask: Ask) -> Account:
        """The wallet's account as it was when this request first asked.

        Of one request one call is under way at a time; raises what `ask` raises, for all who waited for that call.
        """
        known = self._known.get((request_id, wallet))
        while known is None:
            task = self._lookups.get(request_id)
            if task is None:
                task = asyncio.create_task(self._asked(request_id, wallet, ask))
                self._lookups[request_id] = task
                task.add_done_callback(_seen)
            known = (await asyncio.shield(task)).get(wallet)
        return known

    async def _asked(self, request_id: str, wallet: str, ask: Ask) -> dict[str, Account]:
        """The accounts of this wallet and of others of its request."""
        try:
            found = await ask([wallet, *await self._others(request_id, wallet)])
        finally:
            del self._lookups[request_id]  # the next one may ask
        self._known.update({(request_id, each): account for each, account in found.items()})
        while len(self._known) > limits.KINDS_REMEMBERED:
            self._known.popitem(last=False)
        return found

    async def _others(self, request_id: str, wallet: str) -> list[str]:
        """Wallets of the request that will be asked about soon, as many as a call has room for."""
        stored = await self._store.request(request_id)
        others = (
            each
            for each in (stored.wallets if stored else ())
            if each != wallet and (request_id, each) not in self._known
        )
        return list(islice(others, limits.ACCOUNTS_PER_CALL - 1))


def _seen(task: asyncio.Task[dict[str, Account]]) -> None:
    """Look at a failure, for the caller that waited may have gone."""
    if not task.cancelled():
        task.exception()
