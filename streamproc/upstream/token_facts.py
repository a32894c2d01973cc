"""Names and prices of mints; what does not come is left out, and what has come by then is kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from streamproc import limits
from streamproc.core.tokens import TokenMetadata, TokenPrice
from streamproc.errors import RequestError, StrategyUnsupportedError, WalletError
from streamproc.upstream.asking import Question
from streamproc.upstream.calls import DAS_CREDITS, Call
from streamproc.upstream.rpc import reader, rpc_question
from streamproc.upstream.wire import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from streamproc.upstream.asking import Asker
    from streamproc.upstream.calls import Permit

ASSETS: Final = "getAssetBatch"
PRICES: Final = "tokenPrices"


class _Words(msgspec.Struct):
    name: str | None = None
    symbol: str | None = None


class _Links(msgspec.Struct):
    image: str | None = None


class _Content(msgspec.Struct):
    metadata: _Words | None = None
    links: _Links | None = None


class _TokenInfo(msgspec.Struct):
    symbol: str | None = None
    decimals: int | None = None


class _Asset(msgspec.Struct):
    id: str
    content: _Content | None = None
    token_info: _TokenInfo | None = None


class _Assets(msgspec.Struct):
    result: list[_Asset | None]


class _Side(msgspec.Struct):
    address: str = ""


class _Liquidity(msgspec.Struct):
    usd: float | None = None


class _Pair(msgspec.Struct):
    baseToken: _Side  # noqa: N815 - the wire's name, as below
    chainId: str = "solana"  # noqa: N815
    priceUsd: str | None = None  # noqa: N815
    liquidity: _Liquidity | None = None


_ASSETS: Final = msgspec.json.Decoder(_Assets)
_PAIRS: Final = msgspec.json.Decoder(list[_Pair])


class Priced(NamedTuple):
    """A market's price and the liquidity behind it."""

    liquidity_usd: float
    price_usd: float


async def metadata(
    asker: Asker, rpc_url: str, mints: Iterable[str], permit: Permit
) -> AsyncIterator[dict[str, TokenMetadata]]:
    """What is known of the mints, call by call in their order; one that the upstream does not know has no words.

    Ends early, without raising, when the upstream fails; raises RequestEndedError.
    """
    for asked in _slices(list(dict.fromkeys(mints)), limits.ASSETS_PER_CALL):
        call = Call("enhanced", ASSETS, DAS_CREDITS)
        try:
            answer = await asker.ask(rpc_question(rpc_url, call, {"ids": asked}, _ASSETS), permit)
        except (WalletError, RequestError, StrategyUnsupportedError):
            return
        by_id = {each.id: each for each in answer.result if each is not None}
        yield {mint: _metadata(mint, by_id.get(mint)) for mint in asked}


async def prices(
    asker: Asker, base_url: str, mints: Iterable[str], permit: Permit
) -> AsyncIterator[dict[str, TokenPrice]]:
    """The present prices of the mints, call by call in their order; one without a market has no price in its record.

    Ends early, without raising, when the service fails; raises RequestEndedError.
    """
    for asked in _slices(list(dict.fromkeys(mints)), limits.PRICES_PER_CALL):
        url = f"{base_url}/tokens/v1/solana/{','.join(asked)}"
        question = Question(
            Call("prices", PRICES, 0), Request(url, is_keyed=False, method=PRICES), reader(_PAIRS)
        )
        try:
            pairs = await asker.ask(question, permit)
        except (WalletError, RequestError, StrategyUnsupportedError):
            return
        best = _deepest(pairs)
        yield {mint: _price(mint, best.get(mint)) for mint in asked}


def _slices(mints: Sequence[str], most: int) -> Iterable[list[str]]:
    """The mints in lists of at most so many."""
    return (list(mints[start : start + most]) for start in range(0, len(mints), most))


def _metadata(mint: str, asset: _Asset | None) -> TokenMetadata:
    """The words of one asset."""
    if asset is None:
        return TokenMetadata(mint, None, None, None, None)
    info, content = asset.token_info or _TokenInfo(), asset.content or _Content()
    words, links = content.metadata or _Words(), content.links or _Links()
    return TokenMetadata(
        mint=mint,
        symbol=words.symbol or info.symbol or None,
        name=words.name or None,
        image_url=links.image or None,
        decimals=info.decimals,
    )


def _deepest(pairs: Iterable[_Pair]) -> dict[str, Priced]:
    """Of each mint that is the base of a pair, the price in the pair with the most liquidity; ties by price."""
    best: dict[str, Priced] = {}
    for pair in pairs:
        price_usd = _number(pair.priceUsd)
        if price_usd is None or price_usd <= 0 or pair.chainId != "solana":
            continue
        liquidity_usd = _number(pair.liquidity.usd if pair.liquidity else None) or 0.0
        found, mint = Priced(liquidity_usd, price_usd), pair.baseToken.address
        best[mint] = max(found, best.get(mint, found))
    return best


def _price(mint: str, found: Priced | None) -> TokenPrice:
    """The record of one mint."""
    if found is None:
        return TokenPrice(mint, None, None)
    return TokenPrice(mint, found.price_usd, found.liquidity_usd)


def _number(value: Any) -> float | None:  # noqa: ANN401 - text or a number
    """A finite number, None for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
