"""The events: what is said on which topic, in the order in which a request meets them.

Frozen models; `topics.yaml` says which topic carries which event and which field is the key. What comes from outside
refuses unknown fields, what travels between agents ignores them, so that workers of two versions understand each other.
Lamports are integers, token amounts strings of base units, times unix seconds unless a name ends in `_ms`.
"""

from streamproc.events.analyses import (
    AnalysisCompleted,
    AnalysisDue,
    AnalysisFailed,
    AnalysisProgressed,
    AnalysisReady,
    FailedWallet,
    FaultNote,
    ReadyWallet,
)
from streamproc.events.base import (
    ADDRESS_PATTERN,
    DEFAULT_TENANT,
    REQUEST_ID_PATTERN,
    SCORES,
    Address,
    BalanceState,
    Counted,
    Event,
    Outcome,
    OutsideEvent,
    PublicError,
    RankBy,
    RequestId,
    Sequence,
    Stage,
    Tenant,
    TerminalStatus,
)
from streamproc.events.requests import (
    AnalysisAccepted,
    AnalysisCancelRequested,
    AnalysisRequested,
    Options,
    PartOptions,
)
from streamproc.events.wallets import (
    BalanceFetchRequested,
    BalancesFetched,
    Counts,
    Coverage,
    WalletAnalyzed,
    WalletProgressed,
    WalletSyncRequested,
)

__all__ = [
    "ADDRESS_PATTERN",
    "DEFAULT_TENANT",
    "REQUEST_ID_PATTERN",
    "SCORES",
    "Address",
    "AnalysisAccepted",
    "AnalysisCancelRequested",
    "AnalysisCompleted",
    "AnalysisDue",
    "AnalysisFailed",
    "AnalysisProgressed",
    "AnalysisReady",
    "AnalysisRequested",
    "BalanceFetchRequested",
    "BalanceState",
    "BalancesFetched",
    "Counted",
    "Counts",
    "Coverage",
    "Event",
    "FailedWallet",
    "FaultNote",
    "Options",
    "Outcome",
    "OutsideEvent",
    "PartOptions",
    "PublicError",
    "RankBy",
    "ReadyWallet",
    "RequestId",
    "Sequence",
    "Stage",
    "Tenant",
    "TerminalStatus",
    "WalletAnalyzed",
    "WalletProgressed",
    "WalletSyncRequested",
]
