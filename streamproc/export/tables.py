"""The tables of a result: its pairs, its wallets, and each wallet's tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

from streamproc.core.result.pair_columns import unpacked_columns
from streamproc.events import SCORES
from streamproc.export.table import Column, Table, columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streamproc.json_types import Json

Rows = Literal["pairs", "wallets", "tokens"]
ROWS: Final[Sequence[Rows]] = get_args(Rows)

PAIR_FINDING: Final = columns_of(
    rank="integer",
    wallet_a="text",
    wallet_b="text",
    verdict="text",
    q="number",  # q and p of all kinds of evidence together
    p="number",
    lift="number",  # of the overlap
)
PAIR_FACTS: Final = columns_of(
    shared_tokens="integer",
    tokens_a="integer",
    tokens_b="integer",
    overlap="number",
    label="text",
    trend="text",
    lower_bound="flag",
)
PAIR_COLUMNS: Final = (
    *PAIR_FINDING,
    *(Column(name, "number") for name in SCORES),
    *PAIR_FACTS,
)
WALLET_FACTS: Final = columns_of(wallet="text", outcome="text", error_code="text", history="text")
WALLET_COVERAGE: Final = columns_of(
    transactions="integer", failed_transactions="integer", first_time="time", last_time="time"
)
WALLET_PNL: Final = columns_of(
    net_lamports="integer",
    realized_lamports="integer",
    unrealized_lamports="integer",
    round_trip_lamports="integer",
    volume_lamports="integer",
    fees_lamports="integer",
    wallet_costs_lamports="integer",
    trades="integer",
    buys="integer",
    sells="integer",
    tokens_traded="integer",
    closed_positions="integer",
    closed_unknown="integer",
    winning_positions="integer",
    losing_positions="integer",
    win_rate="number",
    median_closed_lamports="integer",
)
WALLET_BALANCES: Final = columns_of(
    balances="text", sol_lamports="integer", tokens_held="integer", fetched_at="time"
)
WALLET_COLUMNS: Final = (*WALLET_FACTS, *WALLET_COVERAGE, *WALLET_PNL, *WALLET_BALANCES)
TOKEN_FACTS: Final = columns_of(wallet="text", mint="text", symbol="text")
TOKEN_PNL: Final = columns_of(
    decimals="integer",
    bought="amount",
    sold="amount",
    received="amount",
    sent="amount",
    spent_lamports="integer",
    received_lamports="integer",
    fees_lamports="integer",
    realized_lamports="integer",
    unrealized_lamports="integer",
    unknown_basis_proceeds_lamports="integer",
    open_amount="amount",
    open_cost_lamports="integer",
    trades="integer",
    buys="integer",
    sells="integer",
    first_trade_at="time",
    last_trade_at="time",
    is_closed="flag",
    is_result_known="flag",
)
TOKEN_COLUMNS: Final = (*TOKEN_FACTS, *TOKEN_PNL)


def table_of(rows: Rows, result: Json, pairs: bytes | None = None) -> Table:
    """A table of the whole result; `pairs` are all of them as columns, which a large result leaves out."""
    if rows == "wallets":
        return Table(WALLET_COLUMNS, map(_wallet, result["wallets"]))
    if rows == "tokens":
        return Table(TOKEN_COLUMNS, _tokens(result))
    return pairs_table(unpacked_columns(pairs).rows() if pairs is not None else result["pairs"])


def pairs_table(pairs: Iterable[Json]) -> Table:
    """The pairs in the order given; a result of an older version leaves cells empty."""
    return Table(PAIR_COLUMNS, (_pair(rank, pair) for rank, pair in enumerate(pairs, start=1)))


def _pair(rank: int, pair: Json) -> list[object]:
    known = {**pair, **pair["scores"], "rank": rank}
    return [known.get(column.name) for column in PAIR_COLUMNS]


def _wallet(wallet: Json) -> list[object]:
    coverage, pnl = wallet.get("coverage") or {}, wallet.get("pnl") or {}
    balances, error = wallet.get("balances") or {}, wallet.get("error") or {}
    held = len(balances["tokens"]) if balances.get("state") == "ok" else None
    facts = (wallet["wallet"], wallet["outcome"], error.get("code"), coverage.get("state"))
    return [
        *facts,
        *(coverage.get(column.name) for column in WALLET_COVERAGE),
        *(pnl.get(column.name) for column in WALLET_PNL),
        *(balances.get("state"), balances.get("lamports"), held, balances.get("fetched_at")),
    ]


def _tokens(result: Json) -> Iterator[list[object]]:
    for wallet in result["wallets"]:
        for row in (wallet.get("pnl") or {}).get("tokens", ()):
            symbol = (result["tokens"].get(row["mint"]) or {}).get("symbol")
            known = (row.get(column.name) for column in TOKEN_PNL)
            yield [wallet["wallet"], row["mint"], symbol, *known]
