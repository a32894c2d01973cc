"""Postgres: what is known of wallets and requests. SQL lies in `store/sql/` and `store/migrations/`."""

from streamproc.store.analyses import Analyses
from streamproc.store.budget import Lease
from streamproc.store.history import HeldHistory, StoredPage, StoredRange
from streamproc.store.requests import (
    Decision,
    Ending,
    NewRequest,
    Recorded,
    Rejection,
    Status,
    StoredRequest,
)
from streamproc.store.store import Store, open_store
from streamproc.store.wallets import AnalysisTexts, KnownWallet, Synced, WalletAnalysis

__all__ = [
    "Analyses",
    "AnalysisTexts",
    "Decision",
    "Ending",
    "HeldHistory",
    "KnownWallet",
    "Lease",
    "NewRequest",
    "Recorded",
    "Rejection",
    "Status",
    "Store",
    "StoredPage",
    "StoredRange",
    "StoredRequest",
    "Synced",
    "WalletAnalysis",
    "open_store",
]
