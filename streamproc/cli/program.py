"""The commands by name; each one's module is imported only when that command is used, so that `--help` is fast."""

from __future__ import annotations

from importlib import import_module
from typing import Final, NamedTuple

import click

from streamproc import __version__
from streamproc.cli.views.near_names import Group

EPILOG: Final = """\b
Examples:
  streamproc demo
  streamproc up --sandbox
  streamproc submit --file wallets.txt --wait
  streamproc result ID --format html > report.html

\b
Settings come from STREAMPROC_... variables, then .env in this folder, then .streamproc/env here or in a parent
(written by `up`). `streamproc settings` shows what is in force. Exit codes: 0 done, 1 failed, 2 misused or
misconfigured."""


class Entry(NamedTuple):
    """Where a command lives, and the line that a list of commands shows of it."""

    place: str
    summary: str


COMMANDS: Final = {
    "demo": Entry("demo:demo", "See everything work on this machine, with nothing else installed."),
    "up": Entry("up:up", "Run embedded Kafka and Postgres in the foreground."),
    "worker": Entry("serving:worker", "Run the agents."),
    "submit": Entry("submit:submit", "Ask for the analysis of some wallets."),
    "watch": Entry("watch:watch", "Follow a request until its end."),
    "result": Entry("result:result", "Show the result of a request."),
    "list": Entry("listing:list_requests", "List the requests and how they stand."),
    "console": Entry("serving:console", "See requests and results in a browser, or over HTTP."),
    "cancel": Entry("submit:cancel", "Say that a result is no longer wanted."),
    "topics": Entry("topics:topics", "Compare the broker's topics with the declared ones."),
    "db": Entry("db:db", "Look after the database schema."),
    "settings": Entry("settings:settings", "Show the settings in force, secrets masked."),
    "doctor": Entry("doctor:doctor", "Check everything that a worker needs."),
    "dlq": Entry("dlq:dlq", "Look at dead letters, send them again, remove them."),
    "skip": Entry("skip:skip", "Step stopped workers over one record."),
    "conformance": Entry(
        "conformance:conformance", "Test a backend against the contract, without a worker."
    ),
    "sandbox": Entry("sandbox:sandbox", "Serve a stand-in for the upstream services."),
}


class LazyGroup(Group):
    """A group that knows its commands' names and summaries without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command of that name, None when there is none."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.place.partition(":")
        command = getattr(import_module(f"streamproc.cli.commands.{module}"), name)
        assert isinstance(command, click.Command)  # noqa: S101 - COMMANDS names commands only
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """The list of commands, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"max_content_width": 110})
@click.version_option(__version__, prog_name="streamproc")
def program(**_: object) -> None:
    """Analyze Solana wallets: history, PnL, behavior and explained similarity, event by event on Kafka."""
