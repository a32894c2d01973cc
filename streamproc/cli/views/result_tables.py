"""A result in a terminal: the ranked pairs, and each wallet's PnL, coverage and balances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.cli.views.output import print_table, results
from streamproc.report.wording import (
    NOTHING,
    TOGETHER,
    by_verdict,
    chance_words,
    cohort_words,
    coverage_words,
    missing_words,
    ranked_by,
    score,
    seconds,
    share,
    short,
    sol,
    untested_words,
    usd,
    verdict_words,
)

if TYPE_CHECKING:
    from streamproc.json_types import Json

WIDE = 150  # columns of a terminal that has room for whole addresses
REASONED_MAX = 9  # pairs whose reasons fit on a screen
PAIR_SCORES = ("idf", "capital", "binary", "jaccard", "held_jaccard")


def print_result(result: Json, *, pairs: int) -> None:
    """What was found in a sentence, the first `pairs` pairs by verdict, all wallets, and what the whole took.

    Addresses of wallets are whole where there is room.
    """
    ranked = by_verdict(result["pairs"])
    results().print(f"\n{result['set'].get('sentence') or ''}", markup=False, style="bold")
    for each in cohort_words(result.get("cohort")):
        results().print(each, markup=False)
    _print_pairs(result, ranked, pairs)
    _print_reasons(ranked)
    _print_wallets(result)
    took, spent = seconds(result["duration_ms"]), result["credits_spent"]
    lacking = missing_words(result["missing"])
    results().print(f"\n{took}, {spent} upstream credits; {lacking}", markup=False)


def _print_pairs(result: Json, pairs: list[Json], most: int) -> None:
    """The pairs, the strongest verdicts first; nothing when there is none."""
    if not pairs:
        return
    ranked = ranked_by(result["pairs"])
    names = [ranked, *(name for name in PAIR_SCORES if name != ranked)]
    rows = [
        (
            rank,
            short(pair["wallet_a"]),
            short(pair["wallet_b"]),
            verdict_words(pair),
            chance_words(pair.get("q")),
            *(score(pair["scores"].get(name)) for name in names),
            pair["shared_tokens"],
            "at least" if pair.get("lower_bound") else "",
        )
        for rank, pair in enumerate(pairs[:most], start=1)
    ]
    columns = ["#>", "wallet", "wallet", "verdict", "q>", *(f"{name}>" for name in names)]
    columns += ["shared>", ""]
    more = (
        f" (the first {most} of {result['pairs_total']:,})"
        if result["pairs_total"] > len(rows)
        else ""
    )
    print_table(columns, rows, title=f"\nPairs, the strongest verdict first{more}")


def _print_reasons(pairs: list[Json]) -> None:
    """Why the first pairs are more than chance, in a sentence each, and why others could not be tested."""
    rows = [
        (rank, pair.get("sentence") or "")
        for rank, pair in enumerate(pairs, start=1)
        if pair.get("verdict") in TOGETHER
    ]
    if rows:
        print_table(["#>", "why"], rows[:REASONED_MAX], title="\nMore than chance")
    for words in untested_words(pairs):
        results().print(f"\n{words}", markup=False)


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


def _wallet_row(wallet: Json) -> tuple[str, *tuple[object, ...]]:
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
