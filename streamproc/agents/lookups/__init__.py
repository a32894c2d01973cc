"""What agents ask the upstream for a request: cached, shared, permitted and bounded in time."""
