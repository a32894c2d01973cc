-- How often anything was changed in what is known of a wallet, and which of these states an analysis has seen: one that
-- has seen the present one need not be made again. Null: made before this was noted.
ALTER TABLE wallets ADD COLUMN revision bigint NOT NULL DEFAULT 0;
ALTER TABLE wallet_analyses ADD COLUMN revision bigint;
