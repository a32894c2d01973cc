"""The way to Postgres: pool, named statements, batches, retries, migrations, and the seam of errors."""
