"""What the enhanced API calls transactions: right for some venues, wrong or empty for others, as really seen."""

from __future__ import annotations

from typing import Final

from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.chain import Label

CURVE: Final = Label("TRANSFER", "SYSTEM_PROGRAM", (known.PUMP_FUN, known.SYSTEM, known.TOKEN))
CURVE_SALE: Final = Label("UNKNOWN", "UNKNOWN", (known.PUMP_FUN, known.SYSTEM, known.TOKEN))
AMM: Final = Label("SWAP", "RAYDIUM", (known.RAYDIUM, known.SYSTEM, known.TOKEN), swap_event=True)
PUMP_AMM: Final = Label("SWAP", "PUMP_AMM", (known.PUMP_AMM, known.SYSTEM, known.TOKEN))
ROUTER: Final = Label(
    "SWAP",
    "JUPITER",
    (known.JUPITER, known.SYSTEM, known.TOKEN, known.ASSOCIATED_TOKEN),
    swap_event=True,
)
UNKNOWN_SWAP: Final = Label("UNKNOWN", "UNKNOWN", (known.JUPITER, known.TOKEN, known.TOKEN_2022))
MISNAMED_SWAP: Final = Label("TOKEN_MINT", "UNKNOWN", (known.JUPITER, known.TOKEN))
SOL_TRANSFER: Final = Label("TRANSFER", "SYSTEM_PROGRAM", (known.SYSTEM,))
TOKEN_TRANSFER: Final = Label(
    "TRANSFER", "SOLANA_PROGRAM_LIBRARY", (known.SYSTEM, known.TOKEN, known.ASSOCIATED_TOKEN)
)
BURN: Final = Label("BURN", "SOLANA_PROGRAM_LIBRARY", (known.TOKEN,))
MINT: Final = Label("NFT_MINT", "UNKNOWN", (known.METAPLEX, known.SYSTEM, known.TOKEN))
LIQUIDITY: Final = Label("UNKNOWN", "RAYDIUM", (known.RAYDIUM, known.SYSTEM, known.TOKEN))
STAKING: Final = Label("STAKE_SOL", "STAKE_PROGRAM", (known.STAKE, known.SYSTEM))
ACCOUNTS: Final = Label("UNKNOWN", "UNKNOWN", (known.SYSTEM, known.TOKEN, known.ASSOCIATED_TOKEN))
NOTE: Final = Label("UNKNOWN", "UNKNOWN", (known.MEMO,))
ORDER: Final = Label("UNKNOWN", "UNKNOWN", (known.JUPITER_ORDERS, known.SYSTEM, known.TOKEN))
DCA: Final = Label("UNKNOWN", "UNKNOWN", (known.JUPITER_DCA, known.SYSTEM, known.TOKEN))
KEEPER: Final = Label("SWAP", "JUPITER", (known.JUPITER_ORDERS, known.JUPITER, known.TOKEN))
POSITION: Final = Label("UNKNOWN", "UNKNOWN", (known.WHIRLPOOL, known.SYSTEM, known.TOKEN))
BRIDGE: Final = Label("SWAP", "JUPITER", (known.JUPITER, known.MAYAN, known.TOKEN))
LENDING: Final = Label("UNKNOWN", "UNKNOWN", (known.KAMINO_LEND, known.TOKEN))
ARBITRAGE: Final = Label("SWAP", "JUPITER", (known.JUPITER, known.TOKEN), swap_event=True)
STAKE_POOL: Final = Label("UNKNOWN", "UNKNOWN", (known.STAKE_POOL, known.STAKE, known.TOKEN))
