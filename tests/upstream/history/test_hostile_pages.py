"""Pages made to take as much memory as they can: whoever reads them stays far below what a worker may take."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from streamproc import limits
from streamproc.agents.shared.process_pool import process_pool
from streamproc.errors import StreamprocError, UpstreamTimeoutError
from streamproc.upstream.client.decompression import check_claim, check_values, read_packed
from streamproc.upstream.history.full_page import Part, full_page_query

if TYPE_CHECKING:
    from collections.abc import Callable

PROCESS_MAX_BYTES: Final = 700 * 1000**2
WALLET: Final = "11111111111111111111111111111112"
MOST: Final = limits.ANSWER_MAX_BYTES - 1000
FREE: Final = limits.ANSWER_UNCOUNTED_BYTES - 1000


def page(data: bytes) -> bytes:
    """An answer of the pages' method with this in the place of its transactions."""
    return b'{"jsonrpc":"2.0","id":1,"result":{"data":[' + data + b"]}}"


def item(more: bytes) -> bytes:
    """A transaction with this in its meta."""
    meta = b'{"fee":1,"preBalances":[1],"postBalances":[1],' + more + b"}"
    body = b'{"signatures":["' + b"1" * 64 + b'"],"message":{"accountKeys":["a"]}}'
    return b'{"slot":1,"transaction":' + body + b',"meta":' + meta + b"}"


def filled(one: bytes, size: int) -> bytes:
    """So many bytes of this, again and again, with commas between."""
    return b",".join([one] * (size // (len(one) + 1)))


SHAPES: Final[dict[str, Callable[[], bytes]]] = {
    "numbers for transactions": lambda: page(filled(b"0", FREE)),
    "an error of any size": lambda: page(item(b'"err":[' + filled(b'{"a":[]}', FREE) + b"]")),
    "balances": lambda: page(
        item(b'"err":null').replace(b"[1]", b"[" + filled(b"999", FREE // 2) + b"]")
    ),
    "short texts": lambda: page(
        item(b'"loadedAddresses":{"writable":[' + filled(b'"ab"', FREE) + b"]}")
    ),
    "nested": lambda: page(filled(b"[" * 100 + b"]" * 100, FREE)),
    "a long text": lambda: page(
        item(b'"loadedAddresses":{"writable":["' + b"x" * MOST + "\U0001f600".encode() + b'"]}')
    ),
    "escapes": lambda: page(b'"\xff' + b"\\n" * (FREE // 2) + b'"'),
    "more values than are taken": lambda: page(filled(b"{}", MOST)),
}


def read(member: bytes) -> str:
    """What reading a page comes to, in a process of the pool: an error's name, or how much could be read."""
    query = full_page_query("http://x", WALLET, Part(0, None, "all"), None, 1000)
    try:
        found = read_packed(member, query.read)
    except StreamprocError as error:
        return type(error).__name__
    return f"{len(found.entries)} of {found.transactions}"


def peak_bytes() -> int:
    """The most memory that this process has had."""
    status = Path("/proc/self/status").read_text("ascii", "replace")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is read from Linux' /proc"
)
async def test_no_page_takes_more_memory_than_a_process_may_have() -> None:
    async with process_pool(1) as pool:
        ends = {}
        for name, shape in SHAPES.items():
            ends[name] = await pool.run(read, gzip.compress(shape(), 1))
        peak = await pool.run(peak_bytes)
    assert peak < PROCESS_MAX_BYTES, f"{peak / 1e6:.0f} MB"
    assert ends["an error of any size"] == "1 of 1"
    assert ends["numbers for transactions"] == ends["nested"] == "UpstreamInconsistentError"
    assert (
        ends["more values than are taken"] == "UpstreamTimeoutError"
    )  # a smaller page is asked for
    assert ends["escapes"] == "UpstreamUnavailableError"


def test_values_are_counted_in_large_answers_only() -> None:
    dense = page(filled(b"0", 2 * limits.ANSWER_VALUES_MAX + 100))
    check_values(dense, len(dense))
    with pytest.raises(UpstreamTimeoutError, match="values"):
        check_values(dense, len(dense) - 1)
    check_values(page(b'"' + b"x" * 20_000_000 + b'"'), 0)


def test_what_the_event_loop_unpacks_is_less_than_what_a_process_may() -> None:
    member = bytes(1 << 20) + (limits.ANSWER_HERE_MAX_BYTES + 1).to_bytes(4, "little")
    check_claim(member)
    with pytest.raises(UpstreamTimeoutError, match="claims"):
        check_claim(member, limits.ANSWER_HERE_MAX_BYTES)
