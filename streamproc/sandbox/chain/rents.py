"""What an account keeps as rent, by the rate in force when it is opened; it keeps that ever after.

The sandbox's own table: what it says of rents must not lean on the code that it is compared with.
"""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 128  # every account is that much larger than its data
# From which slot on a byte costs how many lamports: 3 September 2026, then slot 446 256 000 (11 September 2026).
# Of the first change only the day is known; its slot is that day's on this world's clock.
RATES: Final = ((0, 6_960), (444_420_000, 6_333), (446_256_000, 5_080))
OLDEST_RATE: Final = RATES[0][1]
EVER: Final = tuple(rate for _, rate in RATES)
TOKEN_ACCOUNT_SIZES: Final = (165, 170, 175, 182)  # plain, and with the usual extensions
LARGEST: Final = 10_000_000  # lamports; more than this is nobody's rent


def rate_at(slot: int) -> int:
    """Return lamports a byte for an account that is opened in this slot."""
    return [rate for first, rate in RATES if first <= slot][-1]


def rent(size: int, rate: int) -> int:
    """Return what an account of so many bytes keeps at a rate."""
    return (HEAD_BYTES + size) * rate


def is_rent(lamports: int) -> bool:
    """Say whether an account of some size, opened at any time, keeps exactly this."""
    if not 0 < lamports <= LARGEST:
        return False
    return any(lamports % rate == 0 and lamports // rate >= HEAD_BYTES for rate in EVER)


OF_TOKEN_ACCOUNTS: Final = frozenset(
    rent(size, rate) for size in TOKEN_ACCOUNT_SIZES for rate in EVER
)
