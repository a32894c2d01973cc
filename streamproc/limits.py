"""Every bound of streamproc: its name, its unit (last word of the name) and its reason."""

from __future__ import annotations

from typing import Final

# --- the contract ---
REQUEST_ID_MAX_LENGTH: Final = 64  # a key that fits on a line of a log
WALLETS_MIN: Final = 1  # one is analyzed and has no pairs
COMPARED_MIN: Final = 2  # of more wallets, that are none or on the operator's list set aside
WALLETS_MAX: Final = 1000  # 499 500 pairs: what one worker compares in seconds
DEADLINE_DEFAULT_S: Final = 1800
DEADLINE_MAX_S: Final = 7 * 86_400  # retention of the topics that carry a request
MAX_AGE_MAX_S: Final = 365 * 86_400
MAX_TRANSACTIONS_MAX: Final = 10_000_000  # more than any known wallet; keeps the integer in range
PAIRS_DEFAULT: Final = 5000  # pairs in the event; all of them are in Postgres
PAIRS_MAX: Final = 500_000  # above the 499 500 pairs of 1000 wallets
TOKENS_PER_WALLET_DEFAULT: Final = 50
TOKENS_PER_WALLET_MAX: Final = 10_000
EXCLUDED_MINTS_MAX: Final = 10_000
EVENT_MAX_BYTES: Final = (
    8 * 1024 * 1024
)  # a result before compression; the broker's limit is twice that
REQUEST_MAX_BYTES: Final = (
    1024 * 1024
)  # 1000 wallets are 50 kB; 10 000 excluded mints half a megabyte
RECORD_AHEAD_MAX_MS: Final = 3_600_000  # clocks differ; a record from later than that is a mistake
LIST_MAX_ENTRIES: Final = 10_000  # of a request, repeats included: what is checked one by one
INTEGER_MAX: Final = 2**63 - 1  # of a request: what the store holds
DIGITS_READ: Final = 40  # of an integer: enough to see that it is too large
FRAME_MAX_BYTES: Final = 32  # what registries' serializers put before the JSON is shorter
ERROR_TEXT_MAX_CHARACTERS: Final = 500  # of any message that leaves the process
FAULT_VALUE_MAX_CHARACTERS: Final = 80  # how much of a wrong value is quoted back

# --- progress ---
PERCENT_ACCEPTED: Final = 5
PERCENT_SYNCED: Final = 60
PERCENT_ANALYZED: Final = 90
WALLET_PROGRESS_INTERVAL_S: Final = 1.0  # at most one a second and wallet

# --- the join ---
HEAL_AFTER_S: Final = (
    120  # silence of a running request after which missing parts are asked for again
)
HEALS_MAX: Final = 20  # re-asking is cheap but not endless; the deadline ends the request anyway
UNOPENED_KEPT_S: Final = 3600  # parts whose request never opened are forgotten after this
ENDED_KEPT_S: Final = (
    900  # the mark of an ended request: repeats after a crash come within a minute
)
OPENING_CHECKED_S: Final = 600  # an opening this old may be of an ended request: the store is asked
HEAL_MAX_BYTES: Final = 4 * 1024**2  # asked for again at once: half of what the changelog takes
HEAL_FRAME_BYTES: Final = 400  # a WalletSyncRequested beside its options
READY_OVERDUE_S: Final = 300  # silence after the hand-over: composing a thousand wallets takes one
READY_HEALS_MAX: Final = 5  # whoever cannot take a hand-over in half an hour cannot take it at all
UNSAID_S: Final = (
    60  # after which an end that was decided and is not published is handed over again
)
UNSAID_HEALS_MAX: Final = 2  # the last of which is the join's own word
REOPEN_LOOK_S: Final = 60.0  # how often running requests are compared with the table
REOPEN_AFTER_S: Final = (
    120  # a request that the join has not heard of by then is opened from its row
)
REOPEN_LOOKED_AT: Final = 10_000  # running requests of one look, the most urgent ones
REOPEN_CAP_S: Final = 3600.0  # what does not open is tried again more and more seldom
CLOCK_LOOK_S: Final = 5.0  # how late a step of the database's clock is noticed
TIMER_S: Final = 1.0  # how often a worker looks for what is due

# --- the agents ---
ENDINGS_LOOK_S: Final = 0.5  # a cancelled request makes no new upstream call two seconds later

# --- the embedded stack ---
SERVER_GRACE_S: Final = 10  # a clean stop takes a second; after this the server is killed
SERVER_POLL_S: Final = 0.02  # how often a starting server is looked at
SERVER_LOOK_S: Final = 0.5  # how often a running server is looked at
BROKER_START_S: Final = 120  # 3 s on an idle machine; a loaded one with a cold disk is given time
POSTGRES_START_S: Final = 60  # recovery after a kill included
SOCKET_PATH_MAX_BYTES: Final = 103  # macOS; Linux takes 107
JAR_FETCHES: Final = 8  # at once: all 35 jars in 7 s
JAR_TRIES: Final = 3
JAR_TIMEOUT_S: Final = 30  # of one HTTP call
JAR_LEFTOVER_S: Final = 3600  # an unfinished download older than this belongs to nobody

# --- similarity ---
MEETINGS_PER_CHUNK: Final = 100_000  # two wallets in one mint, summed at once: stays in a cache
TOP_SHARED_MAX: Final = 20  # shared mints named per pair
SHARED_TOKENS_MAX: Final = 5_000  # rows of the shared-token table in a result: 350 kB of the event
STRATA_MAX: Final = 400  # spans of time told apart in a comparison: under two hours of a month
POPULAR_MINTS: Final = 128  # mints looked at for chances above 1: only the most traded have them
COMPANY_WALLETS: Final = 400  # wallets that a pair is compared with, those of the request included
MEETINGS_AT_ONCE: Final = 200_000  # two wallets close in one mint: 12 MB
FOLLOWED_MEETINGS: Final = 20_000_000  # trades within a day of each other that are counted: 3 s
EVIDENCE_SIGNATURES_MAX: Final = 5  # transactions named per item of evidence
EVIDENCE_MINTS_MAX: Final = 10  # mints named per item of evidence, those that carry most
CLUSTER_MINTS_MAX: Final = 100  # common mints named per cluster, the rarest
BOOTSTRAPS: Final = 500  # resamples: the ends of a 95 % interval rest on about 12 each
BOOTSTRAP_ALL_UP_TO_WALLETS: Final = 60  # 1770 pairs
BOOTSTRAP_BEST_PAIRS: Final = 1000  # of more wallets; and every gated pair that is reported
BOOTSTRAP_CELLS_PER_CHUNK: Final = 4_000_000  # tokens x resamples at once: 32 MB
HUB_COUNTERPARTIES: Final = 100  # who met more addresses than that links nobody: an exchange, a bot
HUB_SHARE: Final = 0.1  # nor does who met such a share of the wallets known, in a small store
HUB_LEAST: Final = 10  # addresses that a hub has met at least, however few wallets are known
LINK_LAMPORTS: Final = 10_000_000  # from 0.01 SOL on a transfer is none of spam

# --- topics on the broker ---
ADMIN_TIMEOUT_S: Final = 15  # of one call; a broker that restarts answers within 5
COORDINATOR_POLL_S: Final = 0.2  # a fresh broker has the topic of all groups within two seconds
LEADERS_POLL_MS: Final = 10  # leaders know of it within a few tens of milliseconds
REPLICATION: Final = 3  # copies, where there are that many brokers: one may be lost
RECORD_FRAME_BYTES: Final = 16_384  # key, headers and frame around a record's value
BATCH_MAX_BYTES: Final = 1_048_588  # Kafka's own default: producers batch many small records

# --- the command line ---
CLI_REQUEST_TIMEOUT_MS: Final = 15_000  # a broker that has not answered by then is away
CLI_STARTED_S: Final = 2.0  # for a client that is given up while it connects
CLI_FETCH_WAIT_MS: Final = 200  # how late a progress line may be
CLI_ACCEPTED_S: Final = 8.0  # for a worker to take up a request whose id may belong to another
CLI_FOLLOW_SLACK_MS: Final = 60_000  # clocks of workers and callers may differ by so much
WALLET_LINES_MAX: Final = 12  # of a live view: what fits on a small terminal
REMARK_LINES_MAX: Final = 20  # of wallets that failed or were excluded, then only their count
REQUESTS_LISTED: Final = 50  # by default: what fits on a screen; more by --limit
REQUESTS_LISTED_MAX: Final = 100_000  # of one command
DEAD_LETTERS_LISTED: Final = 100  # by default; more by --limit
DEAD_LETTERS_MAX: Final = 100_000  # of one command: what fits in memory as headers
WORKER_LOOK_S: Final = 0.3  # how soon a demo notices that its worker has died
REPLAY_PER_S: Final = 50.0  # a replay must not look like an attack
DISK_FREE_MIN_BYTES: Final = 1024**3  # Kafka and Postgres stop without room; doctor warns before

# --- the engine ---
SESSION_TIMEOUT_S: Final = 10.0  # a dead worker's partitions move after this
HEARTBEATS_PER_SESSION: Final = 4  # one lost heartbeat, or two, ends no session
REBALANCE_TIMEOUT_S: Final = 10.0  # longer than what a worker does before it gives partitions up
COMMIT_INTERVAL_S: Final = 0.5  # at most this much is done again after a crash
COMMIT_TIMEOUT_S: Final = 10.0  # of one commit; the next interval tries again
FETCH_WAIT_S: Final = (
    0.25  # how long a broker holds an empty fetch; Faust's 1.5 s delays a new assignment
)
FETCH_MAX_BYTES: Final = (
    1024 * 1024
)  # of one partition and fetch; a larger single record still comes whole
FETCH_UNPACKED_MAX_BYTES: Final = (
    8 * 1024**2
)  # of one partition and fetch, in memory; the largest record still comes whole
BATCH_UNPACKED_MAX_BYTES: Final = (
    16 * 1024**2
)  # of one batch: sixteen of the largest requests; a bomb has gigabytes
BATCH_MAX_RECORDS: Final = 20_000  # of one packed batch: a megabyte of the smallest requests
UNREADABLE_EACH_MAX: Final = 1000  # records of a batch with a dead letter each; of more one for all
FIRST_SEEN_MAX_BYTES: Final = 40  # of a header that a stranger may have written
UNPACKED_FIRST_BYTES: Final = 64 * 1024  # room that is tried before the bound itself
RECORD_OBJECT_BYTES: Final = 600  # of memory, beside a record's key, value and headers
HEADER_FRAME_BYTES: Final = 150  # of memory, beside a header's name and value
PARTITION_HELD_MAX_BYTES: Final = (
    8 * 1024**2
)  # read and not finished, of one partition; then it is not read on
OUTSIDE_HELD_MAX_BYTES: Final = (
    256 * 1024
)  # the same of what strangers write: some hundred requests, or one of the largest
REQUEST_TIMEOUT_S: Final = 40.0  # of one call to a broker
POLL_RECORDS: Final = (
    400  # of one hand-over to the agents; more would let one backlog hold up the others
)
STREAM_BATCHES: Final = 256  # waiting for one agent: two fetches of 48 partitions and room to spare
STAGE_LIMIT: Final = 64  # handlers of one stage at work at the same time
STAGE_WINDOW: Final = (
    1000  # records of one stage taken and not finished; beyond, its partitions wait
)
JOIN_WINDOW: Final = 20_000  # the same for a join, whose records only wait for the next flush
JOIN_TICK_S: Final = 0.2  # progress of one request is coalesced for this long
JOIN_BYTES_PER_S: Final = 30_000  # of one key's state: that of 1000 wallets (120 kB) waits 4 s
CHANGELOG_PACKED_FROM_BYTES: Final = 8192  # a larger value is packed: that of 1000 wallets to 50 kB
CHANGES_FROM_BYTES: Final = (
    8192  # of a larger state only what has changed is written: of some 40 wallets
)
CHANGES_MAX: Final = (
    100  # then it is written whole: a recovered one takes 40 ms at most to put together
)
CHANGES_BY_WHOLE: Final = 2  # so many times its bytes all changes may have, then likewise
JOIN_CYCLES: Final = 8  # flushes of a join on their way at the same time
JOIN_LIVE_STATES: Final = 2000  # decoded states kept although nothing of them is under way
DUE_CHECKS_PER_TICK: Final = 1000  # states looked at by one tick of the timer: a few milliseconds
DUE_HORIZONS_S: Final = (
    3600.0,
    60.0,
)  # a state with nothing due so far ahead is left alone for so long
DUE_REPEAT_S: Final = 5.0  # what is due is said again when the join has not acted on it for so long
DUE_REPEAT_CAP_S: Final = 600.0  # more and more seldom: each time in vain may be a dead letter
HANDLER_TRIES: Final = 3  # of a handler that fails for no known reason, then it is a dead letter
STORE_TRIES: Final = 8  # of keeping what was paid for; with the pauses eleven seconds
RETRY_FIRST_S: Final = 0.1
RETRY_CAP_S: Final = 5.0  # what is away is asked again at least this often
TOPIC_WAIT_S: Final = 10.0  # a topic that was just made is known to all brokers within seconds
PRODUCER_BATCH_BYTES: Final = (
    256 * 1024
)  # of one partition's batch; a larger single record goes alone
TIMES_REMEMBERED: Final = 1_000  # milliseconds as text: records that come together share one
KEYS_REMEMBERED: Final = 50_000  # hashes of keys: the wallets and requests of the last minutes
GIVE_UP_SETTLE_S: Final = 3.0  # for the join's flush before partitions go
GIVE_UP_COMMIT_S: Final = (
    4.0  # for the last commit before partitions go; both within the rebalance timeout
)
STOP_DRAIN_S: Final = 3.0  # for handlers under way when the process is asked to stop
STOP_PRODUCER_S: Final = 2.0  # for what is still on its way to the brokers at that time
STOP_TASKS_S: Final = 1.0  # for tasks that were cancelled last, before the loop closes
STOP_MAX_S: Final = 9.5  # a process that was asked to stop is gone after this, whatever hangs
BLOCKED_S: Final = 40.0  # the event loop stands still for so long: the process is of no use
STALL_S: Final = 60.0  # there is lag, nothing is at work and nothing moves for so long: likewise
CLAIM_AGAIN_S: Final = 0.05  # how often a coordinator that is not ready yet is asked again
FENCE_ASK_S: Final = 0.05  # how often what waits for the fence looks whether it is up
SWEEP_S: Final = 5.0  # a batch that is on its way to an idle agent for so long will not arrive
UNREADY_S: Final = 300.0  # an assignment or a recovery does not get on for so long: likewise
GAUGES_S: Final = 1.0  # how often what is counted now is measured
PROBE_S: Final = 2.0  # how often brokers and store are asked whether they are there
AWAY_S: Final = 10.0  # without an answer for so long: away, and the worker is not ready
UNMOVED_S: Final = 30.0  # records wait and nothing moves for so long: likewise
PROBE_TIMEOUT_S: Final = 5.0  # for the question whether a broker answers at all
LOG_BURST: Final = 5  # equal lines of Kafka's clients let through in one window
LOG_WINDOW_S: Final = 10.0

# --- the report ---
REPORT_PAIRS_MAX: Final = 20  # with what they rest on; a person opens no more
REPORT_PAIRS_LISTED_MAX: Final = (
    1500  # in the table of all: every pair of 50 wallets; the CSV has more
)
REPORT_GROUPS_MAX: Final = 24
REPORT_GRAPH_WALLETS_MAX: Final = 24  # in one picture; the lines of more are no longer told apart
REPORT_WALLETS_MAX: Final = 1000  # all of a request
REPORT_WALLETS_DETAILED_MAX: Final = 100  # with tokens and behavior: keeps the page under 5 MB
REPORT_TOKENS_MAX: Final = 10  # rows per wallet
REPORT_HOLDINGS_MAX: Final = 8
REPORT_PAIR_TOKENS_MAX: Final = 8
REPORT_SHARED_TOKENS_MAX: Final = 100
REPORT_MATRIX_WALLETS_MAX: Final = 60  # a larger matrix is no longer legible
REPORT_MISSING_MAX: Final = 200

# --- the store ---
CONNECT_TIMEOUT_S: Final = 10
POOL_WAIT_S: Final = 30  # for a connection; longer means that Postgres is the bottleneck or away
POOL_CLOSE_S: Final = 3  # for statements under way when a worker stops
STATEMENT_TIMEOUT_S: Final = 60  # a full history of a whale reads in ten
COMMAND_TIMEOUT_S: Final = 70  # the same, seen from the client: the server's sentence comes first
IDLE_TRANSACTION_TIMEOUT_S: Final = 30  # a worker that died holds no lock longer
LOCK_TIMEOUT_S: Final = 30
IDLE_CONNECTION_S: Final = 300
STATEMENT_ROWS: Final = 1000  # requests, answers or progress records kept by one statement
STATEMENT_BALANCES: Final = (
    20  # requests whose balances one statement keeps, of up to 1000 wallets each
)
STATEMENT_ENDS: Final = (
    100  # requests ended by one statement: each brings a result of up to megabytes
)
MINTS_REMEMBERED: Final = 100_000  # dictionary entries kept by a worker: 15 MB
WALLETS_REMEMBERED: Final = 10_000  # numbers of wallets kept by a worker: 2 MB
OLD_ENTRIES_DROPPED: Final = 20_000  # of an older format by one statement: tenths of a second
RATE_RECOVERY_S: Final = 60.0  # from a standstill back to the plan's rate
RATE_FACTOR_MIN: Final = 0.05  # of the plan's rate, however often the upstream refuses
RATE_INCIDENT_S: Final = 1.0  # refusals so close to each other count once

# --- the numbers ---
OWN_RATE_REACH_S: Final = (
    6 * 3600
)  # SOL moves by a percent or two in so long; longer would misprice
HISTORY_RATE_REACH_S: Final = 2 * 86_400  # a daily history with one day missing still prices
PRICE_HISTORY_POINTS: Final = (
    50_000  # five years by the hour; each analysis in the pool is sent all
)
RATE_JUDGES_REACH_S: Final = (
    30 * 86_400
)  # other exchanges so near say whether one was at the market's price
MOST_TRADED_MAX: Final = 10  # tokens named in a behavior record
PAIRS_STORED: Final = 5_000  # pairs of a whole result that are kept with evidence; columns have all
INLINE_ENTRIES: Final = 200  # a history this small is analyzed faster than it travels to a process

# --- the upstream ---
UPSTREAM_CONNECT_S: Final = 5.0
UPSTREAM_READ_S: Final = 20.0  # between two pieces of an answer
UPSTREAM_CALL_S: Final = 60.0  # of one call in all; a page of 1000 transactions comes within two
UPSTREAM_CONNECTIONS: Final = 64  # as many as handlers work at the same time
UPSTREAM_PIECE_BYTES: Final = 256 * 1024  # read at once: what the event loop takes from a socket
UPSTREAM_TRIES: Final = 5  # of a call that fails in passing; with the pauses half a minute
DEADLINE_SPARE_S: Final = (
    5.0  # before it the wait for the upstream ends: what is there may be enough
)
PAUSE_TOLD_AFTER_S: Final = 5.0  # shorter ones are nobody's business
PAUSE_TOLD_EVERY_S: Final = 10.0  # in progress records, while it lasts
CONDITION_LOG_S: Final = 60.0  # before the same trouble of a service is logged again
BACKOFF_FIRST_S: Final = 0.5
BACKOFF_CAP_S: Final = 15.0
RETRY_AFTER_MAX_S: Final = 60.0  # a longer pause is asked for again
CREDITS_GONE_S: Final = (
    180.0  # a rate limit passes within seconds; refusals for minutes mean no credits
)
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
PRICE_MAX_USD: Final = (
    1e12  # of one whole token, and of the liquidity behind it: above is a mistake
)
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
LOOP_COLLECTS_AFTER: Final = 50_000  # the same for the event loop's process
POOL_LONE_TRIES: Final = 2  # of work that a process died or hung over; then it fails by name
POOL_INNOCENT_TRIES: Final = 20  # of work that only waited behind it, or for a process to start
POOL_START_TRIES: Final = 8
POOL_START_S: Final = 30.0  # for a process to answer; two are quick, and imports take their time
POOL_START_PAUSE_S: Final = 0.25
POOL_LOOK_S: Final = 5.0  # how often a process at work is looked at
POOL_MOVES_S: Final = 0.02  # of processor time between two looks: less is standing still
POOL_HANGS_S: Final = 20.0  # a process that stands still for so long will not move again
POOL_WORK_S: Final = 300.0  # comparing a thousand wallets takes one minute on a busy machine
POOL_COLLECTS_AFTER: Final = (
    100_000  # objects made beside those that went: five pages of 1000 transactions
)
EXTRA_FETCHERS: Final = (
    16  # of a worker's long histories, beside one each; the rate is the real bound
)
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
SYNC_AHEAD: Final = 512  # wallets taken at once by one worker: their statements go together
SYNC_LIMIT: Final = (
    64  # wallets being synced at once by one worker; the upstream's rate is the real bound
)
ENRICHMENT_S: Final = 20.0  # names and prices that have not come by then are null and listed
METADATA_KEPT_S: Final = 7 * 86_400.0  # names hardly ever change
PRICES_KEPT_S: Final = 120.0  # prices do
OVERSIZED_KEPT_S: Final = (
    7 * 86_400.0
)  # a wallet with too many token accounts is listed again after this

# --- evidence from the store ---
BACKGROUND_WALLETS: Final = 1_000  # what is popular is known well from so many: p hardly moves
BACKGROUND_WEEK_LEAST: Final = 50  # of each week: in all weeks the same wallets may come first
BACKGROUND_CELLS: Final = 60_000  # tokens of all of them: more cost a small request too much time
BACKGROUND_TOKENS: Final = 5_000  # who traded more tokens is a machine and says little about people
TRANSFERS_BETWEEN: Final = 100_000  # among the wallets of a request; the oldest ones
SHARED_PRICED: Final = 600  # tokens priced for a result beside those that figures need: 20 calls
FEE_PAYERS: Final = 20  # of one wallet; with more, its fees say nothing

# --- requests that come again ---
ANSWERS_AT_ONCE: Final = 5  # of one request that has ended: a result has megabytes
ANSWER_EVERY_S: Final = 10.0  # after these
ANSWERS_REMEMBERED: Final = 10_000  # requests: two megabytes

# --- dead letters ---
DEAD_LETTERS_IN_A_ROW: Final = 50  # of a topic: no producer's slip is that long, a bug's is endless

# --- settings ---
RATE_MIN_PER_S: Final = 0.01  # of a service: a call in more than a minute and a half is a mistake
RATE_MAX_PER_S: Final = 100_000  # above is one too, as infinity is
POOL_MAX_CONNECTIONS: Final = 1000
RESULTS_KEPT_MAX_DAYS: Final = 36_500  # a century: dates that a database can count with
BUDGET_MAX: Final = 1_000_000

# --- access ---
ANSWER_RATIO_MAX: Final = (
    200  # of unpacked to packed bytes: JSON of transactions has 5 to 8, a bomb 1000
)
ANSWER_RATIO_FREE_BYTES: Final = 1024**2  # up to this, any ratio will do
BROKER_ACCESS_MS: Final = 5_000  # of one question why a broker does not let us in
BROKER_LEAVE_S: Final = 0.2  # for a connection to close behind that question
SETTINGS_FILE_MAX_BYTES: Final = (
    64 * 1024
)  # of a .env or a secret's file: a long certificate chain has 20 kB

# --- kinds of addresses ---
KINDS_REMEMBERED: Final = (
    20_000  # accounts of requests that are under way: 64 wallets of each at work
)

# --- fairness ---
QUOTA_KNOWN_S: Final = 2.0  # what a tenant spent today is asked again after so long
QUOTA_TENANTS_KNOWN: Final = 10_000  # tenants whose answers a worker remembers
TURNS_SMALL: Final = 32  # records of a request that go before those of requests that had as many
TURNS_OF_THE_OLDEST: Final = 4  # each so-manieth turn is that of the oldest: a quarter for the huge
TURNS_HELD: Final = 2  # times the free places may be held by one request: alone, two thirds
TURNS_BESIDE_SMALLER: Final = (
    8  # the part of the places that a request holds while a smaller is there
)
TURNS_HEAVIER: Final = 4  # times as much as another tenant asks for makes a tenant heavy beside it
TURNS_BESIDE_LIGHTER: Final = 16  # the part of the places that a heavy tenant holds meanwhile
TURNS_REMEMBERED: Final = 1000  # tenants that are gone and whose last turn is still known
SYNC_WINDOW: Final = 10_000  # wallets that wait here, so that one huge request does not hide others

# --- retention ---
WORKINGS_KEPT_S: Final = 8 * 86_400.0  # a day longer than topics keep what might come again
RESULTS_KEPT_MIN_DAYS: Final = 8  # likewise: an old record must not pass for a new request
RETENTION_LOOK_S: Final = 600.0
RETENTION_ROWS: Final = 100  # of one statement: locks and write-ahead log stay small
RETENTION_PAUSE_S: Final = 0.1  # between two, so that the agents' statements pass
