"""`list`: the requests of an installation and how they stand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import click

from streamproc import limits
from streamproc.cli.shared.environment import effective_settings
from streamproc.cli.views.output import output_option, print_json, print_table, remark
from streamproc.errors import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.settings import Settings
    from streamproc.store.listing import Listed

EPILOG = """\b
Examples:
  streamproc list
  streamproc list --status running --output json
  streamproc list --tenant desk-2 --limit 500"""
STATUSES: Final = ("running", "completed", "failed", "cancelled", "expired", "rejected")
COLUMNS = ("request", "status", "age>", "progress>", "wallets>", "tenant")


@click.command("list", epilog=EPILOG)
@click.option("--status", type=click.Choice(STATUSES), help="Only those that stand like this.")
@click.option("--tenant", help="Only those of this tenant.")
@click.option(
    "--limit",
    type=click.IntRange(1, limits.REQUESTS_LISTED_MAX),
    default=limits.REQUESTS_LISTED,
    show_default=True,
    help="At most so many, the newest first.",
)
@output_option
def list_requests(status: str | None, tenant: str | None, limit: int, output: str) -> None:
    """List the requests, the newest first: how they stand, their age, how far they are, whose they are.

    What has ended is read from Postgres alone; how far a running one is says its last record on Kafka.
    """
    from streamproc.report.wording import NOTHING, seconds

    found, percents = asyncio.run(_found(effective_settings(), status, tenant, limit))
    if output == "json":
        print_json([each.as_json(percents.get(each.request_id)) for each in found])
        return
    rows = [
        (
            each.request_id,
            each.status + (f" ({each.code})" if each.code and each.code != each.status else ""),
            seconds(1000 * max(0.0, each.age_s)),
            NOTHING if (percent := _percent(each, percents)) is None else f"{percent:.0f} %",
            each.wallets,
            each.tenant,
        )
        for each in found
    ]
    print_table(COLUMNS, rows)
    if len(found) == limit:
        remark(f"the newest {limit}; more with --limit")


async def _found(
    settings: Settings, status: str | None, tenant: str | None, limit: int
) -> tuple[Sequence[Listed], dict[str, float]]:
    """The requests, and how far the running ones are as far as Kafka says so."""
    from streamproc.cli.shared.records import latest_progress
    from streamproc.store import open_store

    async with open_store(settings.postgres_dsn.get_secret_value(), pool_size=1) as store:
        found = await store.listed(status=status, tenant=tenant, most=limit)
    running = {each.request_id: each.requested_at_ms for each in found if each.status == "running"}
    if not running:
        return found, {}
    try:
        return found, await latest_progress(settings, running)
    except BrokerUnavailableError as error:
        remark(f"streamproc: no progress of running requests: {error}")
        return found, {}


def _percent(each: Listed, percents: dict[str, float]) -> float | None:
    """How far a request is, None when nobody has said."""
    return percents.get(each.request_id, each.percent)
