"""The published result, field by field: what is composed, stored, published, and described in `schemas/`.

Every class is a JSON object of the result. A field's meaning stands below it, its unit is in its type
(`streamproc.units`), `| None` says that it can be null: not known, or without a denominator. Nothing here computes.
"""

from streamproc.result.behavior import Behavior
from streamproc.result.pairs import (
    Cluster,
    EvidenceItem,
    Figured,
    Pair,
    Scores,
    SetFigures,
    SharedToken,
    SharedWeight,
    Spoken,
)
from streamproc.result.pnl import Pnl, QuoteFlows, TokenRow
from streamproc.result.top import AnalysisResult, Missing, TokenFacts, Truncated
from streamproc.result.wallets import (
    Balances,
    CoverageRecord,
    ErrorRecord,
    HeldToken,
    KeptBalances,
    KeptToken,
    WalletResult,
)

__all__ = [
    "AnalysisResult",
    "Balances",
    "Behavior",
    "Cluster",
    "CoverageRecord",
    "ErrorRecord",
    "EvidenceItem",
    "Figured",
    "HeldToken",
    "KeptBalances",
    "KeptToken",
    "Missing",
    "Pair",
    "Pnl",
    "QuoteFlows",
    "Scores",
    "SetFigures",
    "SharedToken",
    "SharedWeight",
    "Spoken",
    "TokenFacts",
    "TokenRow",
    "Truncated",
    "WalletResult",
]
