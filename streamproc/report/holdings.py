"""A wallet's tokens on the page: what each brought, and what is held now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import htpy as h

from streamproc import limits
from streamproc.report.charts import two_sided
from streamproc.report.markup import Explorer, soft, table
from streamproc.report.wording import amount, moment, signed, sol, token_name, usd

if TYPE_CHECKING:
    from htpy import Node, Renderable

    from streamproc.json_types import Json


def tokens_part(pnl: Json, tokens: dict[str, Json], explorer: Explorer) -> Renderable | None:
    """The tokens that moved the wallet's result most, None without any."""
    traded = pnl["tokens"]
    if not traded:
        return None
    most = max(abs(row["realized_lamports"]) for row in traded)
    lines = [
        [
            explorer.name(row["mint"], token_name(row["mint"], tokens)),
            two_sided(row["realized_lamports"], most),
            in_colour(row["realized_lamports"]),
            sol(row["unrealized_lamports"]),
            sol(row["spent_lamports"]),
            sol(row["received_lamports"]),
            row["trades"],
        ]
        for row in traded[: limits.REPORT_TOKENS_MAX]
    ]
    columns = ["token", "", "realized>", "unrealized>", "spent>", "received>", "trades>"]
    left = len(traded) - len(lines)
    return h.div[
        h.h3["By token, in SOL"],
        table(columns, lines, label="Tokens of this wallet"),
        soft(f"{left:,} more tokens are in the complete result.") if left else None,
    ]


def in_colour(lamports: int | None) -> Node:
    """SOL with its sign, in the colour of it."""
    if not lamports:
        return sol(lamports)
    return h.span(".gain" if lamports > 0 else ".loss")[signed(lamports)]


def holdings_part(balances: Json | None, tokens: dict[str, Json], explorer: Explorer) -> Renderable:
    """What the wallet holds, worth most first; how that is not known, where it is not."""
    title = h.h3["Holdings"]
    if not balances or balances.get("state") != "ok":
        state = (balances or {}).get("state") or "not asked"
        return h.div[title, h.p[f"Balances: {state}. What it holds is not known."]]
    held = balances.get("tokens") or []
    worth = sorted(held, key=lambda token: -(token.get("value_usd") or 0))
    lines: list[list[Node]] = [
        [
            explorer.name(token["mint"], token_name(token["mint"], tokens)),
            amount(token["amount"], token["decimals"]),
            usd(token.get("price_usd")),
            usd(token.get("value_usd")),
        ]
        for token in worth[: limits.REPORT_HOLDINGS_MAX]
    ]
    priced = [token["value_usd"] for token in held if token.get("value_usd") is not None]
    total = f", {usd(sum(priced))} in the {len(priced):,} with a price" if priced else ""
    said = f"{sol(balances.get('lamports'))} SOL and {len(held):,} tokens{total}"
    left = len(held) - len(lines)
    return h.div[
        title,
        h.p[f"{said}, at {moment(balances.get('fetched_at'))} UTC."],
        table(["token", "amount>", "price>", "value>"], lines, label="Holdings of this wallet")
        if lines
        else None,
        soft(f"{left:,} more are in the complete result.") if left else None,
    ]
