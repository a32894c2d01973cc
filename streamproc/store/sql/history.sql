-- name: number_mints
-- In the order of addresses, so that two workers with overlapping pages never wait for each other. Who is made by somebody
-- else at this very moment is not among the answers.
WITH made AS (
    INSERT INTO mints (address)
    SELECT address FROM unnest($1::text[]) AS new (address)
    WHERE NOT EXISTS (SELECT FROM mints WHERE mints.address = new.address)
    ORDER BY address
    ON CONFLICT (address) DO NOTHING
    RETURNING id, address
)
SELECT id, address FROM made
UNION ALL
SELECT id, address FROM mints WHERE address = ANY($1::text[])

-- name: mint_ids
SELECT id, address FROM mints WHERE address = ANY($1::text[])

-- name: put_decimals
-- Rows are locked in the order of addresses first: pages of many wallets name the same mints at the same time.
WITH known AS (
    SELECT m.id, named.decimals
    FROM unnest($1::text[], $2::smallint[]) AS named (address, decimals)
    JOIN mints AS m USING (address)
    WHERE m.decimals IS NULL
    ORDER BY m.address
    FOR NO KEY UPDATE OF m
)
UPDATE mints SET decimals = known.decimals
FROM known
WHERE mints.id = known.id AND mints.decimals IS NULL

-- name: decimals
SELECT address, decimals FROM mints WHERE address = ANY($1::text[]) AND decimals IS NOT NULL

-- name: make_page
CREATE TEMPORARY TABLE IF NOT EXISTS page ON COMMIT DELETE ROWS AS
SELECT slot, signature, tx_index, block_time, flags, kind, network_fee, sol_delta, tips, rent, mints, deltas,
    routed_mint, routed_units, fee_payer, counterparty, overflow, moves
FROM entries
WITH NO DATA

-- name: keep_page
-- What a page tells, its entries being in `page`: kept wholly, or not at all where the wallet is of another format than $2,
-- which is the answer; none when there is no such wallet. $3 to $5 unreadable ones, $6 token accounts, $7 to $10 the slots
-- that are closed (null: none are) and how. Pages of one wallet are stored one after the other; those of different wallets
-- do not wait. What a later listing knows better replaces what is there: exact amounts, the place in the block, or in a
-- newer list.
WITH locked AS MATERIALIZED (
    SELECT id, entry_format FROM wallets WHERE id = $1 FOR NO KEY UPDATE
), mine AS (
    SELECT id FROM locked WHERE entry_format = $2::smallint
), kept AS (
    INSERT INTO entries AS e
    SELECT mine.id, page.* FROM mine CROSS JOIN page
    ON CONFLICT (wallet_id, slot, signature) DO UPDATE
    SET tx_index = excluded.tx_index, block_time = excluded.block_time, flags = excluded.flags,
        kind = excluded.kind, network_fee = excluded.network_fee, sol_delta = excluded.sol_delta,
        tips = excluded.tips, rent = excluded.rent, mints = excluded.mints, deltas = excluded.deltas,
        routed_mint = excluded.routed_mint, routed_units = excluded.routed_units,
        fee_payer = excluded.fee_payer, counterparty = excluded.counterparty, overflow = excluded.overflow,
        moves = excluded.moves
    WHERE e.flags & 2 > excluded.flags & 2
        OR (e.flags & 2 = excluded.flags & 2 AND coalesce(e.tx_index, -1) < 0
            AND excluded.tx_index IS DISTINCT FROM e.tx_index AND excluded.tx_index IS NOT NULL)
    RETURNING 1
), odd AS (
    INSERT INTO unreadable (wallet_id, slot, signature, reason)
    SELECT DISTINCT ON (slot, signature) mine.id, slot, signature, reason
    FROM mine CROSS JOIN unnest($3::bigint[], $4::text[], $5::text[]) AS new (slot, signature, reason)
    ON CONFLICT DO NOTHING
    RETURNING 1
), accounts AS (
    INSERT INTO wallet_token_accounts (wallet_id, address)
    SELECT DISTINCT mine.id, address FROM mine CROSS JOIN unnest($6::text[]) AS new (address)
    ON CONFLICT DO NOTHING
), known AS (
    SELECT FROM wallet_ranges
    WHERE wallet_id = $1 AND strategy = $9 AND finality = $10
        AND from_slot <= $7::bigint AND to_slot >= $8::bigint
), touching AS (
    DELETE FROM wallet_ranges AS r USING mine
    WHERE r.wallet_id = mine.id AND strategy = $9 AND finality = $10
        AND from_slot <= $8::bigint + 1 AND to_slot >= $7::bigint - 1
        AND NOT EXISTS (SELECT FROM known)
    RETURNING from_slot, to_slot
), closed AS (
    INSERT INTO wallet_ranges (wallet_id, from_slot, to_slot, strategy, finality)
    SELECT mine.id, least($7::bigint, min(from_slot)), greatest($8::bigint, max(to_slot)), $9, $10
    FROM mine LEFT JOIN touching ON true
    WHERE $7::bigint IS NOT NULL AND NOT EXISTS (SELECT FROM known)
    GROUP BY mine.id
    RETURNING 1
), changed AS (
    UPDATE wallets SET revision = revision + 1
    WHERE id = $1 AND (EXISTS (SELECT FROM kept) OR EXISTS (SELECT FROM odd) OR EXISTS (SELECT FROM closed))
)
SELECT entry_format FROM locked

-- name: drop_older
-- A batch of the rows of an older format; the wallet's ranges go last, with its format, by `take_over`.
WITH old AS (
    SELECT e.slot, e.signature
    FROM entries AS e
    JOIN wallets AS w ON w.id = e.wallet_id
    WHERE e.wallet_id = $1 AND w.entry_format < $2
    LIMIT $3
), gone AS (
    DELETE FROM entries AS e USING old
    WHERE e.wallet_id = $1 AND e.slot = old.slot AND e.signature = old.signature
    RETURNING 1
)
SELECT count(*)::int FROM gone

-- name: take_over
-- What an older format than $2 knows of the wallet is forgotten: nothing of it is read again, and nothing mixed with it.
WITH older AS MATERIALIZED (
    SELECT id FROM wallets WHERE id = $1 AND entry_format < $2::smallint FOR NO KEY UPDATE
), entries_gone AS (
    DELETE FROM entries WHERE wallet_id IN (SELECT id FROM older)
), ranges_gone AS (
    DELETE FROM wallet_ranges WHERE wallet_id IN (SELECT id FROM older)
), tokens_gone AS (
    DELETE FROM wallet_tokens WHERE wallet_id IN (SELECT id FROM older)
), unreadable_gone AS (
    DELETE FROM unreadable WHERE wallet_id IN (SELECT id FROM older)
)
UPDATE wallets SET entry_format = $2, revision = revision + 1, synced_at_ms = NULL, watermark_slot = NULL
WHERE id IN (SELECT id FROM older)

-- name: unreadable
SELECT u.slot, u.signature
FROM unreadable AS u
JOIN wallets AS w ON w.id = u.wallet_id
WHERE w.address = $1 AND u.slot <= $2 AND w.entry_format = $3

-- name: token_accounts
SELECT a.address
FROM wallet_token_accounts AS a
JOIN wallets AS w ON w.id = a.wallet_id
WHERE w.address = $1
ORDER BY a.address

-- name: ranges
SELECT r.from_slot, r.to_slot, r.strategy, r.finality
FROM wallet_ranges AS r
JOIN wallets AS w ON w.id = r.wallet_id
WHERE w.address = $1 AND w.entry_format = $2
ORDER BY r.from_slot, r.to_slot

-- name: count_entries
SELECT count(*)
FROM entries AS e
JOIN wallets AS w ON w.id = e.wallet_id
WHERE w.address = $1 AND e.slot BETWEEN $2 AND $3 AND w.entry_format = $4

-- name: oldest_signature
SELECT e.signature
FROM entries AS e
JOIN wallets AS w ON w.id = e.wallet_id
WHERE w.address = $1 AND e.slot BETWEEN $2 AND $3 AND w.entry_format = $4
ORDER BY e.slot, e.tx_index, e.signature
LIMIT 1

-- name: head
-- What is known of a wallet beside its entries up to slot $2.
SELECT
    w.id, w.revision,
    ARRAY(
        SELECT ROW(from_slot, to_slot, strategy, finality) FROM wallet_ranges
        WHERE wallet_id = w.id
        ORDER BY from_slot, to_slot
    ) AS ranges,
    ARRAY(SELECT ROW(slot, signature) FROM unreadable WHERE wallet_id = w.id AND slot <= $2) AS unreadable
FROM wallets AS w
WHERE w.address = $1 AND w.entry_format = $3

-- name: entries
-- In the order of `core.ledger.row_layout`. For COPY, which takes no parameters: they are written into the text.
SELECT slot, signature, tx_index, block_time, flags, kind, network_fee, sol_delta, tips, rent, mints, deltas,
    routed_mint, routed_units, fee_payer, counterparty, overflow, moves
FROM entries
WHERE wallet_id = $1 AND slot <= $2
ORDER BY slot

-- name: mints_of_entries
SELECT id, address, decimals FROM mints
WHERE id IN (
    SELECT unnest(mints) FROM entries WHERE wallet_id = $1 AND slot <= $2
    UNION
    SELECT routed_mint FROM entries WHERE wallet_id = $1 AND slot <= $2 AND routed_mint IS NOT NULL
)
