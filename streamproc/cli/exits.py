"""The one place that turns what went wrong into an exit code and a sentence."""

from __future__ import annotations

import os
import sys
from asyncio import CancelledError
from typing import TYPE_CHECKING, Final

import click

from streamproc.cli.program import program
from streamproc.errors import (
    ConfigurationError,
    DeadLetterError,
    InvalidInputError,
    StreamprocError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code: 0 done, 1 failed, 2 misused or misconfigured.

    Whatever is wrong is said on standard error, all faults at once; a closed pipe is no failure worth words.
    """
    try:
        code = program.main(list(arguments), prog_name="streamproc", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return MISUSED if isinstance(error, click.UsageError) else FAILED
    except (click.Abort, KeyboardInterrupt, CancelledError):
        return _said("interrupted", FAILED)
    except StreamprocError as error:
        return _said(*_explained(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code if isinstance(code, int) else DONE


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
    if len(error.faults) == 1:
        return f"{what}: {error.faults[0]}"
    return "\n  ".join([f"{what}, {len(error.faults)} faults:", *map(str, error.faults)])


def _said(sentence: str, code: int) -> int:
    """Say a sentence on standard error and return the code."""
    click.echo(f"streamproc: {sentence}", err=True)
    return code
