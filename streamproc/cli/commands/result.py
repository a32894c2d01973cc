"""`result`: what came out, from the store, in the form that is wanted."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final, cast

import click
import orjson

from streamproc.cli.shared.environment import effective_settings
from streamproc.cli.shared.requests import checked_id
from streamproc.cli.shared.stored_result import stored_result
from streamproc.cli.views.output import remark, tell, tell_exactly

if TYPE_CHECKING:
    from streamproc.cli.shared.stored_result import Stored
    from streamproc.json_types import Json
    from streamproc.settings import Settings
    from streamproc.store import Ending

EPILOG = """\b
Examples:
  streamproc result lab-7f3a
  streamproc result lab-7f3a --pairs 100
  streamproc result lab-7f3a --format json > result.json
  streamproc result lab-7f3a --format csv > pairs.csv
  streamproc result lab-7f3a --format csv --rows wallets > wallets.csv
  streamproc result lab-7f3a --format parquet --rows trades > trades.parquet
  streamproc result lab-7f3a --format html > report.html"""

ROWS: Final = ("pairs", "wallets", "tokens", "trades")


@click.command(epilog=EPILOG)
@click.argument("request_id")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "parquet", "html"]),
    default="table",
    show_default=True,
    help="Tables for people; the whole result as JSON; rows for a spreadsheet or a data frame; a self-contained page.",
)
@click.option(
    "--rows",
    type=click.Choice(ROWS),
    default="pairs",
    show_default=True,
    help="With csv and parquet: what a row is. Trades are read from the stored histories.",
)
@click.option(
    "--pairs", type=click.IntRange(0), default=20, show_default=True, help="With table: so many."
)
def result(request_id: str, form: str, rows: str, pairs: int) -> int:
    """Show the result of REQUEST_ID; exit code 1 when there is none (yet)."""
    from streamproc.cli.views.result_tables import print_result
    from streamproc.report import render_report

    request_id = checked_id(request_id)
    settings = effective_settings()
    stored = asyncio.run(stored_result(settings, request_id))
    if stored.result is None:
        remark(f"streamproc: {_why_none(request_id, stored.ending)}")
        return 1
    if form == "json":
        tell_exactly([stored.result, b"\n"])
        return 0
    content = orjson.loads(stored.result)
    if form == "html":
        tell(render_report(content, explorer_url=settings.explorer))
    elif form in {"csv", "parquet"}:
        _tell_table(settings, content, stored, form=form, rows=rows)
    else:
        print_result(content, pairs=pairs)
    return 0


def _tell_table(settings: Settings, content: Json, stored: Stored, *, form: str, rows: str) -> None:
    """A table of the result on standard output."""
    from streamproc.cli.shared.stored_trades import trades_table_of
    from streamproc.export.csv_form import csv_lines
    from streamproc.export.parquet_form import parquet_chunks
    from streamproc.export.tables import Rows, table_of

    if form == "parquet" and sys.stdout.isatty():
        raise click.UsageError(
            "Parquet is not for a terminal: write it into a file, > FILE.parquet"
        )
    if rows == "trades":
        table = asyncio.run(trades_table_of(settings, content))
    else:
        table = table_of(cast("Rows", rows), content, stored.pairs)
    tell_exactly(csv_lines(table) if form == "csv" else parquet_chunks(table))


def _why_none(request_id: str, ending: Ending | None) -> str:
    """Why there is no result."""
    if ending is None:
        return f"{request_id} has not ended, or was never asked; `streamproc watch {request_id}` waits for it"
    content = orjson.loads(ending.terminal.value)
    faults = [
        f"\n  {each['field']}: {each['rule']} (found {each['value']})"
        for each in content.get("faults", ())
    ]
    if omitted := content.get("faults_omitted", 0):
        faults.append(f"\n  and {omitted} more")
    says = "".join(faults) or f" {content.get('message', '')}"
    return f"{request_id} ended as {ending.status} ({ending.code}):{says}"
