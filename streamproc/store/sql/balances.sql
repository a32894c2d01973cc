-- name: put_balances
-- What was found once stays, so that a repeated fetch changes no result; only a failure gives way.
INSERT INTO balances (request_id, wallet, state, record)
SELECT request_id, wallet, state, record::json
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (request_id, wallet, state, record)
ORDER BY request_id, wallet
ON CONFLICT (request_id, wallet) DO UPDATE
SET state = excluded.state, record = excluded.record
WHERE balances.state = 'failed'

-- name: balances
SELECT wallet, record FROM balances WHERE request_id = $1 ORDER BY wallet
