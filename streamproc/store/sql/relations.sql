-- name: note_traded
INSERT INTO wallet_tokens AS t (wallet_id, watermark_slot, mints)
SELECT w.id, $2::bigint, ARRAY(SELECT id FROM mints WHERE address = ANY($3::text[]) ORDER BY id)
FROM wallets AS w
WHERE w.address = $1
ON CONFLICT (wallet_id) DO UPDATE SET watermark_slot = excluded.watermark_slot, mints = excluded.mints
WHERE t.watermark_slot <= excluded.watermark_slot

-- name: background
-- $1 wallets left out, $2 at most so many wallets, $3 at most so many tokens of each, $4 the format of their entries.
SELECT w.address, t.mints
FROM wallets AS w
JOIN wallet_tokens AS t ON t.wallet_id = w.id
WHERE t.tokens BETWEEN 1 AND $3 AND w.address <> ALL($1::text[]) AND w.entry_format = $4
ORDER BY md5(w.address)
LIMIT $2

-- name: in_order_of_address
SELECT id FROM mints WHERE id = ANY($1::integer[]) ORDER BY address

-- name: transfers_between
-- $1 wallets, $2 how far each is known, $3 at most so many.
WITH asked AS (
    SELECT w.id, w.address, a.watermark_slot
    FROM unnest($1::text[], $2::bigint[]) AS a (address, watermark_slot)
    JOIN wallets AS w USING (address)
)
SELECT
    e.kind, one.address AS wallet, e.counterparty, e.signature, e.slot,
    abs(e.sol_delta + e.network_fee + e.tips + e.rent) AS lamports,
    (SELECT m.address FROM mints AS m WHERE m.id = e.mints[1]) AS mint, abs(e.deltas[1]) AS units
FROM unnest($1::text[]) AS other (address)
JOIN entries AS e ON e.counterparty = other.address
JOIN asked AS one ON one.id = e.wallet_id
WHERE e.slot <= one.watermark_slot AND e.kind IN (7, 8)
ORDER BY e.slot, e.signature, one.address
LIMIT $3

-- name: first_funders
-- The first transaction that brought SOL, rent for its own accounts apart; $3 lamports are dust below.
SELECT a.address, first.kind, first.counterparty, first.signature
FROM unnest($1::text[], $2::bigint[]) AS a (address, watermark_slot)
JOIN wallets AS w USING (address)
CROSS JOIN LATERAL (
    SELECT e.kind, e.counterparty, e.signature
    FROM entries AS e
    WHERE e.wallet_id = w.id AND e.slot <= a.watermark_slot
        AND e.sol_delta + e.network_fee + e.tips + e.rent >= $3::bigint
    ORDER BY e.slot, e.tx_index, e.signature
    LIMIT 1
) AS first

-- name: fee_payers
-- $3: at most so many of each wallet.
SELECT a.address, paid.fee_payer, paid.signature
FROM unnest($1::text[], $2::bigint[]) AS a (address, watermark_slot)
JOIN wallets AS w USING (address)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (e.fee_payer) e.fee_payer, e.signature
    FROM entries AS e
    WHERE e.wallet_id = w.id AND e.slot <= a.watermark_slot
        AND e.fee_payer IS NOT NULL AND e.kind IN (1, 2, 3, 4, 5, 8, 9)
    ORDER BY e.fee_payer, e.slot, e.signature
    LIMIT $3
) AS paid
ORDER BY a.address, paid.fee_payer

-- name: known_wallets
SELECT count(*) FROM wallets

-- name: counterparties
-- $1 addresses; whom each met, as far as entries of any wallet in format $3 tell, counted up to $2 on each way of meeting.
SELECT
    a.address, count(DISTINCT met.address)::integer AS others,
    count(DISTINCT met.address) FILTER (WHERE met.is_stored)::integer AS wallets
FROM unnest($1::text[]) AS a (address)
CROSS JOIN LATERAL (
    SELECT w.address, true AS is_stored
    FROM (
        SELECT DISTINCT e.wallet_id FROM entries AS e WHERE e.counterparty = a.address LIMIT $2
    ) AS of_wallet
    JOIN wallets AS w ON w.id = of_wallet.wallet_id AND w.entry_format = $3
    UNION ALL
    SELECT w.address, true AS is_stored
    FROM (
        SELECT DISTINCT e.wallet_id FROM entries AS e
        WHERE e.fee_payer = a.address AND e.kind IN (1, 2, 3, 4, 5, 8, 9)
        LIMIT $2
    ) AS paid_for
    JOIN wallets AS w ON w.id = paid_for.wallet_id AND w.entry_format = $3
    UNION ALL
    SELECT own.counterparty, EXISTS (SELECT FROM wallets AS o WHERE o.address = own.counterparty)
    FROM wallets AS w
    CROSS JOIN LATERAL (
        SELECT DISTINCT e.counterparty FROM entries AS e
        WHERE e.wallet_id = w.id AND e.counterparty IS NOT NULL
        LIMIT $2
    ) AS own
    WHERE w.address = a.address AND w.entry_format = $3
) AS met
GROUP BY a.address
ORDER BY a.address
