"""What is known of a token beside the chain's own figures."""

from __future__ import annotations

from typing import NamedTuple


class TokenMetadata(NamedTuple):
    """How a mint is called; None where its issuer says nothing."""

    mint: str
    symbol: str | None
    name: str | None
    image_url: str | None
    decimals: int | None


class TokenPrice(NamedTuple):
    """The price of one whole token in US dollars and the liquidity behind it; None when nobody trades it."""

    mint: str
    price_usd: float | None
    liquidity_usd: float | None
