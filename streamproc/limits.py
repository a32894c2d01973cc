"""Every bound of streamproc: its name, its unit (last word of the name) and its reason."""

from __future__ import annotations

from typing import Final

# --- the contract ---
REQUEST_ID_MAX_LENGTH: Final = 64  # a key that fits on a line of a log
WALLETS_MIN: Final = 2  # one wallet has nothing to be compared with
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
ENDED_KEPT_S: Final = 7 * 86_400  # the mark of an ended request, as long as its records are kept
TIMER_S: Final = 1.0  # how often a worker looks for what is due

# --- the agents ---
ENDINGS_LOOK_S: Final = 0.5  # a cancelled request makes no new upstream call two seconds later

# --- the embedded stack ---
SERVER_GRACE_S: Final = 10  # a clean stop takes a second; after this the server is killed
SERVER_POLL_S: Final = 0.02  # how often a starting server is looked at
BROKER_START_S: Final = 120  # 3 s on an idle machine; a loaded one with a cold disk is given time
POSTGRES_START_S: Final = 60  # recovery after a kill included
SOCKET_PATH_MAX_BYTES: Final = 103  # macOS; Linux takes 107
JAR_FETCHES: Final = 8  # at once: all 35 jars in 7 s
JAR_TRIES: Final = 3
JAR_TIMEOUT_S: Final = 30  # of one HTTP call
JAR_LEFTOVER_S: Final = 3600  # an unfinished download older than this belongs to nobody

# --- similarity ---
MEETINGS_PER_CHUNK: Final = 500_000  # two wallets in one mint, summed at once: about 60 MB
TOP_SHARED_MAX: Final = 20  # shared mints named per pair
SHARED_TOKENS_MAX: Final = 5_000  # rows of the shared-token table in a result: 350 kB of the event

# --- topics on the broker ---
ADMIN_TIMEOUT_S: Final = 15  # of one call; a broker that restarts answers within 5
LEADERS_POLL_S: Final = 0.05  # leaders are elected within a few tens of milliseconds
REPLICATION: Final = 3  # copies, where there are that many brokers: one may be lost
RECORD_FRAME_BYTES: Final = 16_384  # key, headers and frame around a record's value
BATCH_MAX_BYTES: Final = 1_048_588  # Kafka's own default: producers batch many small records
