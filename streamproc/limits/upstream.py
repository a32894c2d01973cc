"""Calls to the services outside, and what is believed of their answers."""

from __future__ import annotations

from typing import Final

UPSTREAM_CONNECT_S: Final = 5.0
UPSTREAM_READ_S: Final = 20.0  # between two pieces of an answer
UPSTREAM_CALL_S: Final = 60.0  # of one call in all; a page of 1000 transactions comes within two
UPSTREAM_CONNECTIONS: Final = 64  # as many as handlers work at the same time
UPSTREAM_HEADERS: Final = 2000  # of an answer
UPSTREAM_KEPT_S: Final = 5.0  # a connection that nobody uses
UPSTREAM_PIECE_BYTES: Final = 256 * 1024  # read at once: what the event loop takes from a socket
UPSTREAM_TRIES: Final = 5  # of a call that fails in passing; with the pauses half a minute
# before it the wait for the upstream ends: what is there may be enough
DEADLINE_SPARE_S: Final = 5.0
PAUSE_TOLD_AFTER_S: Final = 5.0  # shorter ones are nobody's business
PAUSE_TOLD_EVERY_S: Final = 10.0  # in progress records, while it lasts
CONDITION_LOG_S: Final = 60.0  # before the same trouble of a service is logged again
BACKOFF_FIRST_S: Final = 0.5
BACKOFF_CAP_S: Final = 15.0
RETRY_AFTER_MAX_S: Final = 60.0  # a longer pause is asked for again
# a rate limit passes within seconds; refusals for minutes mean no credits
CREDITS_GONE_S: Final = 180.0
ANSWER_COMPRESSED_MAX_BYTES: Final = 32 * 1024**2  # of a page of 1000 transactions: 2 MB
ANSWER_MAX_BYTES: Final = 48 * 1024**2  # of the same: 11 MB
ANSWER_HERE_MAX_BYTES: Final = 32 * 1024**2  # unpacked on the event loop: 10 000 accounts have 7 MB
# Numbers, texts, lists and objects of a large answer: as Python has them each takes up to 120 bytes. JSON of
# transactions has one in 25 bytes.
ANSWER_VALUES_MAX: Final = 1_500_000
ANSWER_UNCOUNTED_BYTES: Final = 12 * 1024**2  # in a process of the pool: at worst 450 MB
ANSWER_UNCOUNTED_HERE_BYTES: Final = 2 * 1024**2  # on the event loop
RPC_ERROR_MAX_BYTES: Final = 64 * 1024  # a larger answer is no error
NAME_MAX_CHARACTERS: Final = 64  # of a token's name or symbol
LINK_MAX_CHARACTERS: Final = 2048  # what browsers and servers take
# of one whole token, and of the liquidity behind it: above is a mistake
PRICE_MAX_USD: Final = 1e12
RPC_BATCH_MAX: Final = 100  # calls of a JSON-RPC batch: what most providers allow
RPC_BATCH_REFUSALS: Final = 3  # of a batch for its rate, then it is halved
RPC_SINGLES_AT_ONCE: Final = 16  # calls of one wallet where batches are not taken
RPC_SIGNATURES: Final = 1000  # of one call: what the method allows
PROBED_MAX: Final = 50_000  # transactions of a wallet that an estimate counts by standard methods
PROBES_AT_ONCE: Final = 8  # of an estimate
USUAL_LATENCY_S: Final = 0.25  # of a call, when none was made to measure it
INLINE_ANSWERS_BYTES: Final = 64 * 1024  # transactions in clear: read within 2 ms
INLINE_BODY_BYTES: Final = 16 * 1024  # a compressed answer this small is read within 2 ms
# Compressed answers of a worker that have begun to come and are not read yet: 14 pages of 1000, a quarter of a second
# of two cores. One more answer may be there, and three copies on their way to two processes.
ANSWERS_IN_FLIGHT_BYTES: Final = 32 * 1024**2
SMALL_ANSWERS_IN_FLIGHT_BYTES: Final = 16 * 1024**2  # the same of all that are no pages
RATE_SHARE: Final = 0.95  # of the plan's rate that is used: clocks and queues are not exact
LEASE_S: Final = 0.25  # permits leased at a time; a worker that dies loses no more
HISTORY_PAGE: Final = 1000  # transactions of a first call: 11 MB, 2 compressed
HISTORY_PAGE_MAX: Final = 1000  # what the service allows
HISTORY_GROWS_AFTER: Final = 2  # pages in time, before twice as large ones are tried
PAGES_WAITING: Final = 4  # of one long history for the store
HISTORY_PAGE_MIN: Final = 10
HISTORY_SHRINKS_MAX: Final = 8  # time-outs in a row before a history is given up
HISTORY_IDLE_PAGES_MAX: Final = 50  # pages in a row that add nothing, but move the cursor
HISTORY_RESTARTS_MAX: Final = 5  # of a walk whose pagination token was forgotten
ENHANCED_PAGE: Final = 100  # what the service allows
STRATEGY_RETRY_S: Final = 600.0  # a plan may be upgraded while we run
ACCOUNTS_PER_CALL: Final = 100  # what the service allows
TOKEN_ACCOUNTS_MAX: Final = 10_000  # of one wallet; with more it is oversized
TOKEN_ACCOUNTS_PAGE: Final = 10_000  # what the service allows
TOKEN_ACCOUNT_PAGES_MAX: Final = 200  # of an oversized wallet that is wanted all the same
BALANCES_AT_ONCE: Final = 16  # wallets of one request
ASSETS_PER_CALL: Final = 1000  # what the service allows
PRICES_PER_CALL: Final = 30  # what the service allows
ENRICHMENT_S: Final = 20.0  # names and prices that have not come by then are null and listed
METADATA_KEPT_S: Final = 7 * 86_400.0  # names hardly ever change
PRICES_KEPT_S: Final = 120.0  # prices do
# a wallet with too many token accounts is listed again after this
OVERSIZED_KEPT_S: Final = 7 * 86_400.0

# of unpacked to packed bytes: JSON of transactions has 5 to 8, a bomb 1000
ANSWER_RATIO_MAX: Final = 200
ANSWER_RATIO_FREE_BYTES: Final = 1024**2  # up to this, any ratio will do

# --- cohorts ---
COHORT_PAGE_ACCOUNTS: Final = 10_000  # of one call: what the service allows
COHORT_PAGE_LEAST_ACCOUNTS: Final = 100  # a page that takes too long is halved down to this
# of a mint that is read as a whole: 50 000 accounts; of a larger one the largest accounts alone are
COHORT_WHOLE_PAGES: Final = 5
COHORT_BANDS_AT_ONCE: Final = 8
# for the largest accounts of a large mint, and one more for each wallet wanted: as many bands as a thousand take
COHORT_BASE_CALLS: Final = 600
# of a mint's history, and so many more for each buyer wanted: most buyers come back before others come
COHORT_BASE_TRANSACTIONS: Final = 10_000
COHORT_BUYER_TRANSACTIONS: Final = 100
COHORT_PAGE_TRANSACTIONS: Final = 100  # of a first page for one buyer: the least that is paid for
COHORT_OUTSIDERS_NAMED: Final = 200  # of those left out; of more only how many
