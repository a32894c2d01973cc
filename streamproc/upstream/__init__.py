"""The services outside: Helius and DexScreener, whose answers become our errors in `upstream/client/`."""

from streamproc.upstream.accounts.accounts import Account
from streamproc.upstream.accounts.wallet_balances import WalletBalances
from streamproc.upstream.client.calls import Call, Permit, Spending
from streamproc.upstream.client.permits import RequestPermit, unlimited
from streamproc.upstream.client.retry import Run
from streamproc.upstream.history.cursor import HistoryPage
from streamproc.upstream.history.sync import Held, NothingHeld
from streamproc.upstream.upstream import Upstream, open_upstream

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
