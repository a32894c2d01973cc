"""Whether the addresses of a request are wallets, asked by the hundred however few of them are looked at at once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.agents.together import Together

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from streamproc.store import Store
    from streamproc.upstream import Account

    Ask = Callable[[list[str]], Awaitable[dict[str, Account]]]


class Kinds:
    """The accounts of requests' wallets; who asks about one is told of others of its request as well."""

    def __init__(self, store: Store) -> None:
        """`store` knows which wallets a request has."""
        self._store = store
        self._together: Together[Account] = Together()
        self._known: OrderedDict[tuple[str, str], Account] = OrderedDict()
        self._coming: dict[tuple[str, str], asyncio.Future[None]] = {}

    async def of(self, request_id: str, wallet: str, ask: Ask) -> Account:
        """The wallet's account as it was when this request first asked; raises what `ask` raises."""
        coming = self._coming.get((request_id, wallet))
        if coming is not None:
            await asyncio.wait([coming])
        known = self._known.get((request_id, wallet))
        if known is not None:
            return known
        return await self._together.ask(request_id, wallet, partial(self._asked, request_id, ask))

    async def _asked(self, request_id: str, ask: Ask, wallets: list[str]) -> dict[str, Account]:
        """The accounts of these wallets, and in the same calls of those that will be asked about soon."""
        stored = await self._store.request(request_id)
        others = self._others(request_id, stored.wallets if stored else (), wallets)
        here: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        coming = dict.fromkeys([(request_id, wallet) for wallet in others], here)
        self._coming |= coming
        try:
            found = await ask([*wallets, *others])
            self._known.update({(request_id, wallet): each for wallet, each in found.items()})
        finally:
            for each in coming:
                del self._coming[each]
            here.set_result(None)
        while len(self._known) > limits.KINDS_REMEMBERED:
            self._known.popitem(last=False)
        return found

    def _others(self, request_id: str, requested: Iterable[str], wallets: list[str]) -> list[str]:
        """As many wallets of the request that nobody has asked about as the last call has room for."""
        asked = set(wallets)
        others = (
            wallet
            for wallet in requested
            if wallet not in asked
            and (request_id, wallet) not in self._known
            and (request_id, wallet) not in self._coming
        )
        return list(islice(others, -len(wallets) % limits.ACCOUNTS_PER_CALL))
