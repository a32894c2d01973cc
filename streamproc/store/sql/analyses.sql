-- name: now_ms
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint

-- name: record_requests
-- In the order of ids, so that two workers with overlapping batches never wait for each other. A row that was there is
-- only locked and read.
INSERT INTO analyses (
    request_id, digest, source, wallets, options, requested_at_ms, deadline_at, repeats_dropped, traceparent, tenant,
    cohort
)
SELECT
    request_id, digest, source, wallets::json, options::json, requested_at_ms, deadline_at, repeats_dropped,
    traceparent, tenant, cohort::json
FROM unnest(
    $1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::int[], $9::bytea[],
    $10::text[], $11::text[]
) AS new (
    request_id, digest, source, wallets, options, requested_at_ms, deadline_at, repeats_dropped, traceparent, tenant,
    cohort
)
ORDER BY request_id
ON CONFLICT (request_id) DO UPDATE SET source = analyses.source
RETURNING request_id, digest, source, status, requested_at_ms, deadline_at

-- name: reject
-- Recorded and ended at once, unless the id is taken; returned is what the id belongs to now.
WITH ended AS (
    INSERT INTO analyses
        (request_id, digest, source, wallets, options, requested_at_ms, deadline_at, status, code, ended_at, tenant)
    VALUES ($1, $2, $3, '[]', '{}', $4::bigint, $4::bigint / 1000, 'rejected', 'invalid_request', clock_timestamp(), $5)
    ON CONFLICT (request_id) DO NOTHING
    RETURNING request_id
)
INSERT INTO analysis_records (request_id, part, seq, topic, key, value, headers, timestamp_ms)
SELECT request_id, part, 0, topic, key, value, headers, timestamp_ms
FROM unnest($6::text[], $7::text[], $8::bytea[], $9::bytea[], $10::bytea[], $11::bigint[])
    AS r (part, topic, key, value, headers, timestamp_ms)
CROSS JOIN ended
RETURNING request_id

-- name: request
SELECT
    request_id, digest, source, wallets, options, requested_at_ms, deadline_at, status, code, repeats_dropped,
    traceparent, tenant, cohort, chosen
FROM analyses
WHERE request_id = $1

-- name: choose_once
-- Whoever comes second changes nothing.
UPDATE analyses SET wallets = $2::json, chosen = $3::json
WHERE request_id = $1 AND cohort IS NOT NULL AND chosen IS NULL AND status = 'running'

-- name: count_wallets
SELECT json_array_length(wallets) FROM analyses WHERE request_id = $1

-- name: status_of
SELECT request_id, status FROM analyses WHERE request_id = ANY($1::text[])

-- name: running
SELECT request_id
FROM analyses
WHERE status = 'running' AND recorded_at <= clock_timestamp() - make_interval(secs => $1::float8)
ORDER BY deadline_at, request_id
LIMIT $2

-- name: decide
-- Only what still runs is ended; its records are kept by the same statement, so an end without its record cannot be.
-- Returned are the requests that were ended by it: for how long they ran, and what they have spent.
WITH draft AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS d (request_id, status, code)
), locked AS (
    SELECT request_id FROM analyses WHERE request_id = ANY($1::text[]) ORDER BY request_id FOR UPDATE
), ended AS (
    UPDATE analyses
    SET status = draft.status, code = draft.code, ended_at = clock_timestamp()
    FROM draft JOIN locked USING (request_id)
    WHERE analyses.request_id = draft.request_id AND analyses.status = 'running'
    RETURNING
        analyses.request_id, analyses.tenant,
        extract(epoch FROM analyses.ended_at - analyses.recorded_at)::float8 AS duration_s
), kept AS (
    INSERT INTO analysis_results (request_id, result, pairs)
    SELECT request_id, result, pairs
    FROM unnest($4::text[], $5::bytea[], $6::bytea[]) AS r (request_id, result, pairs)
    JOIN ended USING (request_id)
), said AS (
    INSERT INTO analysis_records (request_id, part, seq, topic, key, value, headers, timestamp_ms)
    SELECT request_id, part, seq, topic, key, value, headers, timestamp_ms
    FROM unnest($7::text[], $8::text[], $9::int[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bigint[])
        AS r (request_id, part, seq, topic, key, value, headers, timestamp_ms)
    JOIN ended USING (request_id)
)
SELECT ended.request_id, ended.tenant, ended.duration_s, coalesce(c.spent, 0) AS credits
FROM ended
LEFT JOIN analysis_credits AS c USING (request_id)

-- name: endings
SELECT
    a.request_id, a.status, a.code,
    t.topic AS terminal_topic, t.key AS terminal_key, t.value AS terminal_value,
    t.headers AS terminal_headers, t.timestamp_ms AS terminal_timestamp_ms,
    p.topic AS progress_topic, p.key AS progress_key, p.value AS progress_value,
    p.headers AS progress_headers, p.timestamp_ms AS progress_timestamp_ms
FROM analyses AS a
JOIN analysis_records AS t ON t.request_id = a.request_id AND t.part = 'terminal'
LEFT JOIN analysis_records AS p ON p.request_id = a.request_id AND p.part = 'last_progress'
WHERE a.request_id = ANY($1::text[])

-- name: result
SELECT result FROM analysis_results WHERE request_id = $1

-- name: pairs
SELECT pairs FROM analysis_results WHERE request_id = $1
