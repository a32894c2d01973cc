-- Facts of wallets, and the requests that asked for them. Times are unix seconds of the chain or of the database's
-- clock; names ending in _ms are milliseconds. `json`, not `jsonb`: what is published must come back byte for byte,
-- and jsonb rewrites numbers and the order of keys.

CREATE TABLE wallets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address text COLLATE "C" NOT NULL UNIQUE,
    synced_at_ms bigint,         -- when the tip was asked for the last time
    watermark_slot bigint,       -- the tip that was found then
    oversized_until_ms bigint    -- more token accounts than are listed; asked again after this
);

-- Closed slot intervals that are wholly in `entries`; a wallet's coverage is their union.
CREATE TABLE wallet_ranges (
    wallet_id bigint NOT NULL REFERENCES wallets ON DELETE CASCADE,
    from_slot bigint NOT NULL,
    to_slot bigint NOT NULL,
    strategy text NOT NULL,      -- the upstream method that listed it
    finality text NOT NULL,
    CHECK (from_slot <= to_slot)
);
CREATE INDEX wallet_ranges_of_wallet ON wallet_ranges (wallet_id, strategy, finality, from_slot);

CREATE TABLE mints (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address text COLLATE "C" NOT NULL UNIQUE,
    decimals smallint
);

CREATE TABLE entry_kinds (id smallint PRIMARY KEY, name text NOT NULL UNIQUE);
INSERT INTO entry_kinds (id, name) VALUES
    (0, 'failed'), (1, 'liquidity'), (2, 'burn'), (3, 'token_swap'), (4, 'buy'), (5, 'sell'), (6, 'mint'),
    (7, 'transfer_in'), (8, 'transfer_out'), (9, 'quote_swap'), (10, 'other');

-- One transaction in one wallet's books. Columns of fixed width, so that a page is written by one binary COPY.
CREATE TABLE entries (
    wallet_id bigint NOT NULL REFERENCES wallets ON DELETE CASCADE,
    slot bigint NOT NULL,
    signature bytea NOT NULL,
    tx_index integer,            -- in the block; negative: the order of a list without indexes, newer is larger
    block_time bigint,
    flags smallint NOT NULL,     -- 1 failed, 2 estimated
    kind smallint NOT NULL REFERENCES entry_kinds,
    network_fee bigint NOT NULL,
    sol_delta bigint NOT NULL,
    tips bigint NOT NULL,
    rent bigint NOT NULL,
    mints integer[] NOT NULL,    -- `mints.id`, beside it the base units
    deltas bigint[] NOT NULL,
    routed_mint integer,
    routed_units bigint,
    fee_payer text COLLATE "C",  -- null: the wallet itself
    counterparty text COLLATE "C",
    overflow json,               -- exact figures of a row with one past 64 bits; its columns hold the nearest that fits
    PRIMARY KEY (wallet_id, slot, signature)
);

CREATE VIEW ledger AS
    SELECT
        w.address AS wallet, e.slot, e.tx_index, to_timestamp(e.block_time) AS at, encode(e.signature, 'hex') AS signature_hex,
        k.name AS kind, e.flags & 1 = 1 AS failed, e.flags & 2 = 2 AS estimated,
        e.network_fee, e.sol_delta, e.tips, e.rent, e.sol_delta + e.network_fee + e.tips + e.rent AS trade_sol,
        coalesce(e.fee_payer, w.address) AS fee_payer, e.counterparty,
        ARRAY(
            SELECT m.address FROM unnest(e.mints) WITH ORDINALITY AS of_entry (id, position)
            JOIN mints AS m USING (id) ORDER BY position
        ) AS mints,
        e.deltas
    FROM entries AS e
    JOIN wallets AS w ON w.id = e.wallet_id
    JOIN entry_kinds AS k ON k.id = e.kind;

CREATE VIEW trades AS
    SELECT * FROM ledger WHERE kind IN ('buy', 'sell', 'token_swap');

CREATE TABLE wallet_analyses (
    wallet_id bigint NOT NULL REFERENCES wallets ON DELETE CASCADE,
    watermark_slot bigint NOT NULL,
    options_digest text COLLATE "C" NOT NULL,
    engine_version text COLLATE "C" NOT NULL,
    pnl json NOT NULL,
    behavior json,
    coverage json NOT NULL,
    details json,                -- what similarity needs beside the published records
    analyzed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (wallet_id, watermark_slot, options_digest, engine_version)
);

CREATE VIEW token_pnl AS
    SELECT w.address AS wallet, a.watermark_slot, a.options_digest, token ->> 'mint' AS mint, token AS figures
    FROM wallet_analyses AS a
    JOIN wallets AS w ON w.id = a.wallet_id
    CROSS JOIN LATERAL json_array_elements(a.pnl -> 'tokens') AS token;

CREATE TABLE analyses (
    request_id text COLLATE "C" PRIMARY KEY,
    digest bytea NOT NULL,       -- of the content: the same id with another one is a conflict
    source text NOT NULL,        -- topic/partition/offset of the record that was first
    wallets json NOT NULL,
    options json NOT NULL,
    requested_at_ms bigint NOT NULL,
    deadline_at bigint NOT NULL,
    status text NOT NULL DEFAULT 'running',
    code text,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CHECK (status IN ('running', 'completed', 'failed', 'cancelled', 'expired')),
    CHECK ((status = 'running') = (ended_at IS NULL))
);
CREATE INDEX analyses_running ON analyses (deadline_at) WHERE status = 'running';

-- Kafka records as they were or will be published: the end of a request and its last progress (0), and progress by seq.
CREATE TABLE analysis_records (
    request_id text COLLATE "C" NOT NULL REFERENCES analyses ON DELETE CASCADE,
    part text COLLATE "C" NOT NULL CHECK (part IN ('terminal', 'last_progress', 'progress')),
    seq integer NOT NULL DEFAULT 0,
    topic text NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    headers bytea NOT NULL,      -- MessagePack of [[name, value], ...]
    timestamp_ms bigint,
    PRIMARY KEY (request_id, part, seq)
);

CREATE VIEW analysis_progress AS
    SELECT request_id, seq, convert_from(value, 'UTF8')::json AS progress, timestamp_ms
    FROM analysis_records
    WHERE part = 'progress';

CREATE TABLE analysis_results (
    request_id text COLLATE "C" PRIMARY KEY REFERENCES analyses ON DELETE CASCADE,
    result bytea NOT NULL        -- zlib of the whole result's JSON
);
ALTER TABLE analysis_results ALTER COLUMN result SET STORAGE EXTERNAL;  -- compressed already

-- What a result was composed from and might be found otherwise later: the first one stays.
CREATE TABLE analysis_inputs (
    request_id text COLLATE "C" NOT NULL REFERENCES analyses ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (request_id, name)
);

-- Apart from `analyses`: it changes with every call.
CREATE TABLE analysis_credits (
    request_id text COLLATE "C" PRIMARY KEY REFERENCES analyses ON DELETE CASCADE,
    reserved bigint NOT NULL DEFAULT 0,  -- spent or about to be; a crash leaves it too high, never too low
    spent bigint NOT NULL DEFAULT 0      -- by calls that were answered
);

CREATE TABLE balances (
    request_id text COLLATE "C" NOT NULL REFERENCES analyses ON DELETE CASCADE,
    wallet text COLLATE "C" NOT NULL,
    state text NOT NULL CHECK (state IN ('ok', 'failed', 'oversized')),
    record json NOT NULL,
    PRIMARY KEY (request_id, wallet)
);

CREATE TABLE token_metadata (
    mint text COLLATE "C" PRIMARY KEY,
    symbol text,
    name text,
    image_url text,
    decimals smallint,
    fetched_at timestamptz NOT NULL
);

CREATE TABLE token_prices (
    mint text COLLATE "C" PRIMARY KEY,
    price_usd double precision,  -- null: asked, and nobody trades it
    liquidity_usd double precision,
    fetched_at timestamptz NOT NULL
);

-- The upstream's rate limit, shared by all workers of a key.
CREATE TABLE upstream_budget (
    key_hash text COLLATE "C" NOT NULL,
    bucket text COLLATE "C" NOT NULL,
    next_free timestamptz NOT NULL,
    factor double precision NOT NULL DEFAULT 1,   -- of the plan's rate, at penalized_at; recovers with time
    penalized_at timestamptz NOT NULL DEFAULT 'epoch',
    PRIMARY KEY (key_hash, bucket)
);
