"""`settings`: what is in force, secrets masked."""

from __future__ import annotations

from pathlib import Path

import click

from streamproc.cli.shared.environment import effective_settings, env_file
from streamproc.cli.views.markdown import into_option, show_block, table
from streamproc.cli.views.output import output_option, print_json, print_table, remarks

EPILOG = """\b
Examples:
  streamproc settings
  streamproc settings --output json
  streamproc settings --into docs/settings.md"""


@click.command(epilog=EPILOG)
@output_option
@into_option
def settings(output: str, into: Path | None) -> None:
    """Show the settings in force, secrets masked; wrong ones are all named at once (exit code 2).

    With --into the table of all settings and their defaults is written, whatever is in force.
    """
    from streamproc.settings import describe

    if into is not None:
        show_block("settings", settings_table(), into)
        return
    rows = describe(effective_settings())
    if output == "json":
        print_json({name: value for name, value, _ in rows})
        return
    print_table(["setting", "value", "what for"], rows)
    written = env_file(Path.cwd())
    if written:
        remarks().print(f"\nwith what a running `up` wrote into {written}", markup=False)


def settings_table() -> str:
    """All settings with their defaults, as a Markdown table."""
    from streamproc.settings import PREFIX, Settings

    rows = []
    for name, field in Settings.model_fields.items():
        default = "**needed**" if field.is_required() else _default(name)
        rows.append([f"`{PREFIX}{name.upper()}`", default, field.description or ""])
    return table(["setting", "default", "what for"], rows)


def _default(name: str) -> str:
    """A setting's default in words that hold on every machine."""
    from streamproc.settings import Settings

    if name == "data_dir":
        return "the user's data folder"
    default = Settings.model_fields[name].default
    return "" if default in {None, ""} else f"`{default}`"
