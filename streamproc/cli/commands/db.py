"""`db migrate`: the schema of the store, brought up to date."""

from __future__ import annotations

import asyncio

import click

from streamproc.cli.shared.environment import effective_settings
from streamproc.cli.views.near_names import Group
from streamproc.cli.views.output import output_option, print_json, tell

EPILOG = """\b
Example:
  streamproc db migrate"""


@click.group(cls=Group, epilog=EPILOG)
def db() -> None:
    """Look after the database schema."""


@db.command()
@output_option
def migrate(output: str) -> None:
    """Apply the migrations that are missing; safe to run at any time and from several places at once."""
    from streamproc.store.postgres.migrate import migrate as migrate_store

    settings = effective_settings()
    applied = asyncio.run(migrate_store(settings.postgres_dsn.get_secret_value()))
    if output == "json":
        print_json({"applied": list(applied)})
    elif applied:
        tell("\n".join(f"applied {name}" for name in applied))
    else:
        tell("the schema is current; nothing to do")
