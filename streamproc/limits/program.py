"""The command line, the report, the embedded servers, settings and access."""

from __future__ import annotations

from typing import Final

# --- the command line ---
CLI_REQUEST_TIMEOUT_MS: Final = 15_000  # a broker that has not answered by then is away
CLI_STARTED_S: Final = 2.0  # for a client that is given up while it connects
CLI_FETCH_WAIT_MS: Final = 200  # how late a progress line may be
CLI_ACCEPTED_S: Final = 8.0  # for a worker to take up a request whose id may belong to another
CLI_FOLLOW_SLACK_MS: Final = 60_000  # clocks of workers and callers may differ by so much
WALLET_LINES_MAX: Final = 12  # of a live view: what fits on a small terminal
TIME_LEFT_WINDOW_S: Final = 30.0  # of the past that tells how long the rest takes
TIME_LEFT_NEEDS_S: Final = 3.0  # of it at least, or nothing is said
REMARK_LINES_MAX: Final = 20  # of wallets that failed or were excluded, then only their count
REQUESTS_LISTED: Final = 50  # by default: what fits on a screen; more by --limit
REQUESTS_LISTED_MAX: Final = 100_000  # of one command
DEAD_LETTERS_LISTED: Final = 100  # by default; more by --limit
DEAD_LETTERS_MAX: Final = 100_000  # of one command: what fits in memory as headers
WORKER_LOOK_S: Final = 0.3  # how soon a demo notices that its worker has died
TRACED_TEXT_MAX: Final = 200  # characters of what a stranger wrote, in a span's attribute
WORKERS_OF_A_MACHINE_MAX: Final = 100  # that share names; more than a machine has room for
REPLAY_PER_S: Final = 50.0  # a replay must not look like an attack
DISK_FREE_MIN_BYTES: Final = 1024**3  # Kafka and Postgres stop without room; doctor warns before

# --- the report ---
REPORT_PAIRS_MAX: Final = 20  # with what they rest on; a person opens no more
# in the table of all: every pair of 50 wallets; the CSV has more
REPORT_PAIRS_LISTED_MAX: Final = 1500
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

# --- tables of a result ---
PARQUET_GROUP_ROWS: Final = 50_000  # in memory at once; readers skip whole groups

# --- the embedded servers ---
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
CLASS_ARCHIVE_KEPT_S: Final = (
    90 * 86_400
)  # older archives of the broker's classes (66 MB) are removed when one is made

# --- settings ---
RATE_MIN_PER_S: Final = 0.01  # of a service: a call in more than a minute and a half is a mistake
RATE_MAX_PER_S: Final = 100_000  # above is one too, as infinity is
POOL_MAX_CONNECTIONS: Final = 1000
RESULTS_KEPT_MAX_DAYS: Final = 36_500  # a century: dates that a database can count with
BUDGET_MAX: Final = 1_000_000

# --- access ---
BROKER_ACCESS_MS: Final = 5_000  # of one question why a broker does not let us in
BROKER_LEAVE_S: Final = 0.2  # for a connection to close behind that question
# of a .env or a secret's file: a long certificate chain has 20 kB
SETTINGS_FILE_MAX_BYTES: Final = 64 * 1024
