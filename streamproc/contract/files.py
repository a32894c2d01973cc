"""Everything that the contract is published as: each file's text by its place below the top of a checkout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from streamproc.contract.asyncapi import document
from streamproc.contract.schemas import schema_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.topics import Topology

SCHEMAS: Final = "schemas"
EXAMPLES: Final = "examples"
ASYNCAPI: Final = "asyncapi.yaml"
EXAMPLE_MAX_BYTES: Final = 4096  # what a reader of the whole document passes over at a glance
_MARK: Final = "# Written by a command from topics.yaml and the models, see CONTRIBUTING.md.\n"


def files(topology: Topology, examples: Mapping[str, list[dict[str, object]]]) -> dict[str, str]:
    """Each schema as `schemas/EVENT.json`, and `asyncapi.yaml`; `examples` by event go into the latter."""
    found = {
        f"{SCHEMAS}/{event}.json": schema_text(schema_of(event, topology))
        for event in topology.by_event
    }
    text = yaml.safe_dump(
        document(topology, examples), sort_keys=False, allow_unicode=True, width=110
    )
    return {**found, ASYNCAPI: _MARK + text}


def read_examples(top: Path) -> dict[str, list[dict[str, object]]]:
    """The examples of a checkout by event, as AsyncAPI has them; those of more than EXAMPLE_MAX_BYTES are left out."""
    found: dict[str, list[dict[str, object]]] = {}
    for path in sorted((top / SCHEMAS / EXAMPLES).glob("*/*.json")):
        text = path.read_text("utf-8")
        if len(text) <= EXAMPLE_MAX_BYTES:
            record = json.loads(text)
            example = {"name": path.stem, "headers": record["headers"], "payload": record["value"]}
            found.setdefault(path.parent.name, []).append(example)
    return found


def examples_folder() -> Path:
    """Where the published examples lie: in the installed package, or in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / SCHEMAS / EXAMPLES
    return inside if inside.exists() else package.parent / SCHEMAS / EXAMPLES


def schema_text(schema: dict[str, object]) -> str:
    """A schema as the file that it is published as."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
