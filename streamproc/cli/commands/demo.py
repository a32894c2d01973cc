"""`demo`: everything on this machine, from an empty folder to ranked pairs."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import click

from streamproc.cli.shared.environment import effective_environment
from streamproc.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from streamproc.cli.shared.demo_run import Demo
    from streamproc.settings import Settings

EPILOG = """\b
Examples:
  streamproc demo
  streamproc demo --wallets 30 --seed 7 --keep
  STREAMPROC_HELIUS_API_KEY=... streamproc demo --live WALLET WALLET WALLET"""
ELSEWHERE = "127.0.0.1:1"  # stands in for servers that the demo has yet to start


@click.command(epilog=EPILOG)
@click.argument("wallets", nargs=-1)
@click.option(
    "--live",
    is_flag=True,
    help="Analyze WALLETS on the real service; needs STREAMPROC_HELIUS_API_KEY.",
)
@click.option(
    "--wallets",
    "count",
    type=click.IntRange(2, 200),
    default=24,
    show_default=True,
    help="Of the generated world.",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Another seed is another world."
)
@click.option("--keep", is_flag=True, help="Leave everything running until Ctrl-C.")
def demo(wallets: tuple[str, ...], *, live: bool, count: int, seed: int, keep: bool) -> int:
    """See everything work on this machine, with nothing else installed.

    Starts an embedded Kafka and Postgres, a stand-in for the upstream with a generated world of wallets, and a
    worker; asks for an analysis, shows it happen, prints the ranked pairs and every wallet's result, writes the
    complete result and a report, and stops everything. Data stay in STREAMPROC_DATA_DIR, so a second run is faster.
    """
    from streamproc.cli.shared.demo_run import Demo

    if live != bool(wallets):
        raise click.UsageError("WALLETS and --live belong together")
    plan = Demo(wallets=wallets, is_live=live, population=count, seed=seed, keep=keep)
    return asyncio.run(_until_terminated(plan, _settings(is_live=live)))


async def _until_terminated(plan: Demo, settings: Settings) -> int:
    """Run the demo; SIGTERM ends it as cleanly as Ctrl-C."""
    from streamproc.cli.shared.demo_run import run_demo

    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are in a coroutine
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run_demo(plan, settings)


def _settings(*, is_live: bool) -> Settings:
    """The settings in force but for the servers, which the demo starts itself; raises ConfigurationError."""
    from streamproc.settings import PREFIX, load_settings

    environment = effective_environment()
    settings = load_settings(environment, kafka_brokers=ELSEWHERE, postgres_dsn="postgresql:///")
    if is_live and settings.helius_api_key is None:
        fault = Fault(f"{PREFIX}HELIUS_API_KEY", "nothing", "must be set for --live")
        raise ConfigurationError([fault])
    return settings
