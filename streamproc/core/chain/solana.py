"""What is fixed about Solana: mints that are money, programs, rents, and thresholds from them. Tips: `tips.py`."""

from __future__ import annotations

from itertools import combinations
from typing import Final

from solders.pubkey import Pubkey

LAMPORTS_PER_SOL: Final = 10**9
SOL_DECIMALS: Final = 9

WSOL: Final = "So11111111111111111111111111111111111111112"  # SOL is kept under the wrapped mint
USDC: Final = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT: Final = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
PYUSD: Final = "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"
USDG: Final = "2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH"
USDS: Final = "USDSwr9ApdHk5bvJKMjzff41FfuX8bSxdKcR81vTwcA"
USD1: Final = "USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB"
STABLES: Final = frozenset({USDC, USDT, PYUSD, USDG, USDS, USD1})  # all taken for a dollar
STABLE_DECIMALS: Final = 6  # of each of them
STABLE_UNIT: Final = 10**STABLE_DECIMALS  # base units of one stable: one US dollar
QUOTES: Final = frozenset({WSOL, *STABLES})  # what tokens are paid in; every other mint is a token
QUOTE_DECIMALS: Final = {WSOL: SOL_DECIMALS, **dict.fromkeys(STABLES, STABLE_DECIMALS)}

MSOL: Final = "mSoLzYCxHdYgdzU16g5QSh3i5K3z3KZK7ytfqcJm7So"
STSOL: Final = "7dHbWXmci3dT8UFYWYZweBLXgycu7Y3iL6trKn1Y7ARj"
JITOSOL: Final = "J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn"
BSOL: Final = "bSo13r4TkiE4KumL71LsHTPpL2euBYLFx6h9HP3piy1"
# Money and staked SOL: to hold them says nothing about what two wallets have in common.
EXCLUDED_MINTS: Final = frozenset({*QUOTES, MSOL, STSOL, JITOSOL, BSOL})

TOKEN_PROGRAM: Final = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"  # noqa: S105 - an address
TOKEN_2022_PROGRAM: Final = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"  # noqa: S105
TOKEN_PROGRAMS: Final = (TOKEN_PROGRAM, TOKEN_2022_PROGRAM)

# Rent: an account of n bytes keeps (128 + n) times one of these, the rate at which it was opened. All rates that ever
# held are possible at once: accounts keep what they were opened with.
RENT_RATES: Final = (
    6_960,  # from the beginning
    6_333,  # from 3 September 2026
    5_080,  # from slot 446 256 000, 11 September 2026
)
RENT_OVERHEAD_BYTES: Final = 128
RENT_LARGEST_LAMPORTS: Final = 10_000_000  # above it a payment is a price, whatever it divides by
# Token accounts: plain, of Token-2022 with one, two or more extensions that associated accounts get.
TOKEN_ACCOUNT_BYTES: Final = (165, 170, 175, 182)
TOKEN_ACCOUNT_RENTS: Final = frozenset(
    sign * (RENT_OVERHEAD_BYTES + size) * rate
    for size in TOKEN_ACCOUNT_BYTES
    for rate in RENT_RATES
    for sign in (1, -1)  # opened, closed
)
# What moves an account that may be a token account: any size between these, or a plain one set from rate to rate.
LIKELY_RENTS: Final = frozenset(
    (RENT_OVERHEAD_BYTES + size) * rate
    for size in range(min(TOKEN_ACCOUNT_BYTES), max(TOKEN_ACCOUNT_BYTES) + 1)
    for rate in RENT_RATES
) | frozenset(
    (RENT_OVERHEAD_BYTES + min(TOKEN_ACCOUNT_BYTES)) * (higher - lower)
    for higher, lower in combinations(RENT_RATES, 2)
)

# SOL that goes beside something else. Up to the first it is a cost of getting a transaction through that also moves a
# stable; up to the second it is what a service takes for an order or for sending proceeds on.
SMALL_COST_LAMPORTS: Final = 1_000_000
SERVICE_LAMPORTS: Final = 20_000_000

# Below dust a change is rounding, a refund or a leftover, and not what something was paid with.
SOL_DUST_LAMPORTS: Final = 10_000  # two signatures' fees
STABLE_DUST_UNITS: Final = 10_000  # one cent


def is_address(text: str) -> bool:
    """Whether the text is base58 (case-sensitive) of exactly 32 bytes.

    >>> is_address("So11111111111111111111111111111111111111112"), is_address("So1111"), is_address("")
    (True, False, False)
    """
    try:
        Pubkey.from_string(text)
    except ValueError:
        return False
    return True


def is_rent(lamports: int, *, least_bytes: int = 0) -> bool:
    """Whether this is what one new account of at least so many bytes keeps, at any rate that ever held.

    An airdrop's claimer pays it, a buyer does not. Nothing and less is none.

    >>> is_rent(2_039_280), is_rent(1_488_440), is_rent(650_240), is_rent(650_240, least_bytes=1), is_rent(-2_039_280)
    (True, True, True, False, False)
    """
    if not 0 < lamports <= RENT_LARGEST_LAMPORTS:
        return False
    least = RENT_OVERHEAD_BYTES + least_bytes
    return any(lamports % rate == 0 and lamports // rate >= least for rate in RENT_RATES)
