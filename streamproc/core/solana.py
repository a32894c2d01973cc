"""What is fixed about Solana: mints that are money, programs, tip accounts, rents, and thresholds from them."""

from __future__ import annotations

from typing import Final

from solders.pubkey import Pubkey

LAMPORTS_PER_SOL: Final = 10**9
SOL_DECIMALS: Final = 9

WSOL: Final = "So11111111111111111111111111111111111111112"  # SOL is kept under the wrapped mint
USDC: Final = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT: Final = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
STABLES: Final = frozenset({USDC, USDT})
STABLE_DECIMALS: Final = 6
STABLE_UNIT: Final = 10**STABLE_DECIMALS  # base units of one stable: one US dollar
QUOTES: Final = frozenset({WSOL, *STABLES})  # what tokens are paid in; every other mint is a token
QUOTE_DECIMALS: Final = {
    WSOL: SOL_DECIMALS,
    USDC: STABLE_DECIMALS,
    USDT: STABLE_DECIMALS,
}

MSOL: Final = "mSoLzYCxHdYgdzU16g5QSh3i5K3z3KZK7ytfqcJm7So"
STSOL: Final = "7dHbWXmci3dT8UFYWYZweBLXgycu7Y3iL6trKn1Y7ARj"
JITOSOL: Final = "J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn"
BSOL: Final = "bSo13r4TkiE4KumL71LsHTPpL2euBYLFx6h9HP3piy1"
# Money and staked SOL: to hold them says nothing about what two wallets have in common.
EXCLUDED_MINTS: Final = frozenset({*QUOTES, MSOL, STSOL, JITOSOL, BSOL})

TOKEN_PROGRAM: Final = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"  # noqa: S105 - an address
TOKEN_2022_PROGRAM: Final = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"  # noqa: S105
TOKEN_PROGRAMS: Final = (TOKEN_PROGRAM, TOKEN_2022_PROGRAM)

# The block engine's getTipAccounts: a payment to one of them buys a place in a block, like a priority fee.
TIP_ACCOUNTS: Final = frozenset(
    {
        "96gYZGLnJYVFmbjzopPSU6QiEV5fGqZNyN9nmNhvrZU5",
        "HFqU5x63VTqvQss8hp11i4wVV8bD44PvwucfZ2bU7gRe",
        "Cw8CFyM9FkoMi7K7Crf6HNQqf4uEMzpKw6QNghXLvLkY",
        "ADaUMid9yfUytqMBgopwjb2DTLSokTSzL1zt6iGPaS49",
        "DfXygSm4jCyNCybVYYK6DwvWqjKee8pbDmJGcLWNDXjh",
        "ADuUkR4vqLUMWXxW9gh6D6L8pMSawimctcNZ5pGwDcEt",
        "DttWaMuVvTiduZRnguLF7jNxTgiMBZ1hyAumKUiL2KRL",
        "3AVi9Tg9Uo68tJfuvoKvqKNWKkC5wPdSSdeBnizKZ6jT",
    }
)

# Rent: an account of n bytes keeps (n + 128) * 6 960 lamports.
RENT_PER_BYTE_LAMPORTS: Final = 6_960
RENT_SMALLEST_LAMPORTS: Final = 890_880  # an account without data
RENT_LARGEST_LAMPORTS: Final = 10_000_000  # above it a payment is a price, whatever it divides by
# A token account of 165 bytes, and one of Token-2022 with its owner made immutable (170 bytes).
TOKEN_ACCOUNT_RENTS: Final = frozenset({2_039_280, 2_074_080})

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


def is_one_rent(lamports: int) -> bool:
    """Whether this positive amount is what one new account keeps: an airdrop's claimer pays it, a buyer does not."""
    return (
        RENT_SMALLEST_LAMPORTS <= lamports <= RENT_LARGEST_LAMPORTS
        and lamports % RENT_PER_BYTE_LAMPORTS == 0
    )
