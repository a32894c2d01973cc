-- Which tokens each wallet traded for the first time in which week (unix seconds / 604800, rounded down): wallets are
-- compared with others of the same weeks. `sample` is a digest of the address: a sample of a week is what comes first
-- in that order, the same wallets in every week, chosen neither by age nor by activity.
CREATE TABLE wallet_weeks (
    wallet_id bigint NOT NULL REFERENCES wallets ON DELETE CASCADE,
    week integer NOT NULL,
    sample bigint NOT NULL,
    mints integer[] NOT NULL,    -- `mints.id`, ascending
    first_at bigint[] NOT NULL,  -- beside it the first trade, unix seconds
    PRIMARY KEY (wallet_id, week)
);
CREATE INDEX wallet_weeks_sample ON wallet_weeks (week, sample, wallet_id);
DROP INDEX wallets_sample;  -- the sample of all weeks, which nobody asks for any more
