-- A rejection ends a request like any other end and binds its id; whose quotas and share of the places count is kept.
ALTER TABLE analyses
    DROP CONSTRAINT analyses_status_check,
    ADD CONSTRAINT analyses_status_check
        CHECK (status IN ('running', 'completed', 'failed', 'cancelled', 'expired', 'rejected')),
    ADD COLUMN tenant text NOT NULL DEFAULT 'default';
