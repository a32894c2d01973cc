"""What the sandbox knows of Solana by heart: programs, quotes, tip accounts, rents and dust.

The sandbox keeps its own copy on purpose: its truth must not lean on the code that it is compared with.
"""

from __future__ import annotations

from typing import Final

LAMPORTS_PER_SOL: Final = 1_000_000_000
LAMPORTS_PER_SIGNATURE: Final = 5_000

SYSTEM: Final = "11111111111111111111111111111111"
TOKEN: Final = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"  # noqa: S105 - an address
TOKEN_2022: Final = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"  # noqa: S105 - an address
ASSOCIATED_TOKEN: Final = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"  # noqa: S105 - an address
COMPUTE_BUDGET: Final = "ComputeBudget111111111111111111111111111111"
MEMO: Final = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"
STAKE: Final = "Stake11111111111111111111111111111111111111"
BPF_LOADER: Final = "BPFLoaderUpgradeab1e11111111111111111111111"
METAPLEX: Final = "metaqbxxUerdq28cj1RbAWkYQm3ybzjb6a8bt518x1s"
PUMP_FUN: Final = "6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P"
PUMP_AMM: Final = "pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA"
RAYDIUM: Final = "675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8"
JUPITER: Final = "JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4"
PROGRAMS: Final = (
    SYSTEM,
    TOKEN,
    TOKEN_2022,
    ASSOCIATED_TOKEN,
    COMPUTE_BUDGET,
    MEMO,
    STAKE,
    METAPLEX,
    PUMP_FUN,
    PUMP_AMM,
    RAYDIUM,
    JUPITER,
)

WSOL: Final = "So11111111111111111111111111111111111111112"
USDC: Final = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT: Final = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
STABLES: Final = (USDC, USDT)
QUOTES: Final = (WSOL, USDC, USDT)
MSOL: Final = "mSoLzYCxHdYgdzU16g5QSh3i5K3z3KZK7ytfqcJm7So"
EXCLUDED_FROM_SIMILARITY: Final = frozenset(
    {
        *QUOTES,
        MSOL,
        "7dHbWXmci3dT8UFYWYZweBLXgycu7Y3iL6trKn1Y7ARj",
        "J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn",
        "bSo13r4TkiE4KumL71LsHTPpL2euBYLFx6h9HP3piy1",
    }
)
TIP_ACCOUNTS: Final = (
    "96gYZGLnJYVFmbjzopPSU6QiEV5fGqZNyN9nmNhvrZU5",
    "HFqU5x63VTqvQss8hp11i4wVV8bD44PvwucfZ2bU7gRe",
    "Cw8CFyM9FkoMi7K7Crf6HNQqf4uEMzpKw6QNghXLvLkY",
    "ADaUMid9yfUytqMBgopwjb2DTLSokTSzL1zt6iGPaS49",
    "DfXygSm4jCyNCybVYYK6DwvWqjKee8pbDmJGcLWNDXjh",
    "ADuUkR4vqLUMWXxW9gh6D6L8pMSawimctcNZ5pGwDcEt",
    "DttWaMuVvTiduZRnguLF7jNxTgiMBZ1hyAumKUiL2KRL",
    "3AVi9Tg9Uo68tJfuvoKvqKNWKkC5wPdSSdeBnizKZ6jT",
)

SOL_DUST_LAMPORTS: Final = 10_000
STABLE_DUST_UNITS: Final = 10_000  # 0.01 of a stable with six decimals
RENT_STEP_LAMPORTS: Final = 6_960  # an account of n bytes keeps (n + 128) times this
SMALLEST_RENT_LAMPORTS: Final = 890_880
LARGEST_RENT_LAMPORTS: Final = 10_000_000
TOKEN_ACCOUNT_RENT_LAMPORTS: Final = 2_039_280
TOKEN_2022_ACCOUNT_RENT_LAMPORTS: Final = 2_074_080
MINT_RENT_LAMPORTS: Final = 1_461_600
U64_MAX: Final = 2**64 - 1


def rent_of_token_account(program: str) -> int:
    """Return what an empty token account of this program keeps, in lamports."""
    return (
        TOKEN_2022_ACCOUNT_RENT_LAMPORTS if program == TOKEN_2022 else TOKEN_ACCOUNT_RENT_LAMPORTS
    )


def looks_like_rent(lamports: int) -> bool:
    """Say whether an outflow of this many lamports reads as the rent of exactly one account."""
    in_range = SMALLEST_RENT_LAMPORTS <= lamports <= LARGEST_RENT_LAMPORTS
    return in_range and lamports % RENT_STEP_LAMPORTS == 0
