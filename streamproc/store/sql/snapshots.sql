-- name: output_states
SELECT a.status, i.content
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (request_id, name, position)
LEFT JOIN analyses AS a USING (request_id)
LEFT JOIN analysis_inputs AS i USING (request_id, name)
ORDER BY wanted.position

-- name: snapshot_once
-- What was kept before comes back; a row that is new has no xmax.
WITH settled AS (
    INSERT INTO analysis_inputs (request_id, name, content)
    SELECT request_id, name, content
    FROM unnest($1::text[], $2::text[], $3::bytea[]) AS new (request_id, name, content)
    ORDER BY request_id, name
    ON CONFLICT (request_id, name) DO UPDATE SET name = analysis_inputs.name
    RETURNING request_id, name, content, xmax <> 0 AS is_old
)
SELECT request_id, name, content FROM settled WHERE is_old

-- name: record_progress
-- As `freeze`.
WITH settled AS (
    INSERT INTO analysis_records (request_id, part, seq, topic, key, value, headers, timestamp_ms)
    SELECT request_id, 'progress', seq, topic, key, value, headers, timestamp_ms
    FROM unnest($1::text[], $2::int[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bigint[])
        AS new (request_id, seq, topic, key, value, headers, timestamp_ms)
    ORDER BY request_id, seq
    ON CONFLICT (request_id, part, seq) DO UPDATE SET part = analysis_records.part
    RETURNING request_id, seq, topic, key, value, headers, timestamp_ms, xmax <> 0 AS is_old
)
SELECT request_id, seq, topic, key, value, headers, timestamp_ms FROM settled WHERE is_old

-- name: progress_from
SELECT wanted.position, seq, topic, key, value, headers, timestamp_ms
FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS wanted (request_id, first, position)
JOIN analysis_records AS r USING (request_id)
WHERE part = 'progress' AND seq >= wanted.first
ORDER BY wanted.position, seq
