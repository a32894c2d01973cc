-- name: reserve_credits
-- No row comes back when the budget does not allow it.
INSERT INTO analysis_credits (request_id, reserved)
SELECT $1, $2::bigint WHERE $3::bigint IS NULL OR $2::bigint <= $3::bigint
ON CONFLICT (request_id) DO UPDATE
SET reserved = analysis_credits.reserved + excluded.reserved
WHERE $3::bigint IS NULL OR analysis_credits.reserved + excluded.reserved <= $3::bigint
RETURNING reserved

-- name: settle_credits
INSERT INTO analysis_credits (request_id, reserved, spent)
VALUES ($1, greatest($3::bigint - $2::bigint, 0), $3::bigint)
ON CONFLICT (request_id) DO UPDATE
SET reserved = greatest(analysis_credits.reserved + $3::bigint - $2::bigint, 0),
    spent = analysis_credits.spent + $3::bigint

-- name: count_credits
-- $1 different requests for whose calls nothing was set aside, $2 what these have cost. In the order of ids, so that two
-- workers never wait for each other.
INSERT INTO analysis_credits AS c (request_id, reserved, spent)
SELECT request_id, spent, spent
FROM unnest($1::text[], $2::bigint[]) AS new (request_id, spent)
ORDER BY request_id
ON CONFLICT (request_id) DO UPDATE
SET reserved = c.reserved + excluded.reserved, spent = c.spent + excluded.spent

-- name: credits_spent
SELECT spent FROM analysis_credits WHERE request_id = $1

-- name: lease
-- The moment before which nobody may call moves on by what these permits take; the answer is when the first one starts.
-- A clock that has stepped back since the last statement takes all moments along, so nobody waits for it to come back.
-- $1 key, $2 bucket, $3 permits, $4 calls a second of the plan, $5 seconds in which a halved rate comes back wholly.
INSERT INTO upstream_budget AS b (key_hash, bucket, next_free, seen_at)
VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3::float8 / $4::float8), clock_timestamp())
ON CONFLICT (key_hash, bucket) DO UPDATE
SET seen_at = clock_timestamp(),
    penalized_at = b.penalized_at - greatest(b.seen_at - clock_timestamp(), interval '0'),
    next_free = greatest(b.next_free - greatest(b.seen_at - clock_timestamp(), interval '0'), clock_timestamp())
    + make_interval(
        secs => $3::float8 / ($4::float8 * least(1, b.factor + extract(epoch FROM least(
            greatest(clock_timestamp(), b.seen_at) - b.penalized_at, interval '1 day'
        )) / $5::float8))
    )
RETURNING
    extract(epoch FROM b.next_free - clock_timestamp())::float8 AS until_next_s,
    least(1, b.factor
        + extract(epoch FROM least(clock_timestamp() - b.penalized_at, interval '1 day')) / $5::float8)::float8
        AS factor

-- name: penalize
-- Halve the rate once per incident: calls that were under way together are refused together. As above about the clock.
-- $1 key, $2 bucket, $3 recovery seconds, $4 least factor, $5 seconds that one incident lasts, $6 pause in seconds.
INSERT INTO upstream_budget AS b (key_hash, bucket, next_free, factor, penalized_at, seen_at)
VALUES (
    $1, $2, clock_timestamp() + make_interval(secs => $6::float8), 0.5, clock_timestamp(), clock_timestamp()
)
ON CONFLICT (key_hash, bucket) DO UPDATE
SET seen_at = clock_timestamp(),
    next_free = greatest(
        b.next_free - greatest(b.seen_at - clock_timestamp(), interval '0'),
        clock_timestamp() + make_interval(secs => $6::float8)
    ),
    factor = CASE
        WHEN greatest(clock_timestamp(), b.seen_at) - b.penalized_at < make_interval(secs => $5::float8)
            THEN b.factor
        ELSE greatest($4::float8, 0.5 * least(1, b.factor + extract(epoch FROM least(
            greatest(clock_timestamp(), b.seen_at) - b.penalized_at, interval '1 day'
        )) / $3::float8))
    END,
    penalized_at = CASE
        WHEN greatest(clock_timestamp(), b.seen_at) - b.penalized_at < make_interval(secs => $5::float8)
            THEN b.penalized_at - greatest(b.seen_at - clock_timestamp(), interval '0')
        ELSE clock_timestamp()
    END
