"""The console: what it answers at once, how long it waits for readers, and how much of them."""

from typing import Final

CONSOLE_LISTED_MAX: Final = 1000  # requests in one answer
CONSOLE_TARGET_MAX: Final = 2000  # characters of path and query: ids have 64, a filter as many
CONSOLE_HEADERS_MAX: Final = 8192  # bytes of all headers of a request, as most servers take
CONSOLE_STREAMS: Final = (
    1000  # event streams at once; one that nothing happens on costs some ten kB
)
CONSOLE_WAITING_EVENTS: Final = 512  # of one stream: who is that late is cut off, and resumes
CONSOLE_WRITE_S: Final = 20.0  # a reader that takes nothing for so long is gone
CONSOLE_HEARTBEAT_S: Final = 15.0  # proxies close what is silent for a minute
CONSOLE_RETRY_MS: Final = 2000  # when a browser asks again after a cut
CONSOLE_PAST_READERS: Final = 4  # that read at once what lies on the topics; each is a connection
CONSOLE_RESULTS: Final = 2  # results in the making at once: a large one has hundreds of MB
CONSOLE_CHUNK_BYTES: Final = 262_144  # of a result, unpacked and sent
CONSOLE_CHUNK_LINES: Final = 1000  # of CSV
CONSOLE_LATEST: Final = 10_000  # running requests whose last progress is in memory
CONSOLE_POLL_MS: Final = 500  # how long one look at the topics waits; records come at once
CONSOLE_REOPEN_S: Final = 2.0  # before the topics are opened again
CONSOLE_DEAD_LETTERS: Final = 20  # shown, the newest; a letter has at most 8 MB to be read
CONSOLE_STATE_S: Final = 2.0  # how old what is said of workers and the upstream may be
CONSOLE_STOP_S: Final = 3.0  # for answers in the making when it ends
