"""What this machine does in a second: reads pages, stores entries, moves bytes to itself. Part a of the benchmark."""

from __future__ import annotations

import math
import os
import socket
import threading
import time
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

import deflate
import orjson
import psutil
from stretched import Stretched, address_of
from sync_parts.database import empty_store
from sync_parts.plain import GZIP_WINDOW, plain_page

from streamproc.core.ledger.entries import Page
from streamproc.core.ledger.ledger import entry_of
from streamproc.core.ledger.ranges import SlotRange
from streamproc.core.wire.raw import SignedPage, raw_page, raw_transactions
from streamproc.sandbox.service.rpc.prebuilt import PrebuiltPages
from streamproc.sandbox.world.world import World
from streamproc.store import StoredPage

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync_parts.tables import Report

    from streamproc.local.postgres import EmbeddedPostgres

PAGE: Final = 1000  # transactions of the largest page
TRIES: Final = 8
IN_A_ROW: Final = (
    4  # pages of a try: a process of the pool reads one after the other, on a warm heap
)
STORED_PAGES: Final = 8
MOVED_BYTES: Final = 256 * 1024**2
PIECE: Final = 1024**2


class Steps(NamedTuple):
    """CPU microseconds of a transaction that steps of reading take by themselves; decoding takes what is left."""

    unpacked: float
    plain_unpacked: float  # by zlib
    ruled: float  # the rules of the ledger, which both ways apply


class Speeds(NamedTuple):
    """Transactions a second of one core, bytes a second through loopback, compressed bytes of a transaction."""

    read: float
    plain: float
    stored: float
    bytes_s: float
    size: float

    @property
    def read_and_stored(self) -> float:
        """Transactions that one core reads and stores in a second, Postgres' own work included."""
        return 1 / (1 / self.read + 1 / self.stored)


async def measured_speeds(postgres: EmbeddedPostgres, report: Report) -> Speeds:
    """Measure, and report part a; the obvious way's entries must be ours."""
    archive = Stretched(World(seed=3, wallets=2, transactions=(300, 400)), [PAGE])
    wallet = address_of(0)
    params = [
        wallet,
        {"transactionDetails": "full", "limit": PAGE, "maxSupportedTransactionVersion": 1},
    ]
    prepared = PrebuiltPages(archive, [wallet]).page(params, 1)
    assert prepared is not None
    body = prepared.body
    page = _read(body, wallet)
    if list(page.entries) != plain_page(body, wallet):
        raise AssertionError("the obvious way says something else than we do")
    read, plain, decoded = _rates(
        lambda: _read(body, wallet),
        lambda: plain_page(body, wallet),
        lambda: orjson.loads(zlib.decompress(body, GZIP_WINDOW)),
    )
    steps = _steps(body, wallet)
    stored = await _stored_rate(postgres, page)
    speeds = Speeds(read, plain, stored, _loopback_bytes_s(), len(body) / PAGE)
    in_clear = len(zlib.decompress(body, GZIP_WINDOW)) / PAGE
    report.speeds(speeds, decoded, in_clear)
    report.steps(speeds, steps)
    return speeds


def _read(body: bytes, wallet: str) -> Page:
    """Our way."""
    page = raw_page(deflate.gzip_decompress(body), wallet)
    assert isinstance(page, Page)
    return page


def _steps(body: bytes, wallet: str) -> Steps:
    """What steps of reading take."""
    answer = raw_transactions(deflate.gzip_decompress(body))
    assert isinstance(answer, SignedPage)
    rates = _rates(
        lambda: deflate.gzip_decompress(body),
        lambda: zlib.decompress(body, GZIP_WINDOW),
        lambda: [entry_of(each.transaction, wallet) for each in answer.transactions],
    )
    return Steps(*[1e6 / rate for rate in rates])


def _rates(*ways: Callable[[], object]) -> list[float]:
    """Transactions of CPU time a second, each way's best of some tries that take turns."""
    best = [math.inf] * len(ways)
    for _ in range(TRIES):
        for number, way in enumerate(ways):
            began_s = time.process_time()
            for _ in range(IN_A_ROW):
                way()
            best[number] = min(best[number], time.process_time() - began_s)
    return [IN_A_ROW * PAGE / each for each in best]


async def _stored_rate(postgres: EmbeddedPostgres, page: Page) -> float:
    """Transactions a second of CPU time, ours and Postgres', for wallets of their own: rows made, sent and kept."""
    kept = StoredPage(page.entries, SlotRange(0, 2**40), "benchmark", decimals=page.decimals)
    async with empty_store(postgres) as (store, _):
        await store.add_page(address_of(1), kept)  # mints get their numbers
        began_s = _cpu_s()
        for number in range(STORED_PAGES):
            await store.add_page(address_of(2 + number), kept)
        return STORED_PAGES * PAGE / (_cpu_s() - began_s)


def _cpu_s() -> float:
    """CPU seconds of this process and of all Postgres processes that it has started."""
    total = time.process_time()
    for process in psutil.Process(os.getpid()).children(recursive=True):
        try:
            if "postgres" in process.name():
                used = process.cpu_times()
                total += used.user + used.system
        except psutil.NoSuchProcess:
            continue
    return total


def _loopback_bytes_s() -> float:
    """How many bytes this machine sends to itself in a second."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=_send, args=(server.getsockname(),))
        sender.start()
        taken, _ = server.accept()
        began_s = time.monotonic()
        with taken:
            while taken.recv(PIECE):
                pass
        took_s = time.monotonic() - began_s
        sender.join()
    return MOVED_BYTES / took_s


def _send(address: tuple[str, int]) -> None:
    """Send all of it."""
    piece = bytes(PIECE)
    with socket.create_connection(address) as sending:
        for _ in range(MOVED_BYTES // PIECE):
            sending.sendall(piece)
