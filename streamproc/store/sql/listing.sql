-- name: requests
SELECT
    a.request_id, a.tenant, a.status, a.code, json_array_length(a.wallets) AS wallets, a.requested_at_ms,
    extract(epoch FROM clock_timestamp() - a.recorded_at)::float8 AS age_s,
    (convert_from(p.value, 'UTF8')::json ->> 'percent')::float8 AS percent
FROM (
    SELECT * FROM analyses
    WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR tenant = $2)
    ORDER BY recorded_at DESC, request_id
    LIMIT $3
) AS a
LEFT JOIN analysis_records AS p ON p.request_id = a.request_id AND p.part = 'last_progress'
ORDER BY a.recorded_at DESC, a.request_id
