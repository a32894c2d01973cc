"""A request followed until its end: `watch`, `submit --wait` and `demo` share it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from streamproc.cli.views.output import called, print_json_line, remarks
from streamproc.errors import BrokerUnavailableError

if TYPE_CHECKING:
    from streamproc.events import Event
    from streamproc.settings import Settings


async def waited(
    settings: Settings,
    request_id: str,
    *,
    output: str = "table",
    since_ms: int | None = None,
    timeout_s: float | None = None,
    is_lasting: bool = True,
) -> int:
    """Follow the request with a live view and say how it ended; 0 when it completed, else 1.

    Unless the installation `is_lasting`, nothing is said of commands that need it.
    Raises BrokerUnavailableError when it has not ended within `timeout_s`.
    """
    from streamproc.events import AnalysisCompleted

    following = _watched(settings, request_id, as_json=output == "json", since_ms=since_ms)
    try:
        terminal = await asyncio.wait_for(following, timeout_s)
    except TimeoutError:
        raise BrokerUnavailableError(f"{request_id} has not ended within {timeout_s:g} s") from None
    if output != "json":
        _say_ending(terminal, is_lasting=is_lasting)
    return 0 if isinstance(terminal, AnalysisCompleted) else 1


async def _watched(
    settings: Settings, request_id: str, *, as_json: bool, since_ms: int | None
) -> Event:
    """Show the request's events until the terminal one, which is returned."""
    from streamproc.cli.shared.records import follow
    from streamproc.cli.views.live import live_view

    event: Event | None = None
    with contextlib.nullcontext(JsonLines()) if as_json else live_view(remarks()) as view:
        async for event in follow(settings, request_id, since_ms=since_ms):
            view.show(event)
    assert event is not None  # noqa: S101 - following ends with the terminal event
    return event


class JsonLines:
    """A view for programs: each event about the request as a whole is one line on standard output."""

    def show(self, event: Event) -> None:
        """Print progress and terminal records."""
        from streamproc.events import AnalysisCompleted, AnalysisFailed, AnalysisProgressed

        if isinstance(event, AnalysisProgressed | AnalysisCompleted | AnalysisFailed):
            print_json_line(event.model_dump_json())


def _say_ending(terminal: Event, *, is_lasting: bool) -> None:
    """One paragraph about the end, on standard error."""
    from streamproc.events import AnalysisCompleted, AnalysisFailed
    from streamproc.report.wording import seconds, short

    console = remarks()
    if isinstance(terminal, AnalysisCompleted):
        pairs, wallets = terminal.pairs_total, len(terminal.wallets)
        took, credits_spent = seconds(terminal.duration_ms), terminal.credits_spent
        line = f"completed in {took}: {wallets} wallets, {pairs} pairs, {credits_spent} credits"
        more = f"; see `{called()} result {terminal.request_id}`" if is_lasting else ""
        console.print(f"{line}{more}", markup=False)
    elif isinstance(terminal, AnalysisFailed):
        console.print(f"{terminal.status} ({terminal.code}): {terminal.message}", markup=False)
        for wallet in terminal.wallets_failed:
            console.print(f"  {short(wallet.wallet)} {wallet.code}: {wallet.message}", markup=False)
        for fault in terminal.faults:
            console.print(f"  {fault.field}: {fault.rule} (found {fault.value})", markup=False)
