"""`topics`: what the broker has, compared with what `topics.yaml` declares."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamproc.cli.shared.environment import effective_settings
from streamproc.cli.views.markdown import into_option, show_block
from streamproc.cli.views.near_names import Group
from streamproc.cli.views.output import output_option, print_json, print_table, tell
from streamproc.errors import Fault, InvalidInputError

if TYPE_CHECKING:
    from streamproc.kafka.wanted_topics import Plan

EPILOG = """\b
Examples:
  streamproc topics plan
  streamproc topics apply
  streamproc topics check && echo as declared
  streamproc topics schema AnalysisCompleted
  streamproc topics graph --into README.md"""


@click.group(cls=Group, epilog=EPILOG)
def topics() -> None:
    """Compare the broker's topics with the declared ones; of what exists only an unset segment.ms is ever set."""


@topics.command()
@output_option
def plan(output: str) -> None:
    """Show what `apply` would create and what differs from the declaration."""
    from streamproc.kafka import admin
    from streamproc.topics import read_topology

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
    _show(compared, created="to create", unset="to set", as_json=output == "json")


@topics.command()
@output_option
def apply(output: str) -> int:
    """Create the topics that are missing; exit code 1 when existing ones differ."""
    from streamproc.kafka import admin
    from streamproc.topics import read_topology

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
    _show(done, created="created", unset="set", as_json=output == "json")
    return 1 if done.differing else 0


@topics.command()
@output_option
def check(output: str) -> int:
    """Exit with 0 when the broker's topics are exactly as declared, else with 1 and every difference."""
    from streamproc.kafka import admin
    from streamproc.topics import read_topology

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
        tell("all topics are as declared")
    return 1 if faults else 0


@topics.command("graph")
@into_option
def draw(into: Path | None) -> None:
    """Draw who writes and who reads which topic, as a mermaid diagram."""
    from streamproc.cli.views.topology_graph import graph
    from streamproc.topics import read_topology

    show_block("topology", graph(read_topology()), into)


@topics.command("events")
@into_option
def list_events(into: Path | None) -> None:
    """List every event with its topic, key and fields, as Markdown."""
    from streamproc.cli.views.event_tables import event_tables
    from streamproc.topics import read_topology

    show_block("events", event_tables(read_topology()), into)


@topics.command("result")
@into_option
def list_result(into: Path | None) -> None:
    """List every field of the result with its type, unit and meaning, as Markdown."""
    from streamproc.cli.views.event_tables import result_tables
    from streamproc.topics import read_topology

    show_block("result", result_tables(read_topology()), into)


@topics.command()
@click.argument("event", required=False)
@click.option(
    "--into",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A checkout in which schemas/ and asyncapi.yaml are written anew.",
)
def schema(event: str | None, into: Path | None) -> None:
    """Print the JSON Schema (2020-12) of EVENT, or without one of all events by name."""
    from streamproc.contract import files, schema_of
    from streamproc.contract.files import read_examples
    from streamproc.topics import read_topology

    topology = read_topology()
    if into is not None:
        for name, text in files(topology, read_examples(into)).items():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            (into / name).write_text(text, encoding="utf-8")
    elif event is None:
        print_json({name: schema_of(name, topology) for name in topology.by_event})
    elif event in topology.by_event:
        print_json(schema_of(event, topology))
    else:
        rule = f"must be one of {', '.join(topology.by_event)}"
        raise InvalidInputError([Fault("event", event, rule)])


def _show(compared: Plan, *, created: str, unset: str, as_json: bool) -> None:
    """What is or would be created, and what differs."""
    from streamproc.kafka.wanted_topics import SEGMENT

    if as_json:
        missing = [
            {"topic": topic.name, "partitions": topic.partitions} for topic in compared.missing
        ]
        differing = [fault._asdict() for fault in compared.differing]
        names = [topic.name for topic in compared.unset]
        found = {
            created.replace(" ", "_"): missing,
            f"segment_ms_{unset.replace(' ', '_')}": names,
            "differing": differing,
        }
        print_json(found)
        return
    if compared.missing:
        rows = [(topic.name, topic.partitions) for topic in compared.missing]
        print_table([created, "partitions>"], rows)
    if compared.unset:
        rows = [(topic.name, int(topic.config[SEGMENT])) for topic in compared.unset]
        print_table([f"segment.ms {unset}", "ms>"], rows)
    if compared.differing:
        _show_faults(list(compared.differing))
    if not (compared.missing or compared.differing or compared.unset):
        tell("all topics are as declared; nothing to do")


def _show_faults(faults: list[Fault]) -> None:
    """Every difference in a line."""
    print_table(["what differs", "found", "rule"], faults)
