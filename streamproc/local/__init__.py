"""Real Kafka and real Postgres on this machine, without Docker, and no trace of them when we are gone."""
