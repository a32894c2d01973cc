"""A result in a terminal: the ranked pairs, and each wallet's PnL, coverage and balances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamproc.cli.output import print_table, results
from streamproc.report.wording import (
    NOTHING,
    coverage_words,
    missing_words,
    ranked_by,
    score,
    seconds,
    share,
    short,
    sol,
    usd,
)

if TYPE_CHECKING:
    from streamproc.report.wording import Json

WIDE = 150  # columns of a terminal that has room for whole addresses
REASONED_MAX = 9  # pairs whose reasons fit on a screen
REASONS = ("chance", "direction", "link")
P_MAX = 0.05  # of a direction that is told
PAIR_SCORES = ("idf", "capital", "binary", "jaccard", "held_jaccard")


def print_result(result: Json, *, pairs: int) -> None:
    """The best `pairs` pairs, all wallets (addresses in full where there is room), and what the whole took."""
    _print_pairs(result, pairs)
    _print_reasons(result["pairs"])
    _print_wallets(result)
    took, spent = seconds(result["duration_ms"]), result["credits_spent"]
    lacking = missing_words(result["missing"])
    results().print(f"\n{took}, {spent} upstream credits; {lacking}", markup=False)


def _print_pairs(result: Json, most: int) -> None:
    """The ranked pairs, best first."""
    ranked = ranked_by(result["pairs"])
    names = [ranked, *(name for name in PAIR_SCORES if name != ranked)]
    rows = [
        (
            rank,
            short(pair["wallet_a"]),
            short(pair["wallet_b"]),
            *(score(pair["scores"].get(name)) for name in names),
            pair["shared_tokens"],
            (pair.get("label") or NOTHING) + (" (at least)" if pair.get("lower_bound") else ""),
        )
        for rank, pair in enumerate(result["pairs"][:most], start=1)
    ]
    columns = ["#>", "wallet", "wallet", *(f"{name}>" for name in names), "shared>", "label"]
    more = (
        f" (the best {most} of {result['pairs_total']:,})"
        if result["pairs_total"] > len(rows)
        else ""
    )
    print_table(columns, rows, title=f"\nPairs by {ranked}{more}")


def _print_reasons(pairs: list[Json]) -> None:
    """Why the best pairs are more than chance, in words."""
    from streamproc.core.similarity.chance import is_surprising  # noqa: PLC0415 - takes a second to load

    ranked = enumerate(pairs, start=1)
    surprising = [(rank, pair) for rank, pair in ranked if is_surprising(pair["evidence"])]
    rows = [
        (rank if place == 0 else "", item["reason"])
        for rank, pair in surprising[:REASONED_MAX]
        for place, item in enumerate(filter(_says_something, pair["evidence"]))
    ]
    if rows:
        print_table(["#>", "why"], rows, title="\nMore than chance")


def _says_something(item: Json) -> bool:
    """Whether a reason is worth a line here: a direction only when it is hardly chance."""
    return item["kind"] in REASONS and not (item["kind"] == "direction" and item["p"] > P_MAX)


def _print_wallets(result: Json) -> None:
    """Each wallet's figures in a line; for one without, why."""
    named = str if results().width >= WIDE else short
    rows = [(named(row[0]), *row[1:]) for row in map(_wallet_row, result["wallets"])]
    columns = [
        "wallet",
        "net SOL>",
        "realized>",
        "unrealized>",
        "won>",
        "trades>",
        "SOL held>",
        "tokens held>",
        "worth>",
        "history",
    ]
    print_table(columns, rows, title="\nWallets")


def _wallet_row(wallet: Json) -> tuple[Any, ...]:
    """One line of the wallets' table."""
    pnl, balances = wallet.get("pnl"), wallet.get("balances") or {}
    if pnl is None:
        error = wallet.get("error") or {}
        why = f"{wallet['outcome']} {error.get('code', '')}: {error.get('message', '')}".rstrip(
            ": "
        )
        return (wallet["wallet"], *[NOTHING] * 8, why)
    held = balances.get("tokens") or []
    values = [token["value_usd"] for token in held if token.get("value_usd") is not None]
    return (
        wallet["wallet"],
        sol(pnl["net_lamports"]),
        sol(pnl["realized_lamports"]),
        sol(pnl["unrealized_lamports"]),
        share(pnl["win_rate"]),
        f"{pnl['trades']:,}",
        sol(balances.get("lamports")),
        len(held) if balances.get("state") == "ok" else balances.get("state") or NOTHING,
        usd(sum(values)) if values else NOTHING,
        coverage_words(wallet.get("coverage")),
    )
