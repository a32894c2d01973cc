"""Bands of amounts, from the largest down: how the largest token accounts of a mint are read and no others.

A node lists accounts in no order, and filters them by equal bytes only. An amount lies in an account's data as eight
bytes, the least significant first; the accounts whose upper bytes are zeros after one given byte hold between `low` and
`low` plus a 255th of it or more. Asked for in descending order, such bands list accounts from the largest on, and what
they cost depends on how many accounts are wanted, not on how many there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

AMOUNT_OFFSET: Final = 64  # of the amount in a token account's data, under both token programs
AMOUNT_BYTES: Final = 8
_BYTE: Final = 256


class Band(NamedTuple):
    """Amounts of `leading` times 256 ** `level` and more, below the next `leading`; 1 <= leading <= 255."""

    level: int  # 0..7
    leading: int

    @property
    def low(self) -> int:
        """The smallest amount in it, in base units."""
        return int(self.leading << 8 * self.level)

    @property
    def offset(self) -> int:
        """Where in an account's data the bytes stand that tell."""
        return AMOUNT_OFFSET + self.level

    @property
    def content(self) -> bytes:
        """These bytes: the leading one, then zeros up to the amount's end."""
        return self.leading.to_bytes(AMOUNT_BYTES - self.level, "little")


def band_of(amount: int) -> Band:
    """The band of an amount of at least 1 and below 2 ** 64.

    >>> band_of(1), band_of(255), band_of(256), band_of(700), band_of(700).low
    (Band(level=0, leading=1), Band(level=0, leading=255), Band(level=1, leading=1), Band(level=1, leading=2), 512)
    """
    level = (amount.bit_length() - 1) // 8
    return Band(level, amount >> 8 * level)


def descending_bands(largest: Sequence[int]) -> Iterator[Band]:
    """Every band that can hold an account, the largest first; `largest` are the largest amounts there are, any of them.

    Above the smallest of these only their own bands can, below it every band may. Amounts of 0 are none.

    >>> [each.low for each in descending_bands([900, 3])]
    [768, 3, 2, 1]
    """
    known = sorted({band_of(amount) for amount in largest if amount > 0}, reverse=True)
    yield from known
    if not known:
        return
    level, leading = known[-1]
    yield from (Band(level, lower) for lower in range(leading - 1, 0, -1))
    for lower_level in range(level - 1, -1, -1):
        yield from (Band(lower_level, lower) for lower in range(_BYTE - 1, 0, -1))
