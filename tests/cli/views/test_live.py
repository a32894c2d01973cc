"""The live view says the same on a terminal and elsewhere, and stays bounded with a thousand wallets."""

from __future__ import annotations

import io

from rich.console import Console
from solders.pubkey import Pubkey

from streamproc import limits
from streamproc.cli.views.live import TimeLeft, live_view
from streamproc.events import (
    AnalysisProgressed,
    Counts,
    Event,
    PublicError,
    WalletAnalyzed,
    WalletProgressed,
)


def progressed(
    seq: int, percent: float, stage: str = "syncing", message: str = "so far"
) -> AnalysisProgressed:
    """A progress record."""
    return AnalysisProgressed.model_validate(
        {
            "request_id": "r",
            "seq": seq,
            "stage": stage,
            "percent": percent,
            "wallets_total": 2,
            "wallets_done": 0,
            "wallets_failed": 0,
            "balances_done": False,
            "message": message,
            "terminal": False,
            "at": 1,
        }
    )


def wallet(number: int) -> str:
    """An address."""
    return str(Pubkey(number.to_bytes(32, "big")))


def moved(number: int, fraction: float | None) -> WalletProgressed:
    """A wallet has come further."""
    return WalletProgressed(
        request_id="r", wallet=wallet(number), transactions=1234, fraction=fraction
    )


def done(number: int, outcome: str = "analyzed") -> WalletAnalyzed:
    """A wallet is done."""
    error = (
        None
        if outcome == "analyzed"
        else PublicError(code="upstream_rejected", message="[no] such")
    )
    counts = Counts(transactions=1234, trades=56, tokens=7)
    return WalletAnalyzed.model_validate(
        {
            "request_id": "r",
            "wallet": wallet(number),
            "outcome": outcome,
            "error": error,
            "counts": counts,
        }
    )


def shown(*events: Event, terminal: bool) -> list[str]:
    """The lines that stand on the screen, or in the file, at the end."""
    console = Console(
        file=io.StringIO(),
        force_terminal=terminal,
        width=120,
        height=60,
        _environ={"TERM": "xterm"},
    )
    with live_view(console) as view:
        for event in events:
            view.show(event)
    text = console.file.getvalue()  # type: ignore[attr-defined] # a StringIO
    return [line for line in text.splitlines() if line.strip()]


def test_elsewhere_each_whole_percent_is_one_line() -> None:
    events = [progressed(n, 5 + n / 10) for n in range(1, 31)]
    lines = shown(*events, terminal=False)
    assert [line.split()[1] for line in lines] == ["5", "6", "7", "8"]
    assert all("\x1b" not in line for line in lines)


def test_a_new_stage_is_a_line_even_at_the_same_percent() -> None:
    lines = shown(progressed(1, 60), progressed(2, 60, "analyzing"), terminal=False)
    assert ["syncing" in lines[0], "analyzing" in lines[1]] == [True, True]


def test_elsewhere_failed_wallets_are_named_up_to_a_bound() -> None:
    lines = shown(*(done(n, "failed") for n in range(500)), terminal=False)
    assert len(lines) == limits.REMARK_LINES_MAX + 1
    assert "failed: [no] such" in lines[0]
    assert "the result names them" in lines[-1]


def test_a_terminal_shows_a_bar_for_the_whole_and_one_per_wallet() -> None:
    text = "\n".join(
        shown(progressed(1, 42), moved(1, 0.5), moved(2, None), done(2), terminal=True)
    )
    assert "42 % syncing" in text
    assert "1,234 transactions" in text
    assert "1,234 transactions, 56 trades" in text


def test_many_wallets_never_take_more_than_the_bounded_lines() -> None:
    events: list[Event] = []
    for number in range(200):
        events += [moved(number, 0.5), done(number)]
    last = [line for line in shown(*events, terminal=True) if "…" in line]
    rows = {line.split()[0] for line in last[-limits.WALLET_LINES_MAX :]}
    assert len(rows) <= limits.WALLET_LINES_MAX


def test_a_wallet_that_is_done_is_not_moved_back() -> None:
    text = "\n".join(shown(done(1), moved(1, 0.1), terminal=True)[-2:])
    assert "56 trades" in text


def test_the_time_that_is_left_follows_the_pace_and_is_not_known_without_one() -> None:
    left = TimeLeft()
    assert left.words(10, 0) == "time left not known"
    assert left.words(12, 2) == "time left not known", "two seconds say little"
    assert left.words(20, 10) == "about 1 min 20 s left"
    assert left.words(20, 30) == "about 4 min 0 s left"
    assert left.words(20, 41) == "time left not known", "nothing has moved for half a minute"
