-- name: keep
-- Of two reasons the smaller one that is given stays, as in the join. In the order of ids, as everywhere.
INSERT INTO early_cancels AS c (request_id, reason, heard_at)
SELECT request_id, reason, clock_timestamp()
FROM unnest($1::text[], $2::bytea[]) AS new (request_id, reason)
ORDER BY request_id
ON CONFLICT (request_id) DO UPDATE
SET reason = CASE
        WHEN c.reason = '' OR (excluded.reason <> '' AND excluded.reason < c.reason) THEN excluded.reason
        ELSE c.reason
    END,
    heard_at = excluded.heard_at

-- name: of
SELECT request_id, reason FROM early_cancels WHERE request_id = ANY($1::text[])
