"""Exit codes are 0, 1 and 2, decided in one place, and what is wrong is said on standard error."""

from __future__ import annotations

from asyncio import CancelledError
from typing import TYPE_CHECKING

import click
import pytest

from streamproc.cli import exits
from streamproc.errors import (
    BrokerUnavailableError,
    ConfigurationError,
    DeadLetterError,
    Fault,
    InvalidInputError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TWO = [Fault("a", "1", "must be b"), Fault("c", "2", "must be d")]


def program_that(act: Callable[[], object]) -> click.Command:
    """A program that does one thing."""

    @click.command()
    def program() -> object:
        return act()

    return program


def raising(error: BaseException) -> click.Command:
    """A program that ends with this."""

    def act() -> object:
        raise error

    return program_that(act)


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (
            ConfigurationError(TWO),
            2,
            "misconfigured, 2 faults:\n  a: must be b (found 1)\n  c: must be d (found 2)",
        ),
        (InvalidInputError(TWO[:1]), 2, "invalid input: a: must be b (found 1)"),
        (DeadLetterError("not_json", "no JSON"), 2, "no JSON"),
        (BrokerUnavailableError("away"), 1, "away"),
        (StoreUnavailableError("gone"), 1, "gone"),
        (KeyboardInterrupt(), 1, "interrupted"),
        (CancelledError(), 1, "interrupted"),
        (click.UsageError("so not"), 2, "so not"),
        (click.ClickException("failed"), 1, "failed"),
    ],
)
def test_each_error_has_its_code_and_its_sentence(
    error: BaseException,
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(exits, "program", raising(error))
    assert exits.run([]) == code
    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1), ("text", 0)])
def test_what_a_command_returns_is_its_exit_code(
    returned: object, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exits, "program", program_that(lambda: returned))
    assert exits.run([]) == code


def test_an_unknown_command_is_a_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits.run(["no-such-command"]) == 2
    assert "no-such-command" in capsys.readouterr().err


def test_a_bug_is_told_with_its_trace_and_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STREAMPROC_POSTGRES_DSN", "postgresql://u:p%40ssw0rd@h/d")
    said = "cannot parse p%40ssw0rd, that is p@ssw0rd\x1b[31m, of 'postgresql://x:y@z'"
    monkeypatch.setattr(exits, "program", raising(ZeroDivisionError(said)))
    assert exits.run([]) == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "ZeroDivisionError" in shown
    for hidden in ("p%40ssw0rd", "p@ssw0rd", "x:y", "\x1b"):
        assert hidden not in shown
