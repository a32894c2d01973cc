-- Entries are kept as each transaction looks by itself. Which goods an order holds only the history before it tells:
-- an analysis reads that again in the order of the chain (core.custody), these views do not.
CREATE OR REPLACE VIEW ledger AS
    SELECT
        w.address AS wallet, e.slot, e.tx_index, to_timestamp(e.block_time) AS at, encode(e.signature, 'hex') AS signature_hex,
        k.name AS kind, e.flags & 1 = 1 AS failed, e.flags & 2 = 2 AS estimated,
        e.network_fee, e.sol_delta, e.tips, e.rent, e.sol_delta + e.network_fee + e.tips + e.rent AS trade_sol,
        coalesce(e.fee_payer, w.address) AS fee_payer, e.counterparty,
        ARRAY(
            SELECT m.address FROM unnest(e.mints) WITH ORDINALITY AS of_entry (id, position)
            JOIN mints AS m USING (id) ORDER BY position
        ) AS mints,
        e.deltas,
        e.moves IS NOT NULL AS may_be_of_an_order
    FROM entries AS e
    JOIN wallets AS w ON w.id = e.wallet_id
    JOIN entry_kinds AS k ON k.id = e.kind;

COMMENT ON VIEW ledger IS
    'Each transaction as it looks by itself. Where may_be_of_an_order is true, the history before it may make another kind of it: fills look like transfers here, and never are order_filled. Analyses, results and token_pnl read histories in order; no figure of theirs rests on this view.';
COMMENT ON VIEW trades IS
    'Buys, sells and token swaps of the ledger view: fills of orders are not among them. Those, and what trades were worth, are in token_pnl.';
