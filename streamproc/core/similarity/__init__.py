"""How alike wallets are: nine scores per pair, what they rest on, and how surprising they are.

`compare` is the way in; every other module answers one question. All are pure: values in, values out, the same bytes
for the same inputs, whatever the order in which the wallets came.
"""

from __future__ import annotations

from streamproc.core.comparison_inputs import (
    Background,
    HeldMint,
    Met,
    SimilarityInputs,
    TradedMint,
    Transfer,
    WalletRow,
    Witness,
)
from streamproc.core.similarity.compare import Comparison, compare

__all__ = [
    "Background",
    "Comparison",
    "HeldMint",
    "Met",
    "SimilarityInputs",
    "TradedMint",
    "Transfer",
    "WalletRow",
    "Witness",
    "compare",
]
