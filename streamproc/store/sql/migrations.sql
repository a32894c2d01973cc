-- name: make_list
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text COLLATE "C" PRIMARY KEY,
    digest text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: has_list
SELECT to_regclass('schema_migrations') IS NOT NULL

-- name: applied
SELECT name, digest FROM schema_migrations

-- name: note
INSERT INTO schema_migrations (name, digest) VALUES ($1, $2)

-- name: session_format
SELECT current_setting('streamproc.entry_format', true)
