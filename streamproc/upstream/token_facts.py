"""Names and prices of mints; what does not come is left out, and what has come by then is kept."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streamproc import limits
from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
from streamproc.errors import (
    CreditBudgetExceededError,
    RequestError,
    StrategyUnsupportedError,
    WalletError,
)
from streamproc.upstream.client.calls import DAS_CREDITS, Call
from streamproc.upstream.client.http import Request
from streamproc.upstream.client.retry import Query
from streamproc.upstream.client.rpc import reader, rpc_query
from streamproc.upstream.client.sanitize import amount, decimals, link, words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

    from streamproc.json_types import JsonValue
    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.retry import Caller

log = logging.getLogger(__name__)

ASSETS: Final = "getAssetBatch"
PRICES: Final = "tokenPrices"


class _Assets(msgspec.Struct):
    result: list[msgspec.Raw]


_ASSETS: Final = msgspec.json.Decoder(_Assets)
_PAIRS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ANYTHING: Final = msgspec.json.Decoder()


class Priced(NamedTuple):
    """A market's price and the liquidity behind it."""

    liquidity_usd: float
    price_usd: float


async def metadata(
    caller: Caller, rpc_url: str, mints: Iterable[str], permit: Permit
) -> AsyncIterator[dict[str, TokenMetadata]]:
    """What is known of the mints, call by call in their order; one that the upstream does not know has no words.

    Ends early, without raising, when the upstream fails; raises RequestEndedError and CreditBudgetExceededError: others
    who want the same may ask themselves.
    """
    for asked in _slices(list(dict.fromkeys(mints)), limits.ASSETS_PER_CALL):
        call = Call("enhanced", ASSETS, DAS_CREDITS)
        try:
            answer = await caller.ask(rpc_query(rpc_url, call, {"ids": asked}, _ASSETS), permit)
        except CreditBudgetExceededError:
            raise
        except (WalletError, RequestError, StrategyUnsupportedError) as error:
            log.info("names and prices end here: %s", error)
            return
        by_id = {str(_at(each, "id")): each for each in _read(answer.result)}
        yield {mint: _metadata(mint, by_id.get(mint)) for mint in asked}


async def prices(
    caller: Caller, base_url: str, mints: Iterable[str], permit: Permit
) -> AsyncIterator[dict[str, TokenPrice]]:
    """The present prices of the mints, call by call in their order; one without a market has no price in its record.

    Ends early, without raising, when the service fails; raises RequestEndedError.
    """
    for asked in _slices(list(dict.fromkeys(mints)), limits.PRICES_PER_CALL):
        url = f"{base_url}/tokens/v1/solana/{','.join(asked)}"
        query = Query(
            Call("prices", PRICES, 0), Request(url, is_keyed=False, method=PRICES), reader(_PAIRS)
        )
        try:
            pairs = await caller.ask(query, permit)
        except (WalletError, RequestError, StrategyUnsupportedError) as error:
            log.info("names and prices end here: %s", error)
            return
        best = _deepest(_read(pairs))
        yield {mint: _price(mint, best.get(mint)) for mint in asked}


def _slices(mints: Sequence[str], most: int) -> Iterable[list[str]]:
    """The mints in lists of at most so many."""
    return (list(mints[start : start + most]) for start in range(0, len(mints), most))


def _read(items: Iterable[msgspec.Raw]) -> Iterator[JsonValue]:
    """Those of a list's items that can be read; an odd one costs itself."""
    for item in items:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield _ANYTHING.decode(item)


def _at(value: JsonValue, *path: str) -> JsonValue:
    """What stands at the end of a path of members; None where there is no such path."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _metadata(mint: str, asset: JsonValue) -> TokenMetadata:
    """What one asset says, cleaned; None is an asset that is not known."""
    named = words(_at(asset, "content", "metadata", "symbol"))
    return TokenMetadata(
        mint=mint,
        symbol=named or words(_at(asset, "token_info", "symbol")),
        name=words(_at(asset, "content", "metadata", "name")),
        image_url=link(_at(asset, "content", "links", "image")),
        decimals=decimals(_at(asset, "token_info", "decimals")),
    )


def _deepest(pairs: Iterable[JsonValue]) -> dict[str, Priced]:
    """Of each mint that is the base of a pair, the price in the pair with the most liquidity; ties by price."""
    best: dict[str, Priced] = {}
    for pair in pairs:
        price_usd = amount(_at(pair, "priceUsd"), limits.PRICE_MAX_USD)
        mint = _at(pair, "baseToken", "address")
        is_ours = isinstance(pair, dict) and pair.get("chainId", "solana") == "solana"
        if not price_usd or not is_ours or not isinstance(mint, str):
            continue
        liquidity_usd = amount(_at(pair, "liquidity", "usd"), limits.PRICE_MAX_USD) or 0.0
        found = Priced(liquidity_usd, price_usd)
        best[mint] = max(found, best.get(mint, found))
    return best


def _price(mint: str, found: Priced | None) -> TokenPrice:
    """The record of one mint."""
    if found is None:
        return TokenPrice(mint, None, None)
    return TokenPrice(mint, found.price_usd, found.liquidity_usd)
