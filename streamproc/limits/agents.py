"""The agents: what waits for whom and for how long, who takes turns, and what is kept."""

from __future__ import annotations

from typing import Final

# --- the join ---
# silence of a running request after which missing parts are asked for again
HEAL_AFTER_S: Final = 120
HEALS_MAX: Final = 20  # re-asking is cheap but not endless; the deadline ends the request anyway
UNOPENED_KEPT_S: Final = 3600  # parts whose request never opened are forgotten after this
# the mark of an ended request: repeats after a crash come within a minute
ENDED_KEPT_S: Final = 900
OPENING_CHECKED_S: Final = 600  # an opening this old may be of an ended request: the store is asked
HEAL_MAX_BYTES: Final = 4 * 1024**2  # asked for again at once: half of what the changelog takes
HEAL_FRAME_BYTES: Final = 400  # a WalletSyncRequested beside its options
READY_OVERDUE_S: Final = 300  # silence after the hand-over: composing a thousand wallets takes one
READY_HEALS_MAX: Final = 5  # what half an hour of hand-overs does not reach, none will
# after which an end that was decided and is not published is handed over again
UNSAID_S: Final = 60
UNSAID_HEALS_MAX: Final = 2  # the last of which is the join's own word
REOPEN_LOOK_S: Final = 60.0  # how often running requests are compared with the table
# a request that the join has not heard of by then is opened from its row
REOPEN_AFTER_S: Final = 120
REOPEN_LOOKED_AT: Final = 10_000  # running requests of one look, the most urgent ones
REOPEN_CAP_S: Final = 3600.0  # what does not open is tried again more and more seldom
CLOCK_LOOK_S: Final = 5.0  # how late a step of the database's clock is noticed
TIMER_S: Final = 1.0  # how often a worker looks for what is due

# --- wallets at work ---
# of a worker's long histories, beside one each; the rate is the real bound
EXTRA_FETCHERS: Final = 16
SYNC_AHEAD: Final = 512  # wallets taken at once by one worker: their statements go together
# wallets being synced at once by one worker; the upstream's rate is the real bound
SYNC_LIMIT: Final = 64
ENDINGS_LOOK_S: Final = 0.5  # a cancelled request makes no new upstream call two seconds later

# --- kinds of addresses ---
# accounts of requests that are under way: 64 wallets of each at work
KINDS_REMEMBERED: Final = 20_000

# --- fairness ---
QUOTA_KNOWN_S: Final = 2.0  # what a tenant spent today is asked again after so long
QUOTA_TENANTS_KNOWN: Final = 10_000  # tenants whose answers a worker remembers
TURNS_SMALL: Final = 32  # records of a request that go before those of requests that had as many
TURNS_OF_THE_OLDEST: Final = 4  # one turn in so many is the oldest's: a quarter for the huge
TURNS_HELD: Final = 2  # times the free places may be held by one request: alone, two thirds
# the part of the places that a request holds while a smaller is there
TURNS_BESIDE_SMALLER: Final = 8
TURNS_HEAVIER: Final = 4  # times as much as another tenant asks for makes a tenant heavy beside it
TURNS_BESIDE_LIGHTER: Final = 16  # the part of the places that a heavy tenant holds meanwhile
TURNS_REMEMBERED: Final = 1000  # tenants that are gone and whose last turn is still known
SYNC_WINDOW: Final = 10_000  # wallets that wait here, so that one huge request does not hide others

# --- requests that come again ---
ANSWERS_AT_ONCE: Final = 5  # of one request that has ended: a result has megabytes
ANSWER_EVERY_S: Final = 10.0  # after these
ANSWERS_REMEMBERED: Final = 10_000  # requests: two megabytes

# --- the process pool ---
POOL_LONE_TRIES: Final = 2  # of work that a process died or hung over; then it fails by name
POOL_INNOCENT_TRIES: Final = 20  # of work that only waited behind it, or for a process to start
POOL_START_TRIES: Final = 8
POOL_START_S: Final = 30.0  # for a process to answer; two are quick, and imports take their time
POOL_START_PAUSE_S: Final = 0.25
POOL_LOOK_S: Final = 5.0  # how often a process at work is looked at
POOL_MOVES_S: Final = 0.02  # of processor time between two looks: less is standing still
POOL_HANGS_S: Final = 20.0  # a process that stands still for so long will not move again
POOL_WORK_S: Final = 300.0  # comparing a thousand wallets takes one minute on a busy machine
POOL_NICE: Final = 5  # the event loop goes first: every request waits for it
# objects made beside those that went: five pages of 1000 transactions
POOL_COLLECTS_AFTER: Final = 100_000
LOOP_COLLECTS_AFTER: Final = 50_000  # the same for the event loop's process

# --- retention ---
WORKINGS_KEPT_S: Final = 8 * 86_400.0  # a day longer than topics keep what might come again
RESULTS_KEPT_MIN_DAYS: Final = 8  # likewise: an old record must not pass for a new request
RETENTION_LOOK_S: Final = 600.0
RETENTION_ROWS: Final = 100  # of one statement: locks and write-ahead log stay small
RETENTION_PAUSE_S: Final = 0.1  # between two, so that the agents' statements pass
