"""`settings`: what is in force, secrets masked."""

from __future__ import annotations

from pathlib import Path

import click

from streamproc.cli.environment import effective_settings, env_file
from streamproc.cli.output import output_option, print_json, print_table, remarks
from streamproc.settings import describe

EPILOG = """\b
Examples:
  streamproc settings
  streamproc settings --output json"""


@click.command(epilog=EPILOG)
@output_option
def settings(output: str) -> None:
    """Show the settings in force and where they may come from; wrong ones are all named at once (exit code 2)."""
    rows = describe(effective_settings())
    if output == "json":
        print_json({name: value for name, value, _ in rows})
        return
    print_table(["setting", "value", "what for"], rows)
    written = env_file(Path.cwd())
    if written:
        remarks().print(f"\nwith what a running `up` wrote into {written}", markup=False)
