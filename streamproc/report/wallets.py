"""The page's section about wallets: a line each, to sort and to search, that opens into everything known of it."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING

import htpy as h

from streamproc import limits
from streamproc.report.behavior import behavior_part
from streamproc.report.charts import course
from streamproc.report.holdings import holdings_part, in_colour, tokens_part
from streamproc.report.markup import Explorer, facts, find_field, fold, soft
from streamproc.report.wording import (
    NOTHING,
    coverage_words,
    moment,
    share,
    short,
    signed,
    sol,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htpy import Node, Renderable

    from streamproc.json_types import Json

COLUMNS = ("wallet", "net SOL", "won", "trades", "history")


def anchors_of(result: Json) -> dict[str, str]:
    """The place on the page of each wallet that is shown."""
    shown = result["wallets"][: limits.REPORT_WALLETS_MAX]
    return {wallet["wallet"]: f"w-{index}" for index, wallet in enumerate(shown, start=1)}


def wallets_section(result: Json, anchors: Mapping[str, str], explorer: Explorer) -> Renderable:
    """Every wallet in a line, the first hundred with details behind it."""
    shown = result["wallets"][: limits.REPORT_WALLETS_MAX]
    lacks = _lacks(result)
    lines = (
        _wallet(
            wallet,
            result["tokens"],
            explorer,
            anchors[wallet["wallet"]],
            lacks if index < limits.REPORT_WALLETS_DETAILED_MAX else None,
        )
        for index, wallet in enumerate(shown)
    )
    cut = len(shown) - limits.REPORT_WALLETS_DETAILED_MAX
    return h.div(data_list=True)[
        find_field("wallets", len(shown)),
        h.div(".wallet.heads")[h.span(".line")[(h.span(".sort")[name] for name in COLUMNS)]],
        h.div(".wallets", data_items=True)[lines],
        soft(f"Details of the last {cut} are in the complete result.") if cut > 0 else None,
    ]


def _wallet(
    wallet: Json,
    tokens: dict[str, Json],
    explorer: Explorer,
    anchor: str,
    lacks: dict[str, str] | None,
) -> Renderable:
    """One wallet; without `lacks` its line alone."""
    line = _line(wallet)
    if lacks is None or wallet.get("pnl") is None:
        return h.div(".wallet.flat", id=anchor)[line]
    body = [
        h.p(".ids")[explorer.address(wallet["wallet"], wallet["wallet"])],
        h.div(".grid")[_pnl(wallet["pnl"]), _over_time(wallet["pnl"])],
        tokens_part(wallet["pnl"], tokens, explorer),
        holdings_part(wallet.get("balances"), tokens, explorer),
        behavior_part(wallet.get("behavior"), tokens),
        _missing(wallet, lacks),
    ]
    return fold(line, body, class_="wallet", name=anchor)


def _line(wallet: Json) -> Renderable:
    """Address, net result, win rate, trades, coverage; for the others why there is nothing."""
    address = h.span(".who", title=wallet["wallet"])[short(wallet["wallet"])]
    pnl = wallet.get("pnl")
    if pnl is None:
        error = wallet.get("error") or {}
        why = f"{error.get('code', wallet['outcome'])}: {error.get('message', '')}".rstrip(": ")
        return h.span(".line")[
            address, h.b(".loss")[wallet["outcome"]], h.span, h.span, h.span(".soft")[why]
        ]
    judged = pnl["closed_positions"] - _unknown(pnl)
    rate = f"{share(pnl['win_rate'])} won of {judged}" if judged else "none known"
    return h.span(".line")[
        address,
        h.b(data_v=str(pnl["net_lamports"]))[in_colour(pnl["net_lamports"]), h.i[" SOL net"]],
        h.span(data_v=str(pnl["win_rate"] if judged else ""))[rate],
        h.span(data_v=str(pnl["trades"]))[f"{pnl['trades']:,}", h.i[" trades"]],
        h.span(".soft")[coverage_words(wallet.get("coverage"))],
    ]


def _unknown(pnl: Json) -> int:
    """Closed positions whose result nobody knows; a result of an older version counts none."""
    return int(pnl.get("closed_unknown", 0))


def _closed(pnl: Json) -> str:
    """How many positions are closed, and how they ended."""
    ends = ((pnl["winning_positions"], "won"), (pnl["losing_positions"], "lost"))
    told = ", ".join(f"{count} {word}" for count, word in (*ends, (_unknown(pnl), "unknown")))
    return f"{told} of {pnl['closed_positions']}"


def _pnl(pnl: Json) -> Renderable:
    """The wallet's totals."""

    def in_sol(lamports: int | None) -> Node:
        return NOTHING if lamports is None else [in_colour(lamports), " SOL"]

    listed: list[tuple[str, Node]] = [
        ("net", in_sol(pnl["net_lamports"])),
        ("realized", in_sol(pnl["realized_lamports"])),
        ("unrealized", in_sol(pnl["unrealized_lamports"])),
        ("round trips", in_sol(pnl.get("round_trip_lamports"))),
        ("volume", f"{sol(pnl['volume_lamports'])} SOL"),
        ("trades", f"{pnl['trades']:,} ({pnl['buys']:,} buys, {pnl['sells']:,} sells)"),
        ("tokens traded", f"{pnl['tokens_traded']:,}"),
        ("closed", _closed(pnl)),
        ("median closed", in_sol(pnl["median_closed_lamports"])),
        ("fees of trades", f"{sol(pnl['fees_lamports'])} SOL"),
        ("other costs", f"{sol(pnl['wallet_costs_lamports'])} SOL"),
    ]
    return h.div[h.h3["Profit and loss"], facts(listed)]


def _over_time(pnl: Json) -> Renderable | None:
    """The realized result as it grew from day to day; None without two such days, or where days are not known."""
    days = [(day["day_at"], day["realized_lamports"]) for day in pnl.get("realized_by_day") or ()]
    known = [(day_at, lamports) for day_at, lamports in days if day_at is not None]
    sums = list(accumulate(lamports for _, lamports in known))
    points = [(day_at, total) for (day_at, _), total in zip(known, sums, strict=True)]
    reached = sums[-1] if sums else 0
    drawn = course(points, f"Realized SOL over time, {sol(reached)} SOL at the end")
    if drawn is None:
        return None
    rest = pnl["realized_lamports"] - reached
    others = f"{signed(rest)} SOL of trades without a time is not in it." if rest else None
    return h.div[h.h3["Realized over time"], drawn, soft(others) if others else None]


def _lacks(result: Json) -> dict[str, str]:
    """By mint or wallet: what the result had to do without."""
    found: dict[str, set[str]] = {}
    for item in result["missing"]:
        found.setdefault(str(item["id"]), set()).add(str(item["kind"]))
    return {of: " and ".join(sorted(kinds)) for of, kinds in found.items()}


def _missing(wallet: Json, lacks: dict[str, str]) -> Renderable:
    """What the wallet's figures do not say: history that is not known, transactions not read, names and prices."""
    coverage, pnl = wallet.get("coverage") or {}, wallet["pnl"]
    mints = {row["mint"] for row in pnl["tokens"]} | {
        token["mint"] for token in (wallet.get("balances") or {}).get("tokens") or []
    }
    counts = Counter(lacks[mint] for mint in mints if mint in lacks)
    unknown = ", ".join(f"{what} of {count:,} tokens" for what, count in sorted(counts.items()))
    gaps = ", ".join(f"slots {low:,} to {high:,}" for low, high in (coverage.get("gaps") or [])[:5])
    span = f"{moment(coverage.get('first_time'))} to {moment(coverage.get('last_time'))}"
    listed: list[tuple[str, Node]] = [
        ("history", coverage_words(coverage or None)),
        ("from, to", span if coverage else NOTHING),
        ("gaps", gaps or "none"),
        ("failed transactions", f"{coverage.get('failed_transactions', 0):,}"),
        ("not read", unread_words(pnl) or "nothing"),
        ("sold without known cost", f"{sol(pnl['unknown_basis_proceeds_lamports'])} SOL"),
        ("not known", unknown or "nothing"),
        ("of the wallet itself", lacks.get(wallet["wallet"], "nothing is missing")),
    ]
    return h.div[h.h3["What is missing or not read"], facts(listed)]


def unread_words(pnl: Json) -> str:
    """What is not read as a trader would wish, most of it first."""
    counts = [(n, key.replace("_", " ")) for key, n in (pnl.get("unread") or {}).items() if n]
    return ", ".join(f"{n:,} {words}" for n, words in sorted(counts, reverse=True))
