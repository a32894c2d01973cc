"""Postgres, and what a worker remembers of it."""

from __future__ import annotations

from typing import Final

CONNECT_TIMEOUT_S: Final = 10
POOL_WAIT_S: Final = 30  # for a connection; longer means that Postgres is the bottleneck or away
POOL_CLOSE_S: Final = 3  # for statements under way when a worker stops
STATEMENT_TIMEOUT_S: Final = 60  # a full history of a whale reads in ten
COMMAND_TIMEOUT_S: Final = 70  # the same, seen from the client: the server's sentence comes first
IDLE_TRANSACTION_TIMEOUT_S: Final = 30  # a worker that died holds no lock longer
LOCK_TIMEOUT_S: Final = 30
IDLE_CONNECTION_S: Final = 300
STATEMENT_ROWS: Final = 1000  # requests, answers or progress records kept by one statement
# requests whose balances one statement keeps, of up to 1000 wallets each
STATEMENT_BALANCES: Final = 20
# requests ended by one statement: each brings a result of up to megabytes
STATEMENT_ENDS: Final = 100
MINTS_REMEMBERED: Final = 100_000  # dictionary entries kept by a worker: 15 MB
WALLETS_REMEMBERED: Final = 10_000  # numbers of wallets kept by a worker: 2 MB
OLD_ENTRIES_DROPPED: Final = 20_000  # of an older format by one statement: tenths of a second
CREDITS_LINGER_S: Final = 0.25  # credits of calls whose answers nobody keeps are counted in memory
RATE_RECOVERY_S: Final = 60.0  # from a standstill back to the plan's rate
RATE_FACTOR_MIN: Final = 0.05  # of the plan's rate, however often the upstream refuses
RATE_INCIDENT_S: Final = 1.0  # refusals so close to each other count once
