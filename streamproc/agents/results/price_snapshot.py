"""Names and prices of one request are kept: a result that is composed again after a crash reads the same ones."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
from streamproc.core.formats import WORKINGS_FORMAT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamproc.store import Store

# Each name carries the format: what another version kept is asked for anew.
PRICES: Final = f"prices/{WORKINGS_FORMAT}"  # that figures rest on
SHARED_PRICES: Final = f"shared_prices/{WORKINGS_FORMAT}"  # of other tokens that stand in a result
METADATA: Final = f"metadata/{WORKINGS_FORMAT}"
_FAST: Final = 1  # zlib's level


async def kept_prices(
    store: Store, request_id: str, name: str, ask: Callable[[], Awaitable[dict[str, TokenPrice]]]
) -> dict[str, TokenPrice]:
    """The prices that the request was first composed with under this name; asked for the first time."""
    kept = await store.snapshot(request_id, name)
    if kept is None:
        content = _packed(list((await ask()).values()))
        kept = await store.snapshot_once(request_id, name, content)
    found = msgspec.msgpack.decode(zlib.decompress(kept), type=list[TokenPrice])
    return {each.mint: each for each in found}


async def kept_metadata(
    store: Store, request_id: str, ask: Callable[[], Awaitable[dict[str, TokenMetadata]]]
) -> dict[str, TokenMetadata]:
    """The names that the request was first composed with; asked for the first time."""
    kept = await store.snapshot(request_id, METADATA)
    if kept is None:
        content = await asyncio.to_thread(_packed, list((await ask()).values()))
        kept = await store.snapshot_once(request_id, METADATA, content)
    found = msgspec.msgpack.decode(zlib.decompress(kept), type=list[TokenMetadata])
    return {each.mint: each for each in found}


def _packed(records: list[TokenPrice] | list[TokenMetadata]) -> bytes:
    """The records, small."""
    return zlib.compress(msgspec.msgpack.encode(records), _FAST)
