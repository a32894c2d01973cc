"""`up`: the embedded servers in the foreground."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from streamproc.cli.shared.environment import effective_environment
from streamproc.cli.views.output import remark

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

EPILOG = """\b
Examples:
  streamproc up
  streamproc up --sandbox --wallets 50
  streamproc up & streamproc worker      # the worker finds .streamproc/env"""


@click.command(epilog=EPILOG)
@click.option("--sandbox", is_flag=True, help="Also serve a generated world as the upstream.")
@click.option(
    "--wallets", type=click.IntRange(2, 1000), default=10, show_default=True, help="Of that world."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of that world.")
@click.option(
    "--kafka-port",
    type=click.IntRange(0, 65_535),
    default=0,
    show_default=True,
    help="0 takes any free one.",
)
def up(*, sandbox: bool, wallets: int, seed: int, kafka_port: int) -> None:
    """Run embedded Kafka and Postgres in the foreground until Ctrl-C; nothing is left running.

    Topics and schema are applied. The settings that workers and clients need are printed and written to
    .streamproc/env in this folder, where the other commands find them from here and from folders below. Data stay in
    STREAMPROC_DATA_DIR.
    """
    from streamproc.local.up import run_up
    from streamproc.settings import load_settings
    from streamproc.topics import read_topology

    # The servers' addresses are what this command finds out; whatever else is set must be right.
    settings = load_settings(
        effective_environment(), kafka_brokers="127.0.0.1:1", postgres_dsn="postgresql:///"
    )
    asyncio.run(
        run_up(
            settings.data_dir,
            topology=read_topology(),
            say=remark,
            prefix=settings.topic_prefix,
            app_id=settings.app_id,
            broker_port=kafka_port,
            sandbox=_stand_in(wallets, seed) if sandbox else None,
        )
    )


@asynccontextmanager
async def _stand_in(wallets: int, seed: int) -> AsyncIterator[Mapping[str, str]]:
    """The generated upstream's settings as long as it is served; its wallets are named on standard error."""
    from streamproc.cli.shared.stand_in import generated_upstream

    async with generated_upstream(wallets=wallets, seed=seed) as upstream:
        remark(f"sandbox at {upstream.settings['helius_rpc_url']}: {upstream.says}")
        remark("its wallets:\n" + "\n".join(upstream.wallets))
        yield upstream.settings
