"""From stored analyses, balances and prices to the records of the result and the inputs of the comparison."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Final, cast

from streamproc.core.chain.solana import QUOTES, WSOL
from streamproc.core.comparison_inputs import HeldMint, TradedMint, WalletRow
from streamproc.core.pnl.encoding import pnl_from_json, pnl_to_json
from streamproc.core.pnl.wallet_pnl import net_of, with_market_values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
    from streamproc.core.result.evidence_inputs import EvidenceInputs
    from streamproc.events import ReadyWallet
    from streamproc.json_types import Json
    from streamproc.result import (
        Balances,
        Behavior,
        CoverageRecord,
        KeptBalances,
        KeptToken,
        Missing,
        Pnl,
        TokenFacts,
        WalletResult,
    )


_NO_PRICE: Final = "nobody trades it"
_NO_WORDS: Final = "its issuer says nothing"
_NOT_IN_TIME: Final = "not known in time"


@dataclass(frozen=True, slots=True)
class WalletFacts:
    """Everything stored about one wallet of a request."""

    wallet: str
    ready: ReadyWallet
    pnl: Pnl | None = None
    behavior: Behavior | None = None
    coverage: CoverageRecord | None = None
    balances: KeptBalances | None = None

    @property
    def is_compared(self) -> bool:
        """Whether the wallet takes part in the comparison."""
        return self.ready.outcome == "analyzed" and self.pnl is not None

    @property
    def is_complete(self) -> bool:
        """Whether the wallet's whole history is known."""
        return self.coverage is not None and self.coverage["state"] == "complete"

    @property
    def is_held_known(self) -> bool:
        """Whether what the wallet holds is known."""
        return self.balances is not None and self.balances["state"] == "ok"


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for whole tokens, as they were when the result was composed; exact where they are computed with."""

    by_mint: Mapping[str, TokenPrice] = field(default_factory=dict)

    def usd(self, mint: str) -> float | None:
        """The price of one whole token, None when it is not known."""
        price = self.by_mint.get(mint)
        return None if price is None else price.price_usd

    def exact(self) -> dict[str, Fraction]:
        """Every known price as the decimal number that its shortest text shows."""
        return {
            mint: Fraction(repr(price.price_usd))
            for mint, price in self.by_mint.items()
            if price.price_usd is not None and price.price_usd > 0
        }


def wallet_record(
    facts: WalletFacts, prices: Prices, exact: Mapping[str, Fraction]
) -> WalletResult:
    """One of the result's `wallets[]`; what is not known of it is null."""
    error = facts.ready.error
    return {
        "wallet": facts.wallet,
        "outcome": facts.ready.outcome,
        "error": None if error is None else {"code": error.code, "message": error.message},
        "coverage": facts.coverage,
        "balances": _balances_record(facts.balances, prices),
        "pnl": None if facts.pnl is None else valued_pnl(facts.pnl, exact),
        "behavior": facts.behavior,
    }


def wallet_row(facts: WalletFacts, prices: Prices, evidence_inputs: EvidenceInputs) -> WalletRow:
    """What of one analyzed wallet is compared; its first funder is known only with its whole history."""
    assert facts.pnl is not None  # noqa: S101 - the caller asked is_compared
    traded = tuple(
        TradedMint(
            mint=row["mint"],
            trades=row["trades"],
            buy_cost_lamports=row["buy_cost_lamports"],
            first_buy_at=row["first_buy_at"],
            first_buy_slot=row["first_buy_slot"],
            first_buy_signature=row["first_buy_signature"],
            first_trade_at=row["first_trade_at"],
            first_sell_at=row["first_sell_at"],
        )
        for row in facts.pnl["tokens"]
    )
    return WalletRow(
        address=facts.wallet,
        traded=traded,
        held=_held(facts, prices),
        coverage_complete=facts.is_complete,
        first_funder=evidence_inputs.first_funders.get(facts.wallet),
        fee_payers=evidence_inputs.fee_payers.get(facts.wallet, ()),
    )


def token_records(
    mints: Iterable[str],
    metadata: Mapping[str, TokenMetadata],
    prices: Prices,
    decimals: Mapping[str, int],
) -> dict[str, TokenFacts]:
    """The result's `tokens`, by mint; what is not known is null."""
    records: dict[str, TokenFacts] = {}
    for mint in sorted(set(mints)):
        named = metadata.get(mint)
        priced = prices.by_mint.get(mint)
        known = decimals.get(mint)
        records[mint] = {
            "symbol": named.symbol if named else None,
            "name": named.name if named else None,
            "image_url": named.image_url if named else None,
            "decimals": known if known is not None else named.decimals if named else None,
            "price_usd": priced.price_usd if priced else None,
            "liquidity_usd": priced.liquidity_usd if priced else None,
        }
    return records


def missing_wallets(facts: WalletFacts) -> list[Missing]:
    """What the result lacks of one wallet: its history or balances, with the reason."""
    missing: list[Missing] = []
    if facts.ready.outcome == "failed":
        reason = facts.ready.error.message if facts.ready.error else "failed"
        missing.append({"kind": "history", "id": facts.wallet, "reason": reason})
    elif facts.coverage is not None and facts.coverage["state"] == "partial":
        missing.append({"kind": "history", "id": facts.wallet, "reason": "gaps in the coverage"})
    if facts.ready.balances in {"failed", "oversized"}:
        missing.append({"kind": "balances", "id": facts.wallet, "reason": facts.ready.balances})
    return missing


def missing_tokens(
    tokens: Mapping[str, TokenFacts], metadata: Collection[str], prices: Prices
) -> list[Missing]:
    """The names and prices that the result lacks, by mint; `metadata` are the mints that the service has answered."""
    missing: list[Missing] = []
    for mint, token in tokens.items():
        if token["name"] is None and token["symbol"] is None:
            reason = _NO_WORDS if mint in metadata else _NOT_IN_TIME
            missing.append({"kind": "metadata", "id": mint, "reason": reason})
        if token["price_usd"] is None:
            reason = _NO_PRICE if mint in prices.by_mint else _NOT_IN_TIME
            missing.append({"kind": "price", "id": mint, "reason": reason})
    return missing


def comparable_record(facts: WalletFacts) -> Json:
    """What the figures depend on of one wallet, for the digest; nothing that differs between runs on equal facts."""
    return {
        "wallet": facts.wallet,
        "outcome": facts.ready.outcome,
        "watermark_slot": facts.ready.watermark_slot,
        "coverage": facts.coverage,
        "balances": _without_time(facts.balances),
    }


def comparable_prices(prices: Prices) -> Json:
    """The prices that figures depend on, for the digest."""
    return {mint: list(price) for mint, price in sorted(prices.by_mint.items())}


def valued_pnl(pnl: Pnl, exact: Mapping[str, Fraction]) -> Pnl:
    """The record with what is open valued, as `with_market_values` has it.

    Only open rows are read: of a thousand wallets they are a few of a hundred thousand.
    """
    is_open = [row["open_amount"] != "0" for row in pnl["tokens"]]
    open_rows = [row for row, wanted in zip(pnl["tokens"], is_open, strict=True) if wanted]
    read = pnl_from_json({**pnl, "tokens": open_rows})
    valued = pnl_to_json(with_market_values(read, exact, exact.get(WSOL)))
    unrealized = valued["unrealized_lamports"]
    if unrealized is None and len(open_rows) < len(is_open):
        unrealized = 0  # of the closed rows
    values = iter(valued["tokens"])
    rows = [
        next(values) if wanted else {**row, "unrealized_lamports": 0}
        for row, wanted in zip(pnl["tokens"], is_open, strict=True)
    ]
    net = net_of(pnl["realized_lamports"], unrealized, pnl["round_trip_lamports"])
    valued_too = {"unrealized_lamports": unrealized, "net_lamports": net, "tokens": rows}
    return cast("Pnl", {**pnl, **valued_too})


def _held(facts: WalletFacts, prices: Prices) -> tuple[HeldMint, ...] | None:
    """The tokens that the wallet holds, without quotes; None when that is not known."""
    if not facts.is_held_known or facts.balances is None:
        return None
    return tuple(
        HeldMint(token["mint"], _value_usd(token, prices))
        for token in facts.balances["tokens"]
        if token["mint"] not in QUOTES
    )


def _balances_record(balances: KeptBalances | None, prices: Prices) -> Balances | None:
    """The stored balances with prices and values."""
    if balances is None:
        return None
    tokens = [
        {
            **token,
            "price_usd": prices.usd(token["mint"]),
            "value_usd": _value_usd(token, prices),
        }
        for token in balances["tokens"]
    ]
    return cast("Balances", {**balances, "tokens": tokens})


def _value_usd(token: KeptToken, prices: Prices) -> float | None:
    """Amount times price, None without a price or decimals."""
    price = prices.usd(token["mint"])
    if price is None or token["decimals"] is None:
        return None
    return float(Fraction(int(token["amount"]), 10 ** token["decimals"]) * Fraction(repr(price)))


def _without_time(balances: KeptBalances | None) -> Json | None:
    """The balances without the moment at which they were fetched."""
    if balances is None:
        return None
    return {name: value for name, value in balances.items() if name != "fetched_at"}
