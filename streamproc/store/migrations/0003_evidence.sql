-- What evidence about pairs is drawn from, and every pair of a result as columns.

-- Which tokens a wallet has traded up to a slot: what is popular is learnt from stored wallets that nobody asked about.
CREATE TABLE wallet_tokens (
    wallet_id bigint PRIMARY KEY REFERENCES wallets ON DELETE CASCADE,
    watermark_slot bigint NOT NULL,
    mints integer[] NOT NULL,    -- `mints.id`, ascending
    tokens integer GENERATED ALWAYS AS (cardinality(mints)) STORED
);
-- A sample that neither age nor activity chooses: wallets in the order of a digest of their addresses.
CREATE INDEX wallets_sample ON wallets (md5(address));

-- Who met whom by a transfer, from either side. Few entries have a counterparty, so both indexes stay small.
CREATE INDEX entries_counterparty ON entries (counterparty, wallet_id) WHERE counterparty IS NOT NULL;
CREATE INDEX entries_of_wallet_counterparty ON entries (wallet_id, counterparty) WHERE counterparty IS NOT NULL;

-- Who paid for what a wallet did itself (trades, transfers out, liquidity, burns): a sender of gifts pays for itself.
CREATE INDEX entries_fee_payer ON entries (fee_payer, wallet_id)
    WHERE fee_payer IS NOT NULL AND kind IN (1, 2, 3, 4, 5, 8, 9);
CREATE INDEX entries_of_wallet_fee_payer ON entries (wallet_id, fee_payer, slot, signature)
    WHERE fee_payer IS NOT NULL AND kind IN (1, 2, 3, 4, 5, 8, 9);

ALTER TABLE analysis_results ADD COLUMN pairs bytea;  -- every pair as a zip archive of numpy columns
ALTER TABLE analysis_results ALTER COLUMN pairs SET STORAGE EXTERNAL;  -- compressed already
