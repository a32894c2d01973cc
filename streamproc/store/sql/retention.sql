-- name: drop_inputs
-- $1 seconds since the end, $2 at most so many. Rows that another worker is dropping are left to it.
WITH old AS (
    SELECT i.request_id, i.name
    FROM analyses AS a
    JOIN analysis_inputs AS i USING (request_id)
    WHERE a.ended_at < clock_timestamp() - make_interval(secs => $1::float8)
    LIMIT $2
    FOR UPDATE OF i SKIP LOCKED
), gone AS (
    DELETE FROM analysis_inputs AS i USING old
    WHERE i.request_id = old.request_id AND i.name = old.name
    RETURNING 1
)
SELECT count(*)::int FROM gone

-- name: drop_analyses
-- Those that were made of a history that has grown since, or in a format before $3. $1 seconds since they were made,
-- $2 at most so many.
WITH old AS (
    SELECT a.wallet_id, a.watermark_slot, a.options_digest, a.engine_version
    FROM wallet_analyses AS a
    JOIN wallets AS w ON w.id = a.wallet_id
    WHERE a.analyzed_at < clock_timestamp() - make_interval(secs => $1::float8)
        AND (a.revision IS DISTINCT FROM w.revision OR a.format < $3)
    LIMIT $2
    FOR UPDATE OF a SKIP LOCKED
), gone AS (
    DELETE FROM wallet_analyses AS a USING old
    WHERE a.wallet_id = old.wallet_id AND a.watermark_slot = old.watermark_slot
        AND a.options_digest = old.options_digest AND a.engine_version = old.engine_version
    RETURNING 1
)
SELECT count(*)::int FROM gone

-- name: drop_requests
-- With everything that belongs to them. $1 seconds since the end, $2 at most so many.
WITH old AS (
    SELECT request_id
    FROM analyses
    WHERE ended_at < clock_timestamp() - make_interval(secs => $1::float8)
    ORDER BY ended_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM analyses AS a USING old WHERE a.request_id = old.request_id RETURNING 1
)
SELECT count(*)::int FROM gone

-- name: drop_cancels
-- Whose request has not come. $1 seconds since they were heard, $2 at most so many.
WITH old AS (
    SELECT request_id
    FROM early_cancels
    WHERE heard_at < clock_timestamp() - make_interval(secs => $1::float8)
    ORDER BY heard_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM early_cancels AS c USING old WHERE c.request_id = old.request_id RETURNING 1
)
SELECT count(*)::int FROM gone
