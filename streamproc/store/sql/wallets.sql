-- name: number_wallet
-- None where somebody else makes it at this very moment.
WITH made AS (
    INSERT INTO wallets (address, entry_format)
    SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM wallets WHERE address = $1)
    ON CONFLICT (address) DO NOTHING
    RETURNING id
)
SELECT id FROM made
UNION ALL
SELECT id FROM wallets WHERE address = $1

-- name: mark_synced
INSERT INTO wallets AS w (address, synced_at_ms, watermark_slot, entry_format) VALUES ($1, $2, $3, $4)
ON CONFLICT (address) DO UPDATE
SET synced_at_ms = greatest(w.synced_at_ms, excluded.synced_at_ms),
    watermark_slot = greatest(w.watermark_slot, excluded.watermark_slot)
RETURNING watermark_slot

-- name: synced
SELECT synced_at_ms, watermark_slot, entry_format FROM wallets WHERE address = $1

-- name: known
-- How each wallet stands, in the order in which they are asked about, and when that was.
SELECT
    w.synced_at_ms, w.watermark_slot, w.entry_format, r.from_slots, r.to_slots,
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms
FROM unnest($1::text[]) WITH ORDINALITY AS asked (address, position)
LEFT JOIN wallets AS w ON w.address = asked.address
LEFT JOIN LATERAL (
    SELECT array_agg(from_slot) AS from_slots, array_agg(to_slot) AS to_slots
    FROM wallet_ranges
    WHERE wallet_id = w.id
) AS r ON true
ORDER BY asked.position

-- name: mark_oversized
-- A mark that is in force is not prolonged by those who only heard of it.
INSERT INTO wallets AS w (address, oversized_until_ms)
VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint + ($2::float8 * 1000)::bigint)
ON CONFLICT (address) DO UPDATE SET oversized_until_ms = excluded.oversized_until_ms
WHERE coalesce(w.oversized_until_ms, 0) <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint

-- name: oversized
SELECT address FROM wallets
WHERE address = ANY($1::text[])
    AND oversized_until_ms > (extract(epoch FROM clock_timestamp()) * 1000)::bigint

-- name: put_analysis
-- $11 the format of entries of a wallet that is not known yet.
WITH made AS (
    INSERT INTO wallets (address, entry_format)
    SELECT $1, $11 WHERE NOT EXISTS (SELECT FROM wallets WHERE address = $1)
    ON CONFLICT (address) DO NOTHING
    RETURNING id
)
INSERT INTO wallet_analyses
    AS a (wallet_id, watermark_slot, options_digest, engine_version, pnl, behavior, coverage, details, revision, format)
SELECT id, $2, $3, $4, $5::json, $6::json, $7::json, $8::json, $9, $10
FROM (SELECT id FROM made UNION ALL SELECT id FROM wallets WHERE address = $1) AS w
ON CONFLICT (wallet_id, watermark_slot, options_digest, engine_version) DO UPDATE
SET pnl = excluded.pnl, behavior = excluded.behavior, coverage = excluded.coverage, details = excluded.details,
    revision = excluded.revision, format = excluded.format, analyzed_at = now()
WHERE a.format <= excluded.format

-- name: present_analysis
SELECT w.address, a.watermark_slot, a.pnl, a.behavior, a.coverage, a.details
FROM wallets AS w
JOIN wallet_analyses AS a ON a.wallet_id = w.id AND a.revision = w.revision
WHERE w.address = $1 AND a.watermark_slot = $2 AND a.options_digest = $3 AND a.engine_version = $4
    AND a.format = $5 AND w.entry_format = $6

-- name: analyses
SELECT w.address, a.watermark_slot, a.pnl, a.behavior, a.coverage, a.details
FROM unnest($1::text[], $2::bigint[]) AS wanted (address, watermark_slot)
JOIN wallets AS w ON w.address = wanted.address
JOIN wallet_analyses AS a
    ON a.wallet_id = w.id AND a.watermark_slot = wanted.watermark_slot
WHERE a.options_digest = $3 AND a.engine_version = $4 AND a.format = $5
