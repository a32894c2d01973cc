-- Entries and analyses carry their format's number; what was stored before it was noted is of format 1. A wallet's
-- history is of one format as a whole: who knows a newer one drops the older rows with the first page that it stores.
ALTER TABLE wallets ADD COLUMN entry_format smallint NOT NULL DEFAULT 1;
ALTER TABLE wallet_analyses ADD COLUMN format smallint NOT NULL DEFAULT 1;

-- Whatever is stored of a history touches its wallet's revision or sync. A session says which format it writes
-- (nothing: 1, workers from before this), and may not change a history of a newer one: it waits, as for a lock, until
-- a newer worker has its records.
CREATE FUNCTION refuse_older_format() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of % is stored in format %, by a newer worker', OLD.address, OLD.entry_format
        USING ERRCODE = 'lock_not_available';
END
$$;
CREATE TRIGGER refuse_older_format
    BEFORE UPDATE OF revision, synced_at_ms, watermark_slot, entry_format ON wallets FOR EACH ROW
    WHEN (OLD.entry_format > coalesce(nullif(current_setting('streamproc.entry_format', true), '')::integer, 1))
    EXECUTE FUNCTION refuse_older_format();
