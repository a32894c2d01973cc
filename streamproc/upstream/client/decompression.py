"""Compressed answers: bounded before they are unpacked, and read where there is time for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import deflate

from streamproc import limits
from streamproc.errors import UpstreamTimeoutError, UpstreamUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

GZIP: Final = frozenset({"gzip", "x-gzip"})
_SIZE_BYTES: Final = 4  # the end of a gzip member: its length before compression


def check_claim(member: bytes, most: int | None = None) -> None:
    """Raise UpstreamTimeoutError when a gzip member claims to be larger than we take: a smaller page may fit.

    UpstreamUnavailableError when it claims more than JSON can be compressed to. A lie about it is found out
    later: no more is unpacked than was claimed.
    """
    size = int.from_bytes(member[-_SIZE_BYTES:], "little")
    if size > (limits.ANSWER_MAX_BYTES if most is None else most):
        raise UpstreamTimeoutError(f"the answer claims {size} bytes")
    if size > max(limits.ANSWER_RATIO_FREE_BYTES, limits.ANSWER_RATIO_MAX * len(member)):
        raise UpstreamUnavailableError(f"the answer claims {size} bytes in {len(member)}")


def check_values(body: bytes | bytearray, uncounted: int) -> None:
    """Raise UpstreamTimeoutError for JSON of more values than we take: a smaller page may have fewer.

    Up to so many bytes nobody counts. The number is that of what separates values, in texts too.
    """
    if len(body) > uncounted:
        values = sum(body.count(each) for each in b",[{")
        if values > limits.ANSWER_VALUES_MAX:
            raise UpstreamTimeoutError(f"the answer has some {values} values")


def unpacked(member: bytes) -> bytes:
    """What one gzip member holds; raises UpstreamUnavailableError when it is broken."""
    return bytes(_inflated(member))


def read_packed(member: bytes, read: Callable[[bytes | bytearray], T]) -> T:
    """What `read` makes of a gzip member's content; for a process of its own, so both are picklable."""
    content = _inflated(member)  # a copy into bytes would take as long as to inflate it
    check_values(content, limits.ANSWER_UNCOUNTED_BYTES)
    return read(content)


def _inflated(member: bytes) -> bytearray:
    """The content; raises UpstreamUnavailableError when the member is broken."""
    try:
        content: bytearray = deflate.gzip_decompress(member)
    except (deflate.DeflateError, ValueError):
        raise UpstreamUnavailableError("the answer's compression is broken") from None
    return content
