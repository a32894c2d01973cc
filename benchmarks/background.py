"""What it costs to find what evidence rests on, in a store that knows very many wallets.

For requests of a few wallets: which other wallets traded in the same weeks and what, who met whom, and who is a hub.
Processor time is that of this process, which does what a worker does (statements, packing, reading back, and what the
background adds to the comparison), and of the one Postgres backend that serves it, as the kernel counts both.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import asyncpg
from known_store import FIRST_WEEK, SLOT, Known, fill

from streamproc import limits
from streamproc.agents.results.evidence_inputs import kept_evidence_inputs
from streamproc.core.comparison_inputs import WEEK_S
from streamproc.core.result.evidence_inputs import unpacked
from streamproc.core.result.pool_jobs import Survey
from streamproc.core.similarity import SimilarityInputs, TradedMint, WalletRow, compare
from streamproc.local.postgres import EmbeddedPostgres
from streamproc.local.stack import say_nothing
from streamproc.store import NewRequest, Store, open_store
from streamproc.store.postgres.database import SERVER_SETTINGS
from streamproc.store.postgres.migrate import migrate, migrations
from streamproc.store.postgres.queries import query
from streamproc.store.relations import wallets_per_week

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.comparison_inputs import Background

WALLETS: Final = 5  # of a request
REQUESTS: Final = 20
WARMING: Final = 5  # requests before those that are measured: plans are made, pages are read
MOST_CPU_MS: Final = 200
MOST_STATEMENTS: Final = 20


class Cost(NamedTuple):
    """What one request's background took."""

    worker_ms: float
    postgres_ms: float
    statements: int
    wallets: int
    cells: int


@dataclass(frozen=True)
class Asked:
    """The wallets of one request, as analyses know them."""

    wallets: tuple[str, ...]
    rows: tuple[WalletRow, ...]
    weeks: dict[int, int]

    @property
    def survey(self) -> Survey:
        """What a first look at them says."""
        return Survey(
            digest="",
            watermarks=dict.fromkeys(self.wallets, SLOT),
            whole=list(self.wallets),
            traded=sorted({each.mint for row in self.rows for each in row.traded}),
            weeks=self.weeks,
            shared=[],
            to_price=[],
            held={},
        )


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./run bench background", description=__doc__)
    parser.add_argument("--wallets", type=int, default=100_000, help="that the store knows")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="that are measured")
    parser.add_argument("--plans", action="store_true", help="print the plans of the statements")
    parser.add_argument(
        "--keep", type=Path, help="a folder that keeps the filled stores from run to run"
    )
    options = parser.parse_args(arguments)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the run")
    return asyncio.run(_measured(options))


async def _measured(options: argparse.Namespace) -> int:
    """Fill a store of each shape and print a line for it; 1 when a bound is passed."""
    shapes = {
        "over two years": Known(wallets=options.wallets),
        "all in the same weeks": Known(wallets=options.wallets, weeks=5),
    }
    print(
        f"store of {options.wallets:,} wallets | processor ms median (most): worker, Postgres | statements"
    )
    is_over = False
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres((options.keep or Path(folder)) / "postgres", say=say_nothing)
        postgres.start()
        try:
            for name, known in shapes.items():
                dsn = await _filled(postgres, known)
                costs = await _costs(dsn, known, options)
                is_over |= _say(name, costs)
        finally:
            postgres.stop()
    return int(is_over)


async def _filled(postgres: EmbeddedPostgres, known: Known) -> str:
    """The address of a database of this shape: one that is kept, without former requests, or a new one."""
    schema = sha256("".join(each.digest for each in migrations()).encode()).hexdigest()
    name = f"known_{known.wallets}_{known.weeks}_{schema[:12]}"
    dsn, mark = postgres.database_dsn(name), "filled to its end"
    connection = await asyncpg.connect(postgres.dsn)
    is_kept = await connection.fetchval(
        "SELECT shobj_description(oid, 'pg_database') = $2 FROM pg_database WHERE datname = $1",
        name,
        mark,
    )
    if not is_kept:
        await connection.execute(f"DROP DATABASE IF EXISTS {name}")
        await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    if not is_kept:
        await migrate(dsn)
    connection = await asyncpg.connect(dsn)
    if is_kept:
        await connection.execute("DELETE FROM analyses")
    else:
        await fill(connection, known)
        await connection.execute(f"COMMENT ON DATABASE {name} IS '{mark}'")
    await connection.close()
    return dsn


async def _costs(dsn: str, known: Known, options: argparse.Namespace) -> list[Cost]:
    """What each of the requests took; the store has one connection, so that one backend serves all."""
    async with open_store(dsn, pool_size=1) as store:
        async with store._database.connection() as connection:  # noqa: SLF001 - to count its statements
            backend = await connection.raw.fetchval("SELECT pg_backend_pid()")
            count = options.requests + WARMING
            requests = [await _asked(connection.raw, known, n) for n in range(count)]
            said: list[object] = []
            connection.raw.add_query_logger(said.append)
        costs = [await _cost(store, n, each, backend, said) for n, each in enumerate(requests)]
        if options.plans:
            await _print_plans(dsn, requests[-1])
    return costs[WARMING:]


async def _asked(connection: asyncpg.Connection, known: Known, number: int) -> Asked:
    """Some stored wallets that are neighbours in time, with what they traded."""
    rows = await connection.fetch(
        "WITH chosen AS (SELECT wallet_id FROM wallet_weeks WHERE week = $1 ORDER BY md5(wallet_id || $2) LIMIT $3)"
        " SELECT w.address, m.address AS mint, t.first_at FROM chosen JOIN wallet_weeks AS k USING (wallet_id)"
        " JOIN wallets AS w ON w.id = k.wallet_id CROSS JOIN LATERAL unnest(k.mints, k.first_at) AS t (mint, first_at)"
        " JOIN mints AS m ON m.id = t.mint",
        FIRST_WEEK + number * 7 % known.weeks,
        str(number),
        WALLETS,
    )
    traded: dict[str, dict[str, int]] = {}
    weeks: dict[int, int] = {}
    for row in rows:
        traded.setdefault(row["address"], {})[row["mint"]] = row["first_at"]
        weeks[row["first_at"] // WEEK_S] = weeks.get(row["first_at"] // WEEK_S, 0) + 1
    return Asked(
        tuple(sorted(traded)),
        tuple(_row(wallet, mints) for wallet, mints in sorted(traded.items())),
        dict(sorted(weeks.items())),
    )


def _row(wallet: str, mints: dict[str, int]) -> WalletRow:
    """A wallet that bought each of these once."""
    return WalletRow(
        wallet,
        tuple(
            TradedMint(mint, 1, 10**9, at, at, f"{wallet}/{mint}", at)
            for mint, at in sorted(mints.items())
        ),
        held=(),
    )


async def _cost(store: Store, number: int, asked: Asked, backend: int, said: list[object]) -> Cost:
    """What the background of one request took."""
    name = f"background-{number}"
    await store.record_requests([NewRequest(name, b"", name, list(asked.wallets), {}, 0, 1)])
    said.clear()
    begun = time.process_time(), _cpu_s(backend)
    content = await kept_evidence_inputs(
        store, name, asked.survey, wallets=asked.wallets, excluded=()
    )
    evidence_inputs = unpacked(content)
    assert evidence_inputs.digest
    after = time.process_time(), _cpu_s(backend)
    added = _compared_s(asked, evidence_inputs.background) - _compared_s(asked, None)
    background = evidence_inputs.background
    return Cost(
        worker_ms=(after[0] - begun[0] + added) * 1000,
        postgres_ms=(after[1] - begun[1]) * 1000,
        statements=len(said),
        wallets=0 if background is None else len(background.wallets),
        cells=0 if background is None else len(background.wallet_numbers),
    )


def _compared_s(asked: Asked, background: Background | None) -> float:
    """Processor seconds of the comparison."""
    begun_s = time.process_time()
    compare(SimilarityInputs(asked.rows, "a", background=background))
    return time.process_time() - begun_s


def _cpu_s(process: int) -> float:
    """Processor seconds of a process's only thread, to the nanosecond."""
    return int(Path(f"/proc/{process}/schedstat").read_text("utf-8").split()[0]) / 1e9


def _say(name: str, costs: Sequence[Cost]) -> bool:
    """Print a line; whether a bound is passed."""
    worker, postgres = [each.worker_ms for each in costs], [each.postgres_ms for each in costs]
    total = [each.worker_ms + each.postgres_ms for each in costs]
    statements = max(each.statements for each in costs)
    print(
        f"{name:22} | {statistics.median(total):.0f} ({max(total):.0f}):"
        f" {statistics.median(worker):.0f}, {statistics.median(postgres):.0f} | {statements}"
        f" | {statistics.median(each.wallets for each in costs):.0f} wallets,"
        f" {statistics.median(each.cells for each in costs):,.0f} tokens in the background",
        flush=True,
    )
    return max(total) > MOST_CPU_MS or statements > MOST_STATEMENTS


async def _print_plans(dsn: str, asked: Asked) -> None:
    """How each statement finds its rows."""
    wallets, slots = list(asked.wallets), [SLOT] * len(asked.wallets)
    weeks = wallets_per_week(asked.weeks)
    values: dict[str, list[object]] = {
        "background": [
            wallets,
            list(weeks),
            list(weeks.values()),
            5_000,
            2,
            limits.BACKGROUND_CELLS,
        ],
        "transfers_between": [wallets, slots, 100_000],
        "first_funders": [wallets, slots, 10_000],
        "fee_payers": [wallets, slots, 20],
        "counterparties": [["exchange", "relayer", *wallets], 101, 2],
        "known_wallets": [],
    }
    connection = await asyncpg.connect(dsn, server_settings=SERVER_SETTINGS)
    for name, given in values.items():
        rows = await connection.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS) {query(f'relations.{name}')}", *given
        )
        print(f"--- {name}", *(row[0] for row in rows), sep="\n", flush=True)
    await connection.close()
