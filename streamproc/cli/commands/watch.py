"""`watch`: a request followed until its end."""

from __future__ import annotations

import asyncio

import click

from streamproc.cli.numbers import FiniteRange
from streamproc.cli.shared.environment import effective_settings
from streamproc.cli.shared.following import waited
from streamproc.cli.shared.requests import checked_id
from streamproc.cli.views.output import output_option

EPILOG = """\b
Examples:
  streamproc watch lab-7f3a
  streamproc watch lab-7f3a --output json | jq .percent"""


@click.command(epilog=EPILOG)
@click.argument("request_id")
@click.option(
    "--timeout-s", type=FiniteRange(min=0), help="Give up after so many seconds (exit 1)."
)
@output_option
def watch(request_id: str, timeout_s: float | None, output: str) -> int:
    """Follow REQUEST_ID until its end, from its beginning however late.

    Bars on a terminal, lines elsewhere; with --output json each event is one line of JSON on standard output, the
    terminal record last. Exit code 1 when the request ended without a result.
    """
    request_id = checked_id(request_id)
    settings = effective_settings(store=False)
    return asyncio.run(waited(settings, request_id, output=output, timeout_s=timeout_s))
