-- name: requests
-- $1 status, $2 tenant, $3 how many at most; $4 (unix microseconds) and $5: those behind the request recorded then.
SELECT
    a.request_id, a.tenant, a.status, a.code, json_array_length(a.wallets) AS wallets, a.requested_at_ms,
    extract(epoch FROM clock_timestamp() - a.recorded_at)::float8 AS age_s,
    (extract(epoch FROM a.recorded_at) * 1000000)::bigint AS recorded_at_us,
    (convert_from(p.value, 'UTF8')::json ->> 'percent')::float8 AS percent
FROM (
    SELECT * FROM analyses
    WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR tenant = $2)
    AND ($4::bigint IS NULL OR (recorded_at, request_id) < ('epoch'::timestamptz + $4 * interval '1 microsecond', $5::text))
    ORDER BY recorded_at DESC, request_id DESC
    LIMIT $3
) AS a
LEFT JOIN analysis_records AS p ON p.request_id = a.request_id AND p.part = 'last_progress'
ORDER BY a.recorded_at DESC, a.request_id DESC

-- name: inputs_digest
-- Read out of the record by the server: the record may have megabytes.
SELECT convert_from(t.value, 'UTF8')::json ->> 'inputs_digest'
FROM analyses AS a
JOIN analysis_records AS t ON t.request_id = a.request_id AND t.part = 'terminal'
WHERE a.request_id = $1 AND a.status = 'completed'

-- name: progress_kept
SELECT value FROM analysis_records WHERE request_id = $1 AND part IN ('progress', 'last_progress')

-- name: oldest_running
SELECT min(requested_at_ms) FROM analyses WHERE status = 'running'

-- name: upstream
-- $1: seconds in which a halved rate comes back wholly. Of keys that nobody has used for a day nothing is said.
SELECT
    bucket,
    least(1, factor + extract(epoch FROM least(clock_timestamp() - penalized_at, interval '1 day')) / $1::float8)::float8
        AS rate_share,
    greatest(0, extract(epoch FROM next_free - clock_timestamp()))::float8 AS next_call_in_s,
    CASE WHEN penalized_at > 'epoch' THEN extract(epoch FROM clock_timestamp() - penalized_at)::float8 END AS refused_s_ago
FROM upstream_budget
WHERE seen_at > clock_timestamp() - interval '1 day'
ORDER BY bucket, key_hash

-- name: totals
SELECT
    (SELECT count(*) FROM analyses WHERE status = 'running') AS running,
    (
        SELECT coalesce(sum(c.spent), 0)::bigint
        FROM analyses AS a JOIN analysis_credits AS c USING (request_id)
        WHERE a.recorded_at >= date_trunc('day', clock_timestamp(), 'UTC')
    ) AS credits_today
