-- What a transaction moved in all, where an order's goods may have moved: only the history before it can tell. Null in
-- nearly all rows. Bytes for `core.entry_rows`; flags gain 4 (remainder) and 8 (mirrored).
ALTER TABLE entries ADD COLUMN moves bytea;

INSERT INTO entry_kinds (id, name) VALUES
    (11, 'round_trip'), (12, 'order_placed'), (13, 'order_cancelled'), (14, 'order_filled');
ALTER TABLE entries DROP CONSTRAINT entries_kind;
ALTER TABLE entries ADD CONSTRAINT entries_kind CHECK (kind BETWEEN 0 AND 14);  -- those of entry_kinds
