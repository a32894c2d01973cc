"""A store that knows very many wallets, made by the server itself: what each traded in which week, and whom it met.

A wallet trades for a few weeks in a row, somewhere within the weeks that the store spans; a token lives for a week, and
is as popular as a heavy tail says. Every tenth wallet met one exchange; one relayer paid for every hundredth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamproc.core.formats import ENTRY_FORMAT

if TYPE_CHECKING:
    import asyncpg

FIRST_WEEK: Final = 2_800  # as in WEEKS
SLOT: Final = 10**9  # up to which everything is known

WALLETS: Final = """
INSERT INTO wallets (address, entry_format, watermark_slot)
SELECT 'w' || n, $2, $3 FROM generate_series(1, $1::integer) AS n
"""
MINTS: Final = "INSERT INTO mints (address) SELECT 'm' || md5(n::text) FROM generate_series(1, $1::integer) AS n"
# $1 weeks of the store, $2 weeks of a wallet, $3 tokens of a wallet in a week, $4 tokens of a week
WEEKS: Final = """
INSERT INTO wallet_weeks (wallet_id, week, sample, mints, first_at)
SELECT w.id, 2800 + week, ('x' || left(md5(w.address), 16))::bit(64)::bigint, drawn.mints, drawn.first_at
FROM wallets AS w
CROSS JOIN LATERAL (SELECT floor(random() * ($1::integer - $2::integer + 1))::integer + 0 * w.id AS first) AS begun
CROSS JOIN LATERAL generate_series(begun.first, begun.first + $2::integer - 1) AS week
CROSS JOIN LATERAL (
    SELECT array_agg(mint ORDER BY mint) AS mints,
        array_agg((2800 + week) * 604800 + floor(random() * 604800)::bigint ORDER BY mint) AS first_at
    FROM (
        SELECT DISTINCT (week * $4::integer + floor(power($4::double precision, random())))::integer AS mint
        FROM generate_series(1, $3::integer) AS n
        WHERE w.id IS NOT NULL
    ) AS different
) AS drawn
"""
TOKENS: Final = """
INSERT INTO wallet_tokens (wallet_id, watermark_slot, mints)
SELECT wallet_id, $1, array_agg(DISTINCT mint ORDER BY mint)
FROM wallet_weeks CROSS JOIN LATERAL unnest(mints) AS mint GROUP BY wallet_id
"""
ENTRIES: Final = """
INSERT INTO entries (wallet_id, slot, signature, flags, kind, network_fee, sol_delta, tips, rent, mints, deltas,
    fee_payer, counterparty)
SELECT w.id, n, decode(md5(w.id || '/' || n) || repeat('0', 96), 'hex'), 0,
    CASE WHEN n = 1 THEN 7 WHEN n % 9 = 0 THEN 8 ELSE 4 + n % 2 END,
    5000, CASE WHEN n = 1 THEN 1000000000 ELSE -10000000 END, 0, 0, '{}', '{}',
    CASE WHEN w.id % 100 = 0 AND n > 1 AND n % 9 > 0 THEN 'relayer' END,
    CASE WHEN n = 1 THEN CASE WHEN w.id % 10 = 0 THEN 'exchange' ELSE 'f' || w.id / 3 END
        WHEN n % 9 = 0 THEN 'w' || (w.id * 7919 + n) % $1::integer + 1 END
FROM wallets AS w CROSS JOIN generate_series(1, $2::integer) AS n
"""


@dataclass(frozen=True)
class Known:
    """How much the store knows."""

    wallets: int = 100_000
    weeks: int = 104
    weeks_of_wallet: int = 5
    tokens_a_week: int = 15  # of one wallet
    tokens_of_week: int = 3_000  # of the market
    entries: int = 20  # of one wallet


async def fill(connection: asyncpg.Connection, known: Known) -> None:
    """Write it."""
    await connection.execute("SELECT setseed(0.5)")
    await connection.execute(WALLETS, known.wallets, ENTRY_FORMAT, SLOT)
    await connection.execute(MINTS, (known.weeks + 1) * known.tokens_of_week)
    await connection.execute(
        WEEKS, known.weeks, known.weeks_of_wallet, known.tokens_a_week, known.tokens_of_week
    )
    await connection.execute(TOKENS, SLOT)
    await connection.execute(ENTRIES, known.wallets, known.entries)
    await connection.execute("VACUUM ANALYZE")
