"""`conformance`: a backend tested against the contract, without a worker, a wallet or a key."""

from __future__ import annotations

import asyncio

import click

from streamproc.cli.numbers import FiniteRange
from streamproc.cli.shared.environment import effective_settings
from streamproc.cli.views.output import output_option, print_json, remark, tell

EPILOG = """\b
Examples:
  streamproc conformance producer --count 3
  streamproc conformance consumer --outcome completed
  streamproc conformance consumer --outcome wallets_failed --count 2"""
COUNT = click.option(
    "--count",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="End after so many requests.",
)
TIMEOUT = click.option(
    "--timeout-s",
    type=FiniteRange(min=0),
    default=60,
    show_default=True,
    help="Give up after so many seconds without one (exit 1).",
)


@click.group(epilog=EPILOG)
def conformance() -> None:
    """Test a backend in any language against the contract: no worker may run, and no wallet or key is needed."""


@conformance.command(epilog=EPILOG)
@COUNT
@TIMEOUT
@output_option
def producer(count: int, timeout_s: float, output: str) -> int:
    """Read what a backend asks (requests and cancels, from now on) and name every fault; exit code 1 with any."""
    from streamproc.cli.shared.conformance_kit import checked

    reading = checked(
        effective_settings(store=False),
        count=count,
        timeout_s=timeout_s,
        started=lambda: remark("reading requests and cancels"),
    )
    found = asyncio.run(reading)
    if output == "json":
        print_json([each._asdict() for each in found])
    else:
        for each in found:
            tell(f"{each.topic} {each.key}: {'; '.join(each.faults) or 'as the contract says'}")
    return 1 if len(found) < count or any(each.faults for each in found) else 0


@conformance.command(epilog=EPILOG)
@click.option("--outcome", default="completed", show_default=True, help="How each request ends.")
@COUNT
@TIMEOUT
@output_option
def consumer(outcome: str, count: int, timeout_s: float, output: str) -> int:
    """Answer what a backend asks as a worker would: progress and the end of the published examples, each record twice.

    A backend that follows the contract drops the repeats by `ce_id`, and reads fields that it does not know.
    """
    from streamproc.cli.shared.conformance_kit import answered

    answering = answered(
        effective_settings(store=False),
        outcome,
        count=count,
        timeout_s=timeout_s,
        started=lambda: remark("answering requests"),
    )
    found = asyncio.run(answering)
    if output == "json":
        print_json([{"request_id": request_id, "records": sent} for request_id, sent in found])
    else:
        for request_id, sent in found:
            tell(f"{request_id}: {sent} records, each twice, as {outcome}")
    return 1 if len(found) < count else 0
