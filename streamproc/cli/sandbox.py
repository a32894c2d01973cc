"""`sandbox`: the stand-in upstream in the foreground."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from streamproc.cli.stand_in import generated_upstream, recorded_upstream
from streamproc.local.up import env_lines

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from streamproc.cli.stand_in import StandIn

EPILOG = """\b
Examples:
  streamproc sandbox --port 9000 --wallets 50 --seed 7
  streamproc sandbox --data recorded/
  curl -X POST 127.0.0.1:9000/sandbox/faults -d '[...]'      # faults on demand, see docs/operations.md"""


@click.command(epilog=EPILOG)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Serve recorded enhanced transactions of this folder instead of a generated world.",
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
    "--list", "shows_all", is_flag=True, help="Print all wallets, one a line, on standard output."
)
def sandbox(data: Path | None, port: int, wallets: int, seed: int, *, shows_all: bool) -> None:
    """Serve a stand-in for the upstream services on loopback until Ctrl-C.

    It answers JSON-RPC, the enhanced API and token prices, in both wire forms, for a generated world of wallets or
    for recorded transactions, with faults on demand.
    """
    serving = (
        generated_upstream(wallets=wallets, seed=seed, port=port)
        if data is None
        else recorded_upstream(data, port=port)
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(serving, shows_all=shows_all))


async def _serve(serving: AbstractAsyncContextManager[StandIn], *, shows_all: bool) -> None:
    """Serve until interrupted; what leads to it is said on standard error."""
    async with serving as upstream:
        click.echo(f"serving {upstream.says}; settings that lead here:", err=True)
        click.echo(env_lines(upstream.settings), err=True)
        if shows_all:
            click.echo("\n".join(upstream.wallets))
        else:
            first = orjson.dumps(upstream.wallets[:3]).decode()
            click.echo(
                f"{len(upstream.wallets)} wallets, among them {first}; all with --list", err=True
            )
        await asyncio.Event().wait()
