"""The one place that turns what went wrong into an exit code and a sentence."""

from __future__ import annotations

import io
import os
import sys
import traceback
from asyncio import CancelledError
from typing import TYPE_CHECKING, Final

import click

from streamproc.cli.program import program
from streamproc.cli.views.output import called
from streamproc.errors import (
    ConfigurationError,
    DeadLetterError,
    InvalidInputError,
    StreamprocError,
)
from streamproc.logs import set_up_logging
from streamproc.safety.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
LED_TO: Final = frozenset({"STREAMPROC_KAFKA_BROKERS", "STREAMPROC_POSTGRES_DSN"})  # by `up`
LINE_MAX: Final = 1000  # characters; more is a value that somebody gave


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code: 0 done, 1 failed, 2 misused or misconfigured.

    Whatever is wrong is said on standard error, all faults at once, as a finished sentence without secrets and without
    anything that a terminal obeys; a closed pipe is no failure worth words.
    """
    try:
        code = program.main(list(arguments), prog_name="streamproc", standalone_mode=False)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        return _said(
            said.getvalue().rstrip("\n"), MISUSED if isinstance(error, click.UsageError) else FAILED
        )
    except (click.Abort, KeyboardInterrupt, CancelledError):
        return _said("streamproc: interrupted", FAILED)
    except StreamprocError as error:
        sentence, code = _explained(error)
        return _said(f"streamproc: {sentence}", code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception:  # noqa: BLE001 - its trace is said; Python's own way to say it would quote secrets
        return _said(f"streamproc: an error that nobody foresaw\n{traceback.format_exc()}", FAILED)
    return code if isinstance(code, int) else DONE


def set_up_remarks() -> None:
    """Let what libraries say about themselves pass as everything else does: on one line, without secrets."""
    set_up_logging("console", "WARNING", secrets=_known_secrets())


def _explained(error: StreamprocError) -> tuple[str, int]:
    """The sentence and the exit code of one of our own errors."""
    if isinstance(error, InvalidInputError):
        return _all_faults(error), MISUSED
    if isinstance(error, DeadLetterError):
        return f"unusable input: {error}", MISUSED
    return str(error), FAILED


def _all_faults(error: InvalidInputError) -> str:
    """One line per fault, below a line that says of what kind they are."""
    what = "misconfigured" if isinstance(error, ConfigurationError) else "invalid input"
    lines = list(map(str, error.faults))
    if any(fault.field in LED_TO and fault.value == "nothing" for fault in error.faults):
        lines.append(
            f"`{called()} up` in this folder, or above it, sets where Kafka and Postgres are"
        )
    if len(lines) == 1:
        return f"{what}: {lines[0]}"
    count = len(error.faults)
    return "\n  ".join([f"{what}, {count} fault{'s' if count > 1 else ''}:", *lines])


def _said(sentence: str, code: int) -> int:
    """Say a sentence on standard error and return the code."""
    from streamproc.cli.views.output import remark

    remark("\n".join(map(_shortened, redacted(sentence, _known_secrets()).split("\n"))))
    return code


def _shortened(line: str) -> str:
    """The line without its middle when it quotes a value that nobody reads to its end."""
    if len(line) <= LINE_MAX:
        return line
    half = LINE_MAX // 2
    return f"{line[:half]}... ({len(line) - 2 * half} more) ...{line[-half:]}"


def _known_secrets() -> Iterator[str]:
    """Every secret in force, looked up when the first sentence needs it."""
    from streamproc.cli.shared.environment import effective_environment
    from streamproc.settings import secrets_in

    yield from secrets_in(effective_environment())
