"""The live view of a request: bars on a terminal, plain lines elsewhere, the same events into both."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from streamproc import limits
from streamproc.events import AnalysisProgressed, WalletAnalyzed, WalletProgressed
from streamproc.report.wording import seconds, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from streamproc.events import Event


class TimeLeft:
    """How long a request still takes, as far as its last half minute tells."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()  # seconds, percent

    def words(self, percent: float, at_s: float) -> str:
        """Words for what is left when so much is done at this time of a clock that never steps back."""
        self._seen.append((at_s, percent))
        while at_s - self._seen[0][0] > limits.TIME_LEFT_WINDOW_S:
            self._seen.popleft()
        began_s, began = self._seen[0]
        passed_s, gained = at_s - began_s, percent - began
        if passed_s < limits.TIME_LEFT_NEEDS_S or gained <= 0:
            return "time left not known"
        return f"about {seconds(1000 * passed_s * (100 - percent) / gained)} left"


class View(Protocol):
    """Something that shows what is said about a request."""

    def show(self, event: Event) -> None:
        """Take one event in; events that say nothing about progress are passed over."""


@contextmanager
def live_view(console: Console) -> Iterator[View]:
    """The view that fits the console: bars on a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield Lines(console)
        return
    progress = Progress(
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[says]}"),
        TimeElapsedColumn(),
        console=console,
        transient=False,
    )
    with progress:
        yield Bars(progress)


class Bars:
    """One bar for the whole and one for each of at most twelve wallets; who is done makes room for who is not."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._left = TimeLeft()
        self._whole = progress.add_task("[bold]whole[/]", total=100, says="waiting for a worker")
        self._rows: dict[str, TaskID] = {}
        self._done: set[str] = set()

    def show(self, event: Event) -> None:
        """Move the bar that the event speaks of."""
        if isinstance(event, AnalysisProgressed):
            left = "" if event.terminal else f", {self._left.words(event.percent, monotonic())}"
            says = escape(f"{event.percent:3.0f} % {event.stage}: {event.message}{left}")
            self._progress.update(self._whole, completed=event.percent, says=says)
        elif isinstance(event, WalletProgressed) and event.wallet not in self._done:
            self._move(event)
        elif isinstance(event, WalletAnalyzed) and event.wallet not in self._done:
            self._finish(event)

    def _move(self, event: WalletProgressed) -> None:
        """A wallet has come further; without a known end its bar only pulses."""
        row = self._row(event.wallet)
        if row is not None:
            total = None if event.fraction is None else 1.0
            says = escape(event.notice or f"{event.transactions:,} transactions")
            self._progress.update(row, total=total, completed=event.fraction or 0, says=says)

    def _finish(self, event: WalletAnalyzed) -> None:
        """A wallet is done; its line stays until another wallet needs the room."""
        self._done.add(event.wallet)
        row = self._row(event.wallet)
        if row is not None:
            self._progress.update(row, total=1, completed=1, says=escape(outcome_of(event)))

    def _row(self, wallet: str) -> TaskID | None:
        """The wallet's bar; a new one replaces that of a finished wallet when the screen is full, None without room."""
        if wallet in self._rows:
            return self._rows[wallet]
        if len(self._rows) >= limits.WALLET_LINES_MAX and not self._make_room():
            return None
        self._rows[wallet] = self._progress.add_task(short(wallet), total=None, says="")
        return self._rows[wallet]

    def _make_room(self) -> bool:
        """Take the oldest finished wallet's bar away; False when all shown ones are still running."""
        for wallet in self._rows:
            if wallet in self._done:
                self._progress.remove_task(self._rows.pop(wallet))
                return True
        return False


class Lines:
    """One line for each whole percent at most, and one for each wallet that did not go well, up to a bound."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: tuple[str, int] = ("", -1)
        self._remarks = 0

    def show(self, event: Event) -> None:
        """Print what is new."""
        if isinstance(event, AnalysisProgressed):
            self._tell(event)
        elif isinstance(event, WalletAnalyzed) and event.outcome != "analyzed":
            self._remark(event)

    def _tell(self, event: AnalysisProgressed) -> None:
        """A line if the stage or the whole percent has changed."""
        told = (event.stage, int(event.percent))
        if told != self._told:
            self._told = told
            time = datetime.fromtimestamp(event.at, UTC).strftime("%H:%M:%S")
            self._print(f"{time} {event.percent:3.0f} % {event.stage}: {event.message}")

    def _remark(self, event: WalletAnalyzed) -> None:
        """A line about a wallet that failed or is excluded; after the bound one line that says so."""
        self._remarks += 1
        if self._remarks <= limits.REMARK_LINES_MAX:
            self._print(f"         {short(event.wallet)} {outcome_of(event)}")
        elif self._remarks == limits.REMARK_LINES_MAX + 1:
            self._print("         ... more wallets failed or were excluded; the result names them")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False)


def outcome_of(event: WalletAnalyzed) -> str:
    """How a wallet came out, in a few words."""
    if event.error is not None:
        return f"{event.outcome}: {event.error.message}"
    if event.counts is None:
        return event.outcome
    return f"{event.counts.transactions:,} transactions, {event.counts.trades:,} trades"
