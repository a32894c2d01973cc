"""`doctor`: everything that a worker needs, looked at one by one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from streamproc.cli.shared.environment import effective_settings
from streamproc.cli.views.output import output_option, print_json, print_table
from streamproc.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.cli.shared.checks import Check

EPILOG = """\b
Examples:
  streamproc doctor
  streamproc doctor --upstream --output json"""


@click.command(epilog=EPILOG)
@click.option(
    "--upstream",
    is_flag=True,
    help="Also ask the upstream what it can do, and the chain how it is (about 130 credits).",
)
@output_option
def doctor(*, upstream: bool, output: str) -> int:
    """Check Python, settings, broker, topics, Postgres, schema, disk; exit code 1 when something is wrong."""
    checks = _run_checks(upstream=upstream)
    if output == "json":
        print_json([check._asdict() for check in checks])
    else:
        print_table(["what", "state", "found"], checks)
    return 1 if any(check.state == "failed" for check in checks) else 0


def _run_checks(*, upstream: bool) -> Sequence[Check]:
    """All checks; with unusable settings one failed check per fault."""
    from streamproc.cli.shared.checks import Check, all_checks

    try:
        settings = effective_settings()
    except ConfigurationError as error:
        return [Check("settings", "failed", str(fault)) for fault in error.faults]
    return asyncio.run(all_checks(settings, upstream=upstream))
