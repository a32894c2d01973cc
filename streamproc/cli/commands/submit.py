"""`submit` and `cancel`: what a backend puts on Kafka, from a shell."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from streamproc.cli.numbers import FiniteRange
from streamproc.cli.shared.environment import effective_settings
from streamproc.cli.shared.requests import build_request, is_named, request_options
from streamproc.cli.views.output import output_option, print_json, remark, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.cli.shared.records import Placed
    from streamproc.settings import Settings

SUBMIT_EPILOG = """\b
Examples:
  streamproc submit 5Q544fKrFoe6tsEbD7S8EmxGTJYAKtTVhAW5Q5pge4j1 7YttLkHDoNj9wyDur5pM1ejNaAvT9X4eqaYcHQqtj2G5
  streamproc submit --file wallets.txt --max-age-s 3600 --wait
  streamproc submit --file wallets.txt --estimate
  streamproc submit --holders-of DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263 --count 50 --wait
  streamproc submit --first-buyers-of DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263 --count 50 --before 2026-01-31
  streamproc submit --request '{"request_id": "lab-7f3a", "wallets": ["...", "..."]}'
  ID=$(streamproc submit --file wallets.json)"""
CANCEL_EPILOG = """\b
Example:
  streamproc cancel lab-7f3a --reason "wrong list" """


@click.command(epilog=SUBMIT_EPILOG)
@click.argument("wallets", nargs=-1)
@click.option(
    "--file",
    metavar="FILE",
    help="Addresses: one a line with # comments, or JSON; - is standard input.",
)
@click.option(
    "--request", metavar="JSON", help="A whole request as JSON, @FILE, or - for standard input."
)
@request_options
@click.option("--wait", is_flag=True, help="Follow it as `watch` does; exit code 1 when it fails.")
@click.option(
    "--timeout-s", type=FiniteRange(min=0), help="With --wait: give up after so many seconds."
)
@click.option(
    "--estimate",
    "is_estimate",
    is_flag=True,
    help="Send nothing: say what it would take; costs 10 to 20 credits for each wallet not stored yet, or one a list."
    " of signatures by standard methods; a cohort costs what choosing it costs.",
)
@output_option
def submit(
    wallets: tuple[str, ...],
    file: str | None,
    request: str | None,
    *,
    wait: bool,
    timeout_s: float | None,
    is_estimate: bool,
    output: str,
    **options: object,
) -> int:
    """Ask for the analysis of 1 to 1000 WALLETS, or of those that a rule chooses, and print the request id.

    The request is checked before it is sent, with the rules that the workers use, and all faults are shown at once
    (exit code 2).
    """
    from streamproc.cli.shared.estimate import estimated, print_estimate
    from streamproc.cli.shared.following import waited
    from streamproc.cli.shared.records import now_ms, send_event

    if not (wallets or file or request or _names_a_rule(options)):
        raise click.UsageError("name wallets, --file, --request, --holders-of or --first-buyers-of")
    asked = build_request(wallets, file, request, **options)
    settings = effective_settings(store=False)
    if is_estimate:
        found, spent = asyncio.run(estimated(settings, asked))
        print_estimate(found, spent, as_json=output == "json")
        return 0
    since_ms = now_ms()
    placed = asyncio.run(send_event(settings, asked))
    if is_named(request, options):
        asyncio.run(_taken_up(settings, asked.request_id, placed))
    if not (wait and output == "json"):
        _print_sent(asked.request_id, placed, as_json=output == "json")
    if not wait:
        return 0
    waiting = waited(
        settings, asked.request_id, output=output, since_ms=since_ms, timeout_s=timeout_s
    )
    return asyncio.run(waiting)


def _names_a_rule(options: Mapping[str, object]) -> bool:
    """Whether a rule chooses the wallets."""
    return options["holders_of"] is not None or options["first_buyers_of"] is not None


@click.command(epilog=CANCEL_EPILOG)
@click.argument("request_id")
@click.option("--reason", help="A sentence for the record.")
@output_option
def cancel(request_id: str, reason: str | None, output: str) -> int:
    """Say that the result of REQUEST_ID is no longer wanted; after its end that is ignored."""
    from streamproc.cli.shared.records import send_event
    from streamproc.events import AnalysisCancelRequested
    from streamproc.intake import validated

    content = {"request_id": request_id, "reason": reason}
    event = validated(AnalysisCancelRequested, content)
    placed = asyncio.run(send_event(effective_settings(store=False), event))
    _print_sent(request_id, placed, as_json=output == "json")
    return 0


async def _taken_up(settings: Settings, request_id: str, placed: Placed) -> None:
    """Say so if no worker has answered yet; raises NotTakenError when the id belongs to another request."""
    from streamproc.cli.shared.acceptance import is_taken_up

    if not await is_taken_up(settings, request_id, placed):
        remark(f"no worker has taken up {request_id} yet, or it was asked before")


def _print_sent(request_id: str, placed: Placed, *, as_json: bool) -> None:
    """Print the request id, or where the record lies as JSON."""
    if as_json:
        print_json({"request_id": request_id, **placed._asdict()})
    else:
        tell(request_id)
