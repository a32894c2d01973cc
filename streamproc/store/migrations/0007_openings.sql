-- What an opening said beside the request's content, so that one that is said again is the same record.
ALTER TABLE analyses
    ADD COLUMN repeats_dropped integer NOT NULL DEFAULT 0,
    ADD COLUMN traceparent bytea;
