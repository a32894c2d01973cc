"""Topics, delivery and the worker process."""

from __future__ import annotations

from typing import Final

# --- topics on the broker ---
ADMIN_TIMEOUT_S: Final = 15  # of one call; a broker that restarts answers within 5
COORDINATOR_POLL_S: Final = 0.2  # a fresh broker has the topic of all groups within two seconds
LEADERS_POLL_MS: Final = 10  # leaders know of it within a few tens of milliseconds
REPLICATION: Final = 3  # copies, where there are that many brokers: one may be lost
RECORD_FRAME_BYTES: Final = 16_384  # key, headers and frame around a record's value
BATCH_MAX_BYTES: Final = 1_048_588  # Kafka's own default: producers batch many small records

# --- delivery ---
SESSION_TIMEOUT_S: Final = 10.0  # a dead worker's partitions move after this
HEARTBEATS_PER_SESSION: Final = 4  # one lost heartbeat, or two, ends no session
REBALANCE_TIMEOUT_S: Final = 10.0  # longer than what a worker does before it gives partitions up
COMMIT_INTERVAL_S: Final = 0.5  # at most this much is done again after a crash
COMMIT_TIMEOUT_S: Final = 10.0  # of one commit; the next interval tries again
# how long a broker holds an empty fetch; Faust's 1.5 s delays a new assignment
FETCH_WAIT_S: Final = 0.25
# of one partition and fetch; a larger single record still comes whole
FETCH_MAX_BYTES: Final = 1024 * 1024
# of one partition and fetch, in memory; the largest record still comes whole
FETCH_UNPACKED_MAX_BYTES: Final = 8 * 1024**2
# of one batch: sixteen of the largest requests; a bomb has gigabytes
BATCH_UNPACKED_MAX_BYTES: Final = 16 * 1024**2
BATCH_MAX_RECORDS: Final = 20_000  # of one packed batch: a megabyte of the smallest requests
UNREADABLE_EACH_MAX: Final = 1000  # records of a batch with a dead letter each; of more one for all
FIRST_SEEN_MAX_BYTES: Final = 40  # of a header that a stranger may have written
UNPACKED_FIRST_BYTES: Final = 64 * 1024  # room that is tried before the bound itself
RECORD_OBJECT_BYTES: Final = 600  # of memory, beside a record's key, value and headers
HEADER_FRAME_BYTES: Final = 150  # of memory, beside a header's name and value
# read and not finished, of one partition; then it is not read on
PARTITION_HELD_MAX_BYTES: Final = 8 * 1024**2
# the same of what strangers write: some hundred requests, or one of the largest
OUTSIDE_HELD_MAX_BYTES: Final = 256 * 1024
REQUEST_TIMEOUT_S: Final = 40.0  # of one call to a broker
# of one hand-over to the agents; more would let one backlog hold up the others
POLL_RECORDS: Final = 400
STREAM_BATCHES: Final = 256  # waiting for one agent: two fetches of 48 partitions and room to spare
STAGE_LIMIT: Final = 64  # handlers of one stage at work at the same time
# records of one stage taken and not finished; beyond, its partitions wait
STAGE_WINDOW: Final = 1000
JOIN_WINDOW: Final = 20_000  # the same for a join, whose records only wait for the next flush
JOIN_TICK_S: Final = 0.2  # progress of one request is coalesced for this long
JOIN_BYTES_PER_S: Final = 30_000  # of one key's state: that of 1000 wallets (120 kB) waits 4 s
CHANGELOG_UNPACKED_BYTES: Final = 128 << 20  # of one value; ours of 1000 wallets have some 2 MB
CHANGELOG_PACKED_FROM_BYTES: Final = 8192  # a larger value is packed: that of 1000 wallets to 50 kB
# of a larger state only what has changed is written: of some 40 wallets
CHANGES_FROM_BYTES: Final = 8192
# then it is written whole: a recovered one takes 40 ms at most to put together
CHANGES_MAX: Final = 100
CHANGES_BY_WHOLE: Final = 2  # so many times its bytes all changes may have, then likewise
JOIN_CYCLES: Final = 8  # flushes of a join on their way at the same time
JOIN_LIVE_STATES: Final = 2000  # decoded states kept although nothing of them is under way
DUE_CHECKS_PER_TICK: Final = 1000  # states looked at by one tick of the timer: a few milliseconds
# a state with nothing due so far ahead is left alone for so long
DUE_HORIZONS_S: Final = (3600.0, 60.0)
DUE_REPEAT_S: Final = 5.0  # what is due is said again when the join has not acted on it for so long
DUE_REPEAT_CAP_S: Final = 600.0  # more and more seldom: each time in vain may be a dead letter
HANDLER_TRIES: Final = 3  # of a handler that fails for no known reason, then it is a dead letter
STORE_TRIES: Final = 8  # of keeping what was paid for; with the pauses eleven seconds
RETRY_FIRST_S: Final = 0.1
RETRY_CAP_S: Final = 5.0  # what is away is asked again at least this often
TOPIC_WAIT_S: Final = 10.0  # a topic that was just made is known to all brokers within seconds
# of one partition's batch; a larger single record goes alone
PRODUCER_BATCH_BYTES: Final = 256 * 1024
TIMES_REMEMBERED: Final = 1_000  # milliseconds as text: records that come together share one
KEYS_REMEMBERED: Final = 50_000  # hashes of keys: the wallets and requests of the last minutes
GIVE_UP_SETTLE_S: Final = 3.0  # for the join's flush before partitions go
# for the last commit before partitions go; both within the rebalance timeout
GIVE_UP_COMMIT_S: Final = 4.0
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

# --- dead letters ---
DEAD_LETTERS_IN_A_ROW: Final = 50  # of a topic: no producer's slip is that long, a bug's is endless
