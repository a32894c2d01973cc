"""The services outside: Helius and DexScreener. `verdict` is the seam where their answers become our errors."""

from streamproc.upstream.accounts import Account
from streamproc.upstream.asking import Run
from streamproc.upstream.calls import Call, Permit, Spending
from streamproc.upstream.history import Held, NothingHeld
from streamproc.upstream.permits import RequestPermit, unlimited
from streamproc.upstream.upstream import Upstream, open_upstream
from streamproc.upstream.walking import HistoryPage
from streamproc.upstream.wallet_balances import WalletBalances

__all__ = [
    "Account",
    "Call",
    "Held",
    "HistoryPage",
    "NothingHeld",
    "Permit",
    "RequestPermit",
    "Run",
    "Spending",
    "Upstream",
    "WalletBalances",
    "open_upstream",
    "unlimited",
]
