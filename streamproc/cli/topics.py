"""`topics`: what the broker has, compared with what `topics.yaml` declares."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamproc import admin
from streamproc.cli.environment import effective_settings
from streamproc.cli.output import output_option, print_json, print_table
from streamproc.cli.topology_graph import graph, with_block
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from streamproc.admin import Plan
    from streamproc.errors import Fault

EPILOG = """\b
Examples:
  streamproc topics plan
  streamproc topics apply
  streamproc topics check && echo as declared
  streamproc topics graph"""


@click.group(epilog=EPILOG)
def topics() -> None:
    """Compare the broker's topics with the declared ones; nothing that exists is ever altered."""


@topics.command()
@output_option
def plan(output: str) -> None:
    """Show what `apply` would create and what differs from the declaration."""
    settings = effective_settings(store=False)
    compared = asyncio.run(
        admin.plan(
            settings.kafka_brokers,
            read_topology(),
            prefix=settings.topic_prefix,
            app_id=settings.app_id,
            security=settings.kafka_security(),
        )
    )
    _show(compared, created="to create", as_json=output == "json")


@topics.command()
@output_option
def apply(output: str) -> int:
    """Create the topics that are missing; exit code 1 when existing ones differ."""
    settings = effective_settings(store=False)
    done = asyncio.run(
        admin.apply(
            settings.kafka_brokers,
            read_topology(),
            prefix=settings.topic_prefix,
            app_id=settings.app_id,
            security=settings.kafka_security(),
        )
    )
    _show(done, created="created", as_json=output == "json")
    return 1 if done.differing else 0


@topics.command()
@output_option
def check(output: str) -> int:
    """Exit with 0 when the broker's topics are exactly as declared, else with 1 and every difference."""
    settings = effective_settings(store=False)
    faults = asyncio.run(
        admin.check(
            settings.kafka_brokers,
            read_topology(),
            prefix=settings.topic_prefix,
            app_id=settings.app_id,
            security=settings.kafka_security(),
        )
    )
    if output == "json":
        print_json({"as_declared": not faults, "faults": [fault._asdict() for fault in faults]})
    elif faults:
        _show_faults(faults)
    else:
        click.echo("all topics are as declared")
    return 1 if faults else 0


@topics.command("graph")
@click.option(
    "--into",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A Markdown file whose topology block is replaced.",
)
def draw(into: Path | None) -> None:
    """Draw who writes and who reads which topic, as a mermaid diagram."""
    drawn = graph(read_topology())
    if into is None:
        click.echo(drawn)
        return
    into.write_text(with_block(into.read_text(encoding="utf-8"), drawn), encoding="utf-8")


def _show(compared: Plan, *, created: str, as_json: bool) -> None:
    """What is or would be created, and what differs."""
    if as_json:
        missing = [
            {"topic": topic.name, "partitions": topic.partitions} for topic in compared.missing
        ]
        differing = [fault._asdict() for fault in compared.differing]
        print_json({created.replace(" ", "_"): missing, "differing": differing})
        return
    if compared.missing:
        rows = [(topic.name, topic.partitions) for topic in compared.missing]
        print_table([created, "partitions>"], rows)
    if compared.differing:
        _show_faults(list(compared.differing))
    if not (compared.missing or compared.differing):
        click.echo("all topics are as declared; nothing to do")


def _show_faults(faults: list[Fault]) -> None:
    """Every difference in a line."""
    print_table(["what differs", "found", "rule"], faults)
