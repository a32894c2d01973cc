"""Every value that every verb takes, given as nobody should give it: refused or told in a sentence, never a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from streamproc.cli.exits import run
from streamproc.cli.program import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Verbs that serve until they are ended: their values are parsed and nothing is begun.
SERVING = {"demo", "up", "worker", "sandbox"}
HOLE = "{}"
ODD = {
    "nothing": "",
    "a space": " ",
    "a dash": "-",
    "what looks like an option": "--no-such-option",
    "controls": "\x1b[2J\a\r\n",
    "another direction": "\u202eevil",
    "no UTF-8": "\udcff\udcfe",
    "no number": "nan",
    "no end": "inf",
    "less than all": "-inf",
    "below": "-1",
    "more than 64 bits": "1" + "0" * 30,
    "more digits than are read": "9" * 5000,
    "wide digits": "\uff11\uff12",
    "an exponent": "1e400",
    "a year before all": "0001-01-01",
    "a year after all": "9999-12-31",
    "a file that is none": "@/no/such/file",
    "a folder": "@/",
    "a long word": "x" * 70_000,
    "JSON": '{"a": [1]}',
    "JSON without end": "[" * 70_000,
    "a home": "~nobody/../..",
    "a format": "%s%n{0}",
}


def verbs(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that lead to it."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from verbs(below, *path, name)
    else:
        yield path, command


def usual(command: click.Command, asked: click.Parameter | None) -> list[str]:
    """Arguments that would do, but for the parameter that is asked about."""
    kinds = {"integer range": "0", "integer": "0"}
    return [
        HOLE if parameter is asked else kinds.get(parameter.type.name, "any")
        for parameter in command.params
        if isinstance(parameter, click.Argument) and (parameter is asked or parameter.required)
    ]


def questions() -> Iterator[tuple[str, tuple[str, ...], list[str]]]:
    """Each verb with one of its values missing: a name, its words, and arguments with a `HOLE` in them."""
    for path, command in verbs(program):
        for parameter in command.params:
            if isinstance(parameter, click.Argument):
                yield f"{' '.join(path)} {parameter.name}", path, ["--", *usual(command, parameter)]
            elif not parameter.is_flag and parameter.name != "help":  # type: ignore[attr-defined]
                given = [f"{parameter.opts[-1]}={HOLE}", *usual(command, None)]
                yield f"{' '.join(path)} {parameter.opts[-1]}", path, given


QUESTIONS = list(questions())


@pytest.fixture
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No broker, no database, an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STREAMPROC_KAFKA_BROKERS", "127.0.0.1:1")
    monkeypatch.setenv("STREAMPROC_POSTGRES_DSN", "postgresql://u:secret-word@127.0.0.1:1/x")


@pytest.mark.usefixtures("_alone")
@pytest.mark.parametrize(
    ("path", "given"), [each[1:] for each in QUESTIONS], ids=[each[0] for each in QUESTIONS]
)
def test_an_odd_value_is_answered_in_a_sentence(
    path: tuple[str, ...], given: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    for why, value in ODD.items():
        arguments = filled(given, value)
        code = parsed(path, arguments) if path[0] in SERVING else run([*path, *arguments])
        said = capfd.readouterr()
        told = said.err.replace("\n", "").replace("\t", "")
        assert code in {0, 1, 2}, why
        assert code == 0 or told, why
        assert "nobody foresaw" not in said.err, f"{why}: {said.err[-2000:]}"
        assert "Traceback" not in said.err, f"{why}: {said.err[-2000:]}"
        assert "secret-word" not in said.err + said.out, why
        assert told.isprintable(), f"{why}: {told!r}"
        assert len(told) < 5000, f"{why}: {len(told)} characters"


@pytest.mark.usefixtures("_alone")
@pytest.mark.parametrize("verb", ["watch", "result", "cancel"])
@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 65, "a\n", "\u00e9"])
def test_an_id_that_no_request_can_have_is_refused_and_not_waited_for(
    verb: str, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run([verb, "--", name]) == 2
    assert "request_id: must match ^[A-Za-z0-9._-]{1,64}$ (found " in capfd.readouterr().err


def filled(given: list[str], value: str) -> list[str]:
    """The arguments with the value at its place."""
    return [word.replace(HOLE, value) for word in given]


def parsed(path: tuple[str, ...], arguments: list[str]) -> int:
    """Parse what would be run; the exit code."""
    ended: list[int] = []

    def instead(*_: object, **__: object) -> None:
        ended.append(0)

    with pytest.MonkeyPatch.context() as patch:
        for words, command in verbs(program):
            if words == path:
                patch.setattr(command, "callback", instead)
                return run([*path, *arguments])
    raise AssertionError(path)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400"])
def test_a_float_that_is_no_number_is_misuse(value: str, capfd: pytest.CaptureFixture[str]) -> None:
    floats = [
        (path, parameter.opts[-1])
        for path, command in verbs(program)
        for parameter in command.params
        if isinstance(parameter.type, click.FloatRange)
    ]
    assert len(floats) > 5
    for path, name in floats:
        assert run([*path, f"{name}={value}"]) == 2
        assert name in capfd.readouterr().err
