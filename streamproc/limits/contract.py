"""What the public contract allows: requests, results, progress."""

from __future__ import annotations

from typing import Final

# --- requests and results ---
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
# a result before compression; the broker's limit is twice that
EVENT_MAX_BYTES: Final = 8 * 1024 * 1024
# 1000 wallets are 50 kB; 10 000 excluded mints half a megabyte
REQUEST_MAX_BYTES: Final = 1024 * 1024
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
