"""Checksums of pieces put together are those of the whole."""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from streamproc.sandbox.service.rpc.checksum import joined_checksum, rest_checksum


@given(first=st.binary(max_size=300), second=st.binary(max_size=300))
def test_two_pieces_have_the_checksum_of_both_and_either_is_found_from_the_other(
    first: bytes, second: bytes
) -> None:
    one, other, whole = zlib.crc32(first), zlib.crc32(second), zlib.crc32(first + second)
    assert joined_checksum(one, other, len(second)) == whole
    assert rest_checksum(whole, one, len(second)) == other


def test_pieces_of_many_megabytes_too() -> None:
    first, second = b"a" * 999, bytes(20_000_000)
    joined = joined_checksum(zlib.crc32(first), zlib.crc32(second), len(second))
    assert joined == zlib.crc32(first + second)
