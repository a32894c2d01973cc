-- What a listing met beside entries: transactions that could not be read, and, where only known token accounts are
-- listed, those of the wallet, so that a walk that goes on below a known range knows those that were closed in it.
CREATE TABLE unreadable (
    wallet_id bigint NOT NULL REFERENCES wallets ON DELETE CASCADE,
    slot bigint NOT NULL,                -- 0: not known
    signature text COLLATE "C" NOT NULL, -- as the answer has it; empty: not known
    reason text NOT NULL,
    PRIMARY KEY (wallet_id, slot, signature)
);
CREATE TABLE wallet_token_accounts (
    wallet_id bigint NOT NULL REFERENCES wallets ON DELETE CASCADE,
    address text COLLATE "C" NOT NULL,
    PRIMARY KEY (wallet_id, address)
);
