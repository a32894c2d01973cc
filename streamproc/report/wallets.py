"""The page's section about wallets: PnL, coverage, balances, behavior."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.report.behavior import behavior_part
from streamproc.report.markup import Html, el, facts_list, joined, rows
from streamproc.report.wording import (
    NOTHING,
    amount,
    coverage_words,
    moment,
    share,
    short,
    sol,
    token_name,
    usd,
)

if TYPE_CHECKING:
    from streamproc.report.wording import Json


def wallets_section(result: Json) -> Html:
    """Every wallet in a line, the first hundred with details behind it."""
    shown = result["wallets"][: limits.REPORT_WALLETS_MAX]
    lines = (
        _wallet(wallet, result["tokens"], in_detail=index < limits.REPORT_WALLETS_DETAILED_MAX)
        for index, wallet in enumerate(shown)
    )
    cut = len(shown) - limits.REPORT_WALLETS_DETAILED_MAX
    note = f"Details of the last {cut} are in the complete result." if cut > 0 else None
    return joined(*lines, el("p", note, class_="soft") if note else None)


def _wallet(wallet: Json, tokens: dict[str, Json], *, in_detail: bool) -> Html:
    """One wallet."""
    line = _line(wallet)
    if not in_detail or wallet.get("pnl") is None:
        return el("div", el("div", line, class_="head"), class_="wallet")
    body = el(
        "div",
        el("p", el("code", wallet["wallet"])),
        el("div", _pnl(wallet), _state(wallet, tokens), class_="grid2"),
        _tokens(wallet, tokens),
        behavior_part(wallet.get("behavior"), tokens),
        class_="body",
    )
    return el("details", el("summary", line), body, class_="wallet")


def _line(wallet: Json) -> Html:
    """Address, net result, win rate, coverage; for the others why there is nothing."""
    address = el("span", short(wallet["wallet"]), class_="who", title=wallet["wallet"])
    pnl = wallet.get("pnl")
    if pnl is None:
        error = wallet.get("error") or {}
        why = f"{error.get('code', wallet['outcome'])}: {error.get('message', '')}".rstrip(": ")
        return el(
            "div",
            address,
            el("span", wallet["outcome"], class_="bad"),
            el("span"),
            el("span", why),
            class_="line",
        )
    judged = pnl["closed_positions"] - _unknown(pnl)
    rate = f"{share(pnl['win_rate'])} won of {judged}" if judged else "nothing closed that is known"
    return el(
        "div",
        address,
        el("b", _signed(pnl["net_lamports"]), " SOL net"),
        el("span", rate),
        el("span", coverage_words(wallet.get("coverage")), class_="soft"),
        class_="line",
    )


def _signed(lamports: int | None) -> Html:
    """SOL in the colour of its sign, with the sign."""
    if lamports is None:
        return el("span", NOTHING)
    side = "good" if lamports > 0 else "bad" if lamports < 0 else None
    return el("span", ("+" if lamports > 0 else "") + sol(lamports), class_=side)


def _unknown(pnl: Json) -> int:
    """Closed positions whose result nobody knows; a result of an older version counts none."""
    return int(pnl.get("closed_unknown", 0))


def _closed(pnl: Json) -> str:
    """How many positions are closed, and how they ended."""
    ends = ((pnl["winning_positions"], "won"), (pnl["losing_positions"], "lost"))
    told = ", ".join(f"{count} {word}" for count, word in (*ends, (_unknown(pnl), "unknown")))
    return f"{told} of {pnl['closed_positions']}"


def _unread(pnl: Json) -> str:
    """What is not read as a trader would wish, most of it first."""
    counts = [
        (count, key.replace("_", " ")) for key, count in pnl.get("unread", {}).items() if count
    ]
    return (
        ", ".join(f"{count:,} {words}" for count, words in sorted(counts, reverse=True)) or NOTHING
    )


def _pnl(wallet: Json) -> Html:
    """The wallet's PnL."""
    pnl = wallet["pnl"]
    facts: list[tuple[str, str]] = [
        ("net", joined(_signed(pnl["net_lamports"]), " SOL")),
        ("realized", joined(_signed(pnl["realized_lamports"]), " SOL")),
        ("unrealized", joined(_signed(pnl["unrealized_lamports"]), " SOL")),
        ("volume", f"{sol(pnl['volume_lamports'])} SOL"),
        ("trades", f"{pnl['trades']:,} ({pnl['buys']:,} buys, {pnl['sells']:,} sells)"),
        ("tokens traded", f"{pnl['tokens_traded']:,}"),
        ("closed", _closed(pnl)),
        ("median closed", f"{sol(pnl['median_closed_lamports'])} SOL"),
        ("fees of trades", f"{sol(pnl['fees_lamports'])} SOL"),
        ("other costs", f"{sol(pnl['wallet_costs_lamports'])} SOL"),
        ("unknown basis", f"{sol(pnl['unknown_basis_proceeds_lamports'])} SOL"),
        ("round trips", f"{sol(pnl.get('round_trip_lamports'))} SOL"),
        ("not read", _unread(pnl)),
    ]
    return el("div", el("h3", "Profit and loss"), facts_list(facts))


def _state(wallet: Json, tokens: dict[str, Json]) -> Html:
    """What the wallet's figures rest on, and what it holds."""
    coverage, balances = wallet.get("coverage") or {}, wallet.get("balances") or {}
    held = balances.get("tokens") or []
    span = f"{moment(coverage.get('first_time'))} to {moment(coverage.get('last_time'))}"
    facts = [
        ("history", coverage_words(coverage or None)),
        ("from, to", span),
        ("failed transactions", f"{coverage.get('failed_transactions', 0):,}"),
        ("balances", str(balances.get("state") or NOTHING)),
        ("holds", f"{sol(balances.get('lamports'))} SOL and {len(held)} tokens"),
    ]
    worth = sorted(held, key=lambda token: -(token.get("value_usd") or 0))[
        : limits.REPORT_TOKENS_MAX // 2
    ]
    lines = [
        [
            el("span", token_name(token["mint"], tokens), title=token["mint"]),
            amount(token["amount"], token["decimals"]),
            usd(token.get("value_usd")),
        ]
        for token in worth
    ]
    table = rows(["held", "amount>", "value>"], lines) if lines else None
    return el("div", el("h3", "History and holdings"), facts_list(facts), table)


def _tokens(wallet: Json, tokens: dict[str, Json]) -> Html | None:
    """The token rows that moved the wallet's result most, None without any."""
    traded = wallet["pnl"]["tokens"]
    if not traded:
        return None
    lines = [
        [
            el("span", token_name(row["mint"], tokens), title=row["mint"]),
            sol(row["spent_lamports"]),
            sol(row["received_lamports"]),
            _signed(row["realized_lamports"]),
            _signed(row["unrealized_lamports"]),
            amount(row["open_amount"], row["decimals"]),
            str(row["trades"]),
        ]
        for row in traded[: limits.REPORT_TOKENS_MAX]
    ]
    columns = [
        "token",
        "spent SOL>",
        "received SOL>",
        "realized>",
        "unrealized>",
        "still open>",
        "trades>",
    ]
    left = len(traded) - len(lines)
    more = (
        el("p", f"{left} more tokens are in the complete result.", class_="soft") if left else None
    )
    return joined(el("h3", "Tokens"), rows(columns, lines), more)
