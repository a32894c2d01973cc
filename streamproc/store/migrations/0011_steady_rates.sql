-- What the clock showed when a rate was last looked at: a clock that steps back neither stalls it nor lifts it.
ALTER TABLE upstream_budget ADD COLUMN seen_at timestamptz NOT NULL DEFAULT 'epoch';
