"""CRC-32 of pieces that stand one after the other, from the checksums of longer runs: nobody reads the pieces again.

A checksum is a polynomial over GF(2), and what follows multiplies it by x to the number of its bits; the arithmetic is
that of `crc32_combine` in zlib's crc32.c.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

POLYNOMIAL: Final = 0xEDB88320  # reflected: the highest bit is x to the power 0
ONE: Final = 1 << 31
SQUARINGS: Final = 64
REMEMBERED: Final = 10_000  # lengths of pieces, which are often the same


def joined_checksum(first: int, second: int, second_bytes: int) -> int:
    """The checksum of two pieces one after the other.

    >>> import zlib
    >>> joined_checksum(zlib.crc32(b"ab"), zlib.crc32(b"cde"), 3) == zlib.crc32(b"abcde")
    True
    """
    return _product(_shift(second_bytes), first) ^ second


def rest_checksum(whole: int, first: int, rest_bytes: int) -> int:
    """The checksum of what follows a first piece, from that of both together.

    >>> import zlib
    >>> rest_checksum(zlib.crc32(b"abcde"), zlib.crc32(b"ab"), 3) == zlib.crc32(b"cde")
    True
    """
    return joined_checksum(first, whole, rest_bytes)


@lru_cache(REMEMBERED)
def _shift(count: int) -> int:
    """The power of x to 8 bits for each of so many bytes."""
    power = ONE
    for place, square in enumerate(_SQUARES):
        if count >> place == 0:
            break
        if count >> place & 1:
            power = _product(square, power)
    return power


def _product(one: int, other: int) -> int:
    """The product of two polynomials modulo the checksum's own."""
    product, bit = 0, ONE
    while one:
        if one & bit:
            product ^= other
            one ^= bit
        bit >>= 1
        other = (other >> 1) ^ (POLYNOMIAL if other & 1 else 0)
    return product


def _squares() -> list[int]:
    """The powers of x to 8, 16, 32 and so on."""
    power = 1 << 23
    found = []
    for _ in range(SQUARINGS):
        found.append(power)
        power = _product(power, power)
    return found


_SQUARES: Final = _squares()
