"""Every command explains itself with examples, and the list of commands costs nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, get_args

import click
import pytest
from click.testing import CliRunner

from streamproc.cli.commands.listing import STATUSES
from streamproc.cli.program import COMMANDS, program
from streamproc.store.requests import Status

if TYPE_CHECKING:
    from pathlib import Path

SLOW_PARTS = (
    "aiokafka",
    "asyncpg",
    "numpy",
    "scipy",
    "aiohttp",
    "httpx",
    "pydantic",
    "rich",
    "faust",
    "yaml",
)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_with_an_example(name: str) -> None:
    shown = CliRunner().invoke(program, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert f"streamproc {name}" in shown.output.partition("Example")[2]


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_option_says_what_it_does(name: str) -> None:
    command = program.get_command(click.Context(program), name)
    parts = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    for part in parts:
        assert part is not None
        assert part.help
        assert all(option.help for option in part.params if isinstance(option, click.Option)), (
            part.name
        )


def test_the_help_of_a_command_names_all_and_imports_nothing_slow() -> None:
    code = f"""
import sys
import click
from streamproc.cli.exits import run
from streamproc.cli.program import COMMANDS, program
assert run(["--help"]) == 0
for name in COMMANDS:
    command = program.get_command(click.Context(program), name)
    for part in [[], *([each] for each in getattr(command, "commands", ()))]:
        assert run([name, *part, "--help"]) == 0
slow = [name for name in {SLOW_PARTS!r} if name in sys.modules]
assert not slow, slow
"""
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert all(name in shown.stdout for name in COMMANDS)


def test_a_worker_starts_without_what_only_pages_and_results_need() -> None:
    parts = ["numpy", "scipy", "rich", "pygments", "streamproc.core.similarity"]
    code = f"import sys, streamproc.app\nprint([name for name in {parts} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "[]"


def test_a_worker_starts_without_the_certificates_of_all_authorities() -> None:
    """Calls name their own; aiohttp would read these on import. The environment is as it was afterwards."""
    code = """
import os
given = dict(os.environ)
import streamproc.app
import aiohttp.connector
assert dict(os.environ) == given
print(aiohttp.connector._SSL_CONTEXT_VERIFIED.cert_store_stats()["x509_ca"])
"""
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "0"


def test_requests_are_listed_by_every_status_that_the_store_knows() -> None:
    assert get_args(Status) == STATUSES


def test_the_program_runs_from_any_folder(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "streamproc", "topics", "graph"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "analysis-requested" in shown.stdout


def test_the_version_is_shown() -> None:
    shown = CliRunner().invoke(program, ["--version"])
    assert shown.output.startswith("streamproc, version ")


@pytest.mark.parametrize(
    ("said", "meant"),
    [(["lst"], "list"), (["dlq", "relay"], "replay"), (["topics", "aply"], "apply")],
)
def test_a_misspelled_command_is_answered_with_what_may_be_meant(
    said: list[str], meant: str
) -> None:
    shown = CliRunner().invoke(program, said)
    assert (shown.exit_code, f"Did you mean '{meant}'?" in shown.output) == (2, True), shown.output
