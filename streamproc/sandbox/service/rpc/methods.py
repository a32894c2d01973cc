"""The JSON-RPC methods that the stand-in answers, by name; which of them any provider of Solana RPC knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.service.rpc import accounts, history, mints

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.sandbox.service.rpc.call import Answer, Call

STANDARD_METHODS: Final[dict[str, Callable[[Call], Answer]]] = {
    "getSignaturesForAddress": history.signatures_for_address,
    "getTransaction": history.transaction,
    "getSlot": accounts.slot,
    "getHealth": accounts.health,
    "getMinimumBalanceForRentExemption": accounts.minimum_balance,
    "getBalance": accounts.balance,
    "getAccountInfo": accounts.account_info,
    "getMultipleAccounts": accounts.multiple_accounts,
    "getTokenAccountsByOwner": accounts.token_accounts,
    "getTokenLargestAccounts": mints.largest_accounts,
    "getProgramAccounts": mints.program_accounts,
}
METHODS: Final[dict[str, Callable[[Call], Answer]]] = {
    **STANDARD_METHODS,
    "getTransactionsForAddress": history.transactions_for_address,
    "getTokenAccountsByOwnerV2": accounts.token_accounts_v2,
    "getProgramAccountsV2": mints.program_accounts_v2,
    "getAssetBatch": accounts.asset_batch,
}
DAS_METHODS: Final = frozenset({"getAssetBatch"})
