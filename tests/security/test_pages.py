"""The pages about security and operations name settings, bounds, topics and roles that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamproc import limits
from streamproc.settings import PREFIX, Settings
from streamproc.topics import read_topology

TOP = Path(__file__).parents[2]
PAGES = ["SECURITY.md", "docs/operations.md"]
SECRETS = {
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
}


def text_of(page: str) -> str:
    return (TOP / page).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_that_is_named_exists(page: str) -> None:
    named = {name.lower() for name in re.findall(rf"{PREFIX}([A-Z][A-Z_]+[A-Z])", text_of(page))}
    assert named
    there = set(Settings.model_fields) | {f"{name}_file" for name in SECRETS}
    there |= {
        name.lower()
        for name in re.findall(rf"\${{{PREFIX}(\w+):[?-]", text_of("docker-compose.yml"))
    }
    assert named - there == set()


def test_every_secret_is_told_about() -> None:
    page = text_of("SECURITY.md")
    assert [name for name in SECRETS if f"{PREFIX}{name.upper()}" not in page] == []


def test_every_topic_is_told_about() -> None:
    page = text_of("SECURITY.md")
    assert [topic.name for topic in read_topology().topics if f"`{topic.name}`" not in page] == []


def test_every_bound_that_is_named_exists() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", text_of("SECURITY.md")))
    named = {name for name in named if not name.startswith((PREFIX, "SASL_"))}
    assert len(named) > 3
    assert [name for name in named if not hasattr(limits, name)] == []


def test_the_roles_that_are_named_are_those_of_the_schema() -> None:
    folder = TOP / "streamproc" / "store" / "migrations"
    schema = "".join(path.read_text("utf-8") for path in folder.glob("*.sql"))
    for page in PAGES:
        roles = set(re.findall(r"\b(streamproc_(?:writer|reader|owner))\b", text_of(page)))
        assert roles == {"streamproc_writer", "streamproc_reader"}
        assert all(f"'{role}'" in schema for role in roles)
