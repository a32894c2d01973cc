-- name: put_metadata
INSERT INTO token_metadata (mint, symbol, name, image_url, decimals, fetched_at)
SELECT mint, symbol, name, image_url, decimals, now()
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[])
    AS new (mint, symbol, name, image_url, decimals)
ORDER BY mint
ON CONFLICT (mint) DO UPDATE
SET symbol = excluded.symbol, name = excluded.name, image_url = excluded.image_url,
    decimals = excluded.decimals, fetched_at = excluded.fetched_at

-- name: metadata
SELECT mint, symbol, name, image_url, decimals
FROM token_metadata
WHERE mint = ANY($1::text[]) AND fetched_at >= now() - make_interval(secs => $2)

-- name: put_prices
INSERT INTO token_prices (mint, price_usd, liquidity_usd, fetched_at)
SELECT mint, price_usd, liquidity_usd, now()
FROM unnest($1::text[], $2::double precision[], $3::double precision[])
    AS new (mint, price_usd, liquidity_usd)
ORDER BY mint
ON CONFLICT (mint) DO UPDATE
SET price_usd = excluded.price_usd, liquidity_usd = excluded.liquidity_usd,
    fetched_at = excluded.fetched_at

-- name: prices
SELECT mint, price_usd, liquidity_usd
FROM token_prices
WHERE mint = ANY($1::text[]) AND fetched_at >= now() - make_interval(secs => $2)
