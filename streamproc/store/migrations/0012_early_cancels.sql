-- Cancels that came before their request: kept here for an hour, because the join keeps nothing of what it does not know.
CREATE TABLE early_cancels (
    request_id text COLLATE "C" PRIMARY KEY,
    reason bytea NOT NULL,                        -- UTF-8; empty: none was given
    heard_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX early_cancels_heard ON early_cancels (heard_at);
