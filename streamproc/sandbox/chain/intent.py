"""What a generated transaction meant, stated where it was generated: the world's truth.

Nothing here looks at balances. An action states kind, token deltas, what the exchange itself brought (`sol`), rent and
trades; fee and tips are what it decided to pay; `sol_delta` follows from sol = sol_delta + network fee + tips + rent.
What only a part of the wire forms can show it says as well (`estimated`), and what is no rate (`is_rate`).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MeantTrade:
    """One trade as its action meant it; `quotes` are signed base units, paid < 0."""

    mint: str
    side: str
    amount: int
    quotes: dict[str, int]
    confidence: str = "exact"


@dataclass(frozen=True, slots=True)
class Intent:
    """What one transaction is for one wallet; `sol`, `rent` and `service` in lamports.

    `service` is what somebody took natively to get an exchange of stables through: a cost like a tip. `bridged` is how
    many units of a stable went elsewhere beside what a quote swap brought.
    """

    kind: str
    deltas: dict[str, int] = field(default_factory=dict)
    sol: int = 0
    rent: int = 0
    trades: tuple[MeantTrade, ...] = ()
    service: int = 0
    bridged: int = 0


@dataclass(frozen=True, slots=True)
class TrueTrade:
    """A trade with its place in time and its share of the costs (network fee and tips, in lamports)."""

    wallet: str
    signature: str
    slot: int
    time: int
    mint: str
    side: str
    amount: int
    quotes: dict[str, int]
    fees: int
    confidence: str


@dataclass(frozen=True, slots=True)
class TrueEntry:
    """One transaction as one wallet's ledger must show it; lamports, base units, unix seconds."""

    signature: str
    slot: int
    index: int
    time: int
    failed: bool
    fee_payer: bool
    network_fee: int
    sol_delta: int
    tips: int
    rent: int
    kind: str
    deltas: dict[str, int]
    trades: tuple[TrueTrade, ...] = ()
    bridged: int = 0
    estimated: bool = False  # when it is read from the enhanced form

    @property
    def costs(self) -> int:
        """Network fee and tips, in lamports."""
        return self.network_fee + self.tips

    @property
    def trade_sol(self) -> int:
        """What the exchange itself brought (+) or cost (-), in lamports."""
        return self.sol_delta + self.costs + self.rent


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction lies: signature, slot, index in its block and unix seconds."""

    signature: str
    slot: int
    index: int
    time: int


def entry_from_intent(
    wallet: str,
    intent: Intent,
    place: Place,
    *,
    fee: int | None,
    tips: int,
    estimated: bool = False,
) -> TrueEntry:
    """Return the wallet's entry; `fee` is None when somebody else pays it, and then no tip counts either."""
    network_fee, tips = (0, 0) if fee is None else (fee, tips)
    tips += intent.service
    trades = _with_costs(wallet, intent.trades, place, network_fee + tips)
    return TrueEntry(
        signature=place.signature,
        slot=place.slot,
        index=place.index,
        time=place.time,
        failed=intent.kind == "failed",
        fee_payer=fee is not None,
        network_fee=network_fee,
        sol_delta=intent.sol - network_fee - tips - intent.rent,
        tips=tips,
        rent=intent.rent,
        kind=intent.kind,
        deltas=intent.deltas,
        trades=trades,
        bridged=intent.bridged,
        estimated=estimated,
    )


def _with_costs(
    wallet: str, meant: tuple[MeantTrade, ...], place: Place, costs: int
) -> tuple[TrueTrade, ...]:
    """Share the costs equally; what does not divide goes to the first mints in order, one lamport each."""
    ordered = sorted(meant, key=lambda trade: trade.mint)
    share, rest = divmod(costs, len(ordered)) if ordered else (0, 0)
    return tuple(
        TrueTrade(
            wallet=wallet,
            signature=place.signature,
            slot=place.slot,
            time=place.time,
            mint=trade.mint,
            side=trade.side,
            amount=trade.amount,
            quotes=trade.quotes,
            fees=share + (1 if position < rest else 0),
            confidence=trade.confidence,
        )
        for position, trade in enumerate(ordered)
    )
