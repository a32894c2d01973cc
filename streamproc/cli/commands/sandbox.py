"""`sandbox`: the stand-in upstream in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamproc.cli.numbers import FiniteRange
from streamproc.cli.views.output import remark, tell
from streamproc.sandbox.service.refusals import BATCH_MAX

if TYPE_CHECKING:
    from streamproc.sandbox.service.server import Sandbox

NAMED = 3
EPILOG = """\b
Examples:
  streamproc sandbox --port 9000 --wallets 50 --seed 7
  streamproc sandbox --data recorded/ --list
  streamproc sandbox --standard-only --rpc-rps 50
  streamproc sandbox --latency-s 0.2 --rpc-rps 10 --fault 429:method=prices,times=3"""
RATE = FiniteRange(0, min_open=True)


@click.command(epilog=EPILOG)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Serve recorded enhanced transactions of this folder instead of a generated world.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen; beyond this machine only on a network of your own: nobody is asked who they are.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    show_default=True,
    help="0 takes any free one.",
)
@click.option(
    "--wallets",
    type=click.IntRange(2, 1000),
    default=10,
    show_default=True,
    help="Of the generated world.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the generated world.")
@click.option(
    "--only-raw",
    is_flag=True,
    help="The generated world also does what the enhanced form cannot show, as accounts that change hands.",
)
@click.option(
    "--odd",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Transactions of each generated wallet that have a null in the raw form where none should be.",
)
@click.option(
    "--crowd",
    type=click.IntRange(0, 10_000_000),
    default=0,
    show_default=True,
    help="One more mint in the generated world, with so many holders that have no history.",
)
@click.option(
    "--latency-s",
    type=FiniteRange(0),
    default=0.0,
    show_default=True,
    help="Before every answer.",
)
@click.option("--rpc-rps", type=RATE, help="Calls a second of the RPC bucket; more get 429.")
@click.option("--enhanced-rps", type=RATE, help="Calls a second of the DAS and enhanced bucket.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[:...]",
    help="A fault to begin with; repeatable.",
)
@click.option(
    "--prebuilt",
    is_flag=True,
    help="Render and compress full pages before the port opens: serving then costs next to nothing.",
)
@click.option(
    "--standard-only",
    is_flag=True,
    help="Stand in for any provider of Solana RPC: the standard methods only (-32601 for others), no key needed.",
)
@click.option(
    "--batch-max",
    type=click.IntRange(0, 1000),
    default=BATCH_MAX,
    show_default=True,
    help="Calls that one JSON-RPC batch may hold; 0 refuses batches.",
)
@click.option(
    "--list", "lists", is_flag=True, help="Print all wallets, one a line, on standard output."
)
def sandbox(*, lists: bool, **options: object) -> None:
    """Serve a stand-in for the upstream services, on loopback unless told otherwise, until Ctrl-C.

    It answers JSON-RPC, the enhanced API and token prices, in both wire forms, for a generated world of wallets or
    for recorded transactions. Faults can be set while it runs: POST /sandbox/faults.
    """
    from streamproc.cli.shared.stand_in import settings_of
    from streamproc.local.up import env_lines
    from streamproc.sandbox.service.command import SandboxOptions, run_sandbox

    def started(running: Sandbox) -> None:
        about = running.archive.about()
        wallets = [wallet["address"] for wallet in about["wallets"]]
        remark(f"serving {len(wallets)} wallets at {running.url}; settings that lead here:")
        remark(env_lines(settings_of(running)))
        if lists:
            tell("\n".join(wallets))
        else:
            remark(f"wallets: {' '.join(wallets[:NAMED])} ... (all with --list)")
        if coins := about.get("coins"):
            remark(f"tokens: {' '.join(coins[:NAMED])} ...")
        if crowd := about.get("crowd"):
            remark(f"token with {options['crowd']} holders: {crowd}")

    run_sandbox(SandboxOptions(**options), started=started)  # type: ignore[arg-type] # click has checked each
