"""The JSON-RPC methods that the stand-in answers, by name; which of them any provider of Solana RPC knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox import rpc_accounts, rpc_history

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.sandbox.rpc_call import Answer, Call

STANDARD_METHODS: Final[dict[str, Callable[[Call], Answer]]] = {
    "getSignaturesForAddress": rpc_history.signatures_for_address,
    "getTransaction": rpc_history.transaction,
    "getSlot": rpc_accounts.slot,
    "getHealth": rpc_accounts.health,
    "getMinimumBalanceForRentExemption": rpc_accounts.minimum_balance,
    "getBalance": rpc_accounts.balance,
    "getAccountInfo": rpc_accounts.account_info,
    "getMultipleAccounts": rpc_accounts.multiple_accounts,
    "getTokenAccountsByOwner": rpc_accounts.token_accounts,
}
METHODS: Final[dict[str, Callable[[Call], Answer]]] = {
    **STANDARD_METHODS,
    "getTransactionsForAddress": rpc_history.transactions_for_address,
    "getTokenAccountsByOwnerV2": rpc_accounts.token_accounts_v2,
    "getAssetBatch": rpc_accounts.asset_batch,
}
DAS_METHODS: Final = frozenset({"getAssetBatch"})
