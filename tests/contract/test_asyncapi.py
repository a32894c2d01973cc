"""`asyncapi.yaml` is AsyncAPI 3.0 by that standard's own schema, and leads to schemas that are there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator

from streamproc.topics import OUTSIDE, read_topology

TOP = Path(__file__).parents[2]
# From the npm package @asyncapi/specs 6.11.1 (Apache-2.0), as it is.
STANDARD = Path(__file__).with_name("asyncapi-3.0.0.json")
TOPOLOGY = read_topology()


def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((TOP / "asyncapi.yaml").read_text("utf-8"))
    return found


def test_the_document_is_valid_by_the_standards_own_schema() -> None:
    validator = Draft7Validator(json.loads(STANDARD.read_text("utf-8")))
    assert [
        f"{error.json_path}: {error.message}" for error in validator.iter_errors(document())
    ] == []


def test_a_wrong_document_is_refused_by_it() -> None:
    wrong = document()
    wrong["channels"]["wallet-sync"]["bindings"]["kafka"]["partitions"] = "four"
    validator = Draft7Validator(json.loads(STANDARD.read_text("utf-8")))
    assert not validator.is_valid(wrong)


def test_every_reference_leads_somewhere() -> None:
    whole = document()

    def references(part: object) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [each for value in part.values() for each in references(value)]
        if isinstance(part, list):
            return [each for value in part for each in references(value)]
        return []

    for reference in references(whole):
        if reference.startswith("#/"):
            found: Any = whole
            for name in reference.removeprefix("#/").split("/"):
                found = found[name]
        else:
            assert (TOP / reference).is_file(), reference


def test_every_topic_is_a_channel_and_each_agent_an_operation() -> None:
    whole = document()
    assert list(whole["channels"]) == [topic.name for topic in TOPOLOGY.topics]
    for topic in TOPOLOGY.topics:
        actions = {
            operation["action"]
            for operation in whole["operations"].values()
            if operation["channel"]["$ref"] == f"#/channels/{topic.name}"
        }
        sides = {"send": topic.producers, "receive": topic.consumers}
        assert actions == {action for action, who in sides.items() if set(who) - OUTSIDE}
