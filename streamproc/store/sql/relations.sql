-- name: note_traded
-- $1 wallet, $2 up to which slot, $3 mints, $4 their first trades in unix seconds, null where a block has no time.
WITH traded AS (
    SELECT m.id, t.first_at, (t.first_at / 604800)::integer AS week
    FROM unnest($3::text[], $4::bigint[]) AS t (address, first_at)
    JOIN mints AS m USING (address)
), noted AS (
    INSERT INTO wallet_tokens AS t (wallet_id, watermark_slot, mints)
    SELECT w.id, $2::bigint, ARRAY(SELECT id FROM traded ORDER BY id)
    FROM wallets AS w
    WHERE w.address = $1
    ON CONFLICT (wallet_id) DO UPDATE SET watermark_slot = excluded.watermark_slot, mints = excluded.mints
    WHERE t.watermark_slot <= excluded.watermark_slot
    RETURNING wallet_id
), gone AS (
    DELETE FROM wallet_weeks AS w USING noted
    WHERE w.wallet_id = noted.wallet_id AND w.week NOT IN (SELECT week FROM traded WHERE week IS NOT NULL)
)
INSERT INTO wallet_weeks (wallet_id, week, sample, mints, first_at)
SELECT
    noted.wallet_id, traded.week, ('x' || left(md5($1), 16))::bit(64)::bigint,
    array_agg(traded.id ORDER BY traded.id), array_agg(traded.first_at ORDER BY traded.id)
FROM noted
CROSS JOIN traded
WHERE traded.week IS NOT NULL
GROUP BY noted.wallet_id, traded.week
ON CONFLICT (wallet_id, week) DO UPDATE SET mints = excluded.mints, first_at = excluded.first_at

-- name: background
-- $1 wallets left out, $2 weeks, $3 at most so many wallets of each of them, $4 at most so many tokens of each wallet,
-- $5 the format of their entries, $6 at most so many tokens in all. One row: wallets and weeks in order, how many tokens
-- each has, and the bytes of all their arrays behind the header of 20, for a number alone costs too much to read.
WITH chosen AS (
    SELECT DISTINCT of_week.wallet_id
    FROM unnest($2::integer[], $3::integer[]) AS asked (week, most)
    CROSS JOIN LATERAL (
        SELECT ww.wallet_id
        FROM wallet_weeks AS ww
        JOIN wallets AS w ON w.id = ww.wallet_id
        JOIN wallet_tokens AS t ON t.wallet_id = ww.wallet_id
        WHERE ww.week = asked.week AND w.address <> ALL($1::text[]) AND w.entry_format = $5 AND t.tokens <= $4
        ORDER BY ww.sample, ww.wallet_id
        LIMIT asked.most
    ) AS of_week
)
SELECT
    array_agg(address) AS wallets, array_agg(cardinality(mints)) AS counts,
    string_agg(substr(array_send(mints), 21), '') AS mints, string_agg(substr(array_send(first_at), 21), '') AS first_at
FROM (
    SELECT address, mints, first_at
    FROM (
        SELECT
            w.address, ww.mints, ww.first_at, ww.sample, ww.week,
            sum(cardinality(ww.mints)) OVER (ORDER BY ww.sample, w.address, ww.week) AS tokens
        FROM chosen
        JOIN wallet_weeks AS ww ON ww.wallet_id = chosen.wallet_id AND ww.week = ANY($2::integer[])
        JOIN wallets AS w ON w.id = chosen.wallet_id
    ) AS taken
    WHERE tokens <= $6
    ORDER BY sample, address, week
) AS ordered

-- name: in_order_of_address
-- $1 numbers of mints with commas between them.
SELECT substr(array_send(array_agg(id ORDER BY address)), 21) FROM mints WHERE id = ANY(string_to_array($1, ',')::integer[])

-- name: transfers_between
-- $1 wallets, $2 how far each is known, $3 at most so many. What a wallet got may be the fill of its order (kept moves),
-- and who paid it a keeper: whether somebody sent it, the sender's own entries say.
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
WHERE e.slot <= one.watermark_slot AND (e.kind = 8 OR e.kind = 7 AND e.moves IS NULL)
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
-- $3: at most so many of each wallet. From one payer to the next, so that what one has paid for is not read through.
WITH RECURSIVE paid AS (
    SELECT a.address, w.id AS wallet_id, a.watermark_slot, first.fee_payer, first.signature, 1 AS count
    FROM unnest($1::text[], $2::bigint[]) AS a (address, watermark_slot)
    JOIN wallets AS w USING (address)
    CROSS JOIN LATERAL (
        SELECT e.fee_payer, e.signature
        FROM entries AS e
        WHERE e.wallet_id = w.id AND e.slot <= a.watermark_slot
            AND e.fee_payer IS NOT NULL AND e.kind IN (1, 2, 3, 4, 5, 8, 9)
        ORDER BY e.fee_payer, e.slot, e.signature
        LIMIT 1
    ) AS first
    UNION ALL
    SELECT p.address, p.wallet_id, p.watermark_slot, following.fee_payer, following.signature, p.count + 1
    FROM paid AS p
    CROSS JOIN LATERAL (
        SELECT e.fee_payer, e.signature
        FROM entries AS e
        WHERE e.wallet_id = p.wallet_id AND e.slot <= p.watermark_slot
            AND e.fee_payer > p.fee_payer AND e.kind IN (1, 2, 3, 4, 5, 8, 9)
        ORDER BY e.fee_payer, e.slot, e.signature
        LIMIT 1
    ) AS following
    WHERE p.count < $3::integer
)
SELECT address, fee_payer, signature FROM paid ORDER BY address, fee_payer

-- name: known_wallets
SELECT count(*) FROM wallets

-- name: counterparties
-- $1 addresses; whom each met, as far as entries of any wallet in format $3 tell, counted up to $2 on each way of meeting.
-- From one to the next, so that it does not matter how often an address met the same ones.
WITH RECURSIVE asked AS (
    SELECT a.address, w.id AS own_id
    FROM unnest($1::text[]) AS a (address)
    LEFT JOIN wallets AS w ON w.address = a.address AND w.entry_format = $3
), of_wallet (address, wallet_id, count) AS (
    SELECT a.address, (SELECT min(e.wallet_id) FROM entries AS e WHERE e.counterparty = a.address), 1
    FROM asked AS a
    UNION ALL
    SELECT
        o.address,
        (SELECT min(e.wallet_id) FROM entries AS e WHERE e.counterparty = o.address AND e.wallet_id > o.wallet_id),
        o.count + 1
    FROM of_wallet AS o
    WHERE o.wallet_id IS NOT NULL AND o.count < $2::integer
), paid_for (address, wallet_id, count) AS (
    SELECT
        a.address,
        (
            SELECT min(e.wallet_id) FROM entries AS e
            WHERE e.fee_payer = a.address AND e.kind IN (1, 2, 3, 4, 5, 8, 9)
        ),
        1
    FROM asked AS a
    UNION ALL
    SELECT
        p.address,
        (
            SELECT min(e.wallet_id) FROM entries AS e
            WHERE e.fee_payer = p.address AND e.wallet_id > p.wallet_id AND e.kind IN (1, 2, 3, 4, 5, 8, 9)
        ),
        p.count + 1
    FROM paid_for AS p
    WHERE p.wallet_id IS NOT NULL AND p.count < $2::integer
), own (address, own_id, counterparty, count) AS (
    SELECT a.address, a.own_id, (SELECT min(e.counterparty) FROM entries AS e WHERE e.wallet_id = a.own_id), 1
    FROM asked AS a
    WHERE a.own_id IS NOT NULL
    UNION ALL
    SELECT
        o.address,
        o.own_id,
        (
            SELECT min(e.counterparty) FROM entries AS e
            WHERE e.wallet_id = o.own_id AND e.counterparty > o.counterparty
        ),
        o.count + 1
    FROM own AS o
    WHERE o.counterparty IS NOT NULL AND o.count < $2::integer
), met AS (
    SELECT o.address, w.address AS other, true AS is_stored
    FROM (TABLE of_wallet UNION ALL TABLE paid_for) AS o
    JOIN wallets AS w ON w.id = o.wallet_id AND w.entry_format = $3
    UNION ALL
    SELECT o.address, o.counterparty, EXISTS (SELECT FROM wallets AS w WHERE w.address = o.counterparty)
    FROM own AS o
    WHERE o.counterparty IS NOT NULL
)
SELECT
    address, count(DISTINCT other)::integer AS others,
    count(DISTINCT other) FILTER (WHERE is_stored)::integer AS wallets
FROM met
GROUP BY address
ORDER BY address
