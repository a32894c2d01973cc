"""What the sandbox knows of Solana by heart: programs, quotes and dust (`rents.py`, `tip_accounts.py`: the rest).

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
JUPITER_ORDERS: Final = "j1o2qRpjcyUwEvwtcfhEQefh773ZgjxcVRry7LDqg5X"
JUPITER_DCA: Final = "DCA265Vj8a9CEuX1eb1LWRnDT7uK6q1xMipnNyatn23M"
WHIRLPOOL: Final = "whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc"
KAMINO_LEND: Final = "KLend2g3cP87fffoy8q1mQqGKjrxjC8boSyAYavgmjD"
STAKE_POOL: Final = "SPoo1Ku8WFXoNDMHPsrGSTSG1Y47rzgn41SLUNakuHy"
MAYAN: Final = "FC4eXxkyrMPTjiYUpp4EAnkmwMbQyZ6NDCh1kfLn6vsf"
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
    JUPITER_ORDERS,
    JUPITER_DCA,
    WHIRLPOOL,
    KAMINO_LEND,
    STAKE_POOL,
    MAYAN,
)

EXCHANGE: Final = "5tzFkiKscXHK5ZXCGbXZxdw7gTjjD1mBwuoFbhUvuAi9"  # a hot wallet of one

WSOL: Final = "So11111111111111111111111111111111111111112"
USDC: Final = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT: Final = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
PYUSD: Final = "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"
USDG: Final = "2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH"
USDS: Final = "USDSwr9ApdHk5bvJKMjzff41FfuX8bSxdKcR81vTwcA"
USD1: Final = "USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB"
STABLE_SYMBOLS: Final = {
    USDC: "USDC",
    USDT: "USDT",
    PYUSD: "PYUSD",
    USDG: "USDG",
    USDS: "USDS",
    USD1: "USD1",
}
STABLES: Final = tuple(STABLE_SYMBOLS)
STABLES_OF_TOKEN_2022: Final = frozenset({PYUSD, USDG})
QUOTES: Final = (WSOL, *STABLES)
JITOSOL: Final = "J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn"
MSOL: Final = "mSoLzYCxHdYgdzU16g5QSh3i5K3z3KZK7ytfqcJm7So"
EXCLUDED_FROM_SIMILARITY: Final = frozenset(
    {
        *QUOTES,
        MSOL,
        "7dHbWXmci3dT8UFYWYZweBLXgycu7Y3iL6trKn1Y7ARj",
        JITOSOL,
        "bSo13r4TkiE4KumL71LsHTPpL2euBYLFx6h9HP3piy1",
    }
)
SOL_DUST_LAMPORTS: Final = 10_000
STABLE_DUST_UNITS: Final = 10_000  # 0.01 of a stable with six decimals
U64_MAX: Final = 2**64 - 1
MINT_BYTES: Final = 82
METADATA_BYTES: Final = 679  # of a collectible's name and picture
TOKEN_ACCOUNT_BYTES: Final = 165
TOKEN_2022_ACCOUNT_BYTES: Final = 170  # with the extension that every associated one has
