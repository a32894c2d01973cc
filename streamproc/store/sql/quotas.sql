-- name: lock
-- Requests of one tenant are counted and recorded one after the other, by whichever worker; held until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('streamproc quota of ' || $1::text, 0))

-- name: running
-- A cohort that is not resolved yet counts as large as it may become.
SELECT
    count(*) AS requests,
    coalesce(sum(
        CASE WHEN cohort IS NOT NULL AND chosen IS NULL THEN (cohort ->> 'count')::int ELSE json_array_length(wallets) END
    ), 0)::bigint AS wallets
FROM analyses
WHERE status = 'running' AND tenant = $1

-- name: credits_today
-- Of requests that were recorded since midnight UTC: the tenant's, and everybody's.
SELECT
    coalesce(sum(c.spent) FILTER (WHERE a.tenant = $1), 0)::bigint AS of_tenant,
    coalesce(sum(c.spent), 0)::bigint AS of_all
FROM analyses AS a
JOIN analysis_credits AS c USING (request_id)
WHERE a.recorded_at >= date_trunc('day', clock_timestamp(), 'UTC')

-- name: is_recorded
SELECT EXISTS (SELECT FROM analyses WHERE request_id = $1)
