"""The balances of many wallets: each wallet's own success, failure or size."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, NamedTuple

from streamproc import limits
from streamproc.core.chain.balances import Balances, balances_of
from streamproc.errors import (
    StrategyUnsupportedError,
    StreamprocError,
    UpstreamInconsistentError,
    WalletError,
)
from streamproc.upstream.accounts.accounts import Account, accounts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from streamproc.upstream.accounts.token_accounts import TokenAccounts
    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.retry import Caller


class WalletBalances(NamedTuple):
    """What came of asking for one wallet's balances.

    `failed` has the error and nothing else; `oversized` knows the lamports only.
    """

    state: Literal["ok", "failed", "oversized"]
    balances: Balances | None = None
    error: StreamprocError | None = None


async def wallet_balances(
    caller: Caller,
    rpc_url: str,
    tokens: TokenAccounts,
    wallets: Sequence[str],
    permit: Permit,
    *,
    include_oversized: bool,
    known_oversized: Collection[str],
) -> dict[str, WalletBalances]:
    """Every wallet's balances; raises only what ends the whole request, or the request's own end.

    A wallet known as oversized is not listed again unless `include_oversized`, which lists however many there are.
    """
    funded = await _accounts(caller, rpc_url, wallets, permit)
    free = asyncio.Semaphore(limits.BALANCES_AT_ONCE)

    async def one(wallet: str) -> WalletBalances:
        account = funded[wallet]
        if isinstance(account, StreamprocError):
            return WalletBalances("failed", error=account)
        if account.is_odd:
            odd = UpstreamInconsistentError("the wallet's account cannot be read")
            return WalletBalances("failed", error=odd)
        if wallet in known_oversized and not include_oversized:
            return WalletBalances("oversized", balances_of(account.lamports, ()))
        async with free:
            most = None if include_oversized else limits.TOKEN_ACCOUNTS_MAX
            return await _listed(tokens, wallet, account, permit, most)

    tasks = [asyncio.create_task(one(wallet)) for wallet in wallets]
    try:
        return dict(zip(wallets, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _accounts(
    caller: Caller, rpc_url: str, wallets: Sequence[str], permit: Permit
) -> dict[str, Account | StreamprocError]:
    """Each wallet's account, or why it did not come: a failed call concerns the wallets that were in it."""
    found: dict[str, Account | StreamprocError] = {}
    for start in range(0, len(wallets), limits.ACCOUNTS_PER_CALL):
        asked = wallets[start : start + limits.ACCOUNTS_PER_CALL]
        try:
            found |= await accounts(caller, rpc_url, asked, permit)
        except (WalletError, StrategyUnsupportedError) as error:
            found |= dict.fromkeys(asked, error)
    return found


async def _listed(
    tokens: TokenAccounts, wallet: str, account: Account, permit: Permit, most: int | None
) -> WalletBalances:
    """One wallet's balances from its list of token accounts."""
    try:
        listed = await tokens.of(wallet, permit, most=most)
    except (WalletError, StrategyUnsupportedError) as error:
        return WalletBalances("failed", error=error)
    if listed is None:
        return WalletBalances("oversized", balances_of(account.lamports, ()))
    return WalletBalances("ok", balances_of(account.lamports, listed))
