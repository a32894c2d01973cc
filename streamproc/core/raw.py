"""The raw wire form: a JSON-RPC answer of getTransactionsForAddress, read for one wallet.

This is the hot path: typed structs skip what is not needed at the speed of the parser, and Python objects are made for
what changed only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamproc.core.entries import Page, RpcError
from streamproc.core.ledger import entry_of
from streamproc.core.solana import WSOL
from streamproc.core.transactions import TokenChange, Transaction
from streamproc.errors import UpstreamInconsistentError, UpstreamUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.core.entries import Entry


class _Amount(msgspec.Struct, gc=False):
    amount: str
    decimals: int


class _TokenBalance(msgspec.Struct, gc=False):
    accountIndex: int  # noqa: N815 - the wire's name, as below
    mint: str
    uiTokenAmount: _Amount  # noqa: N815
    owner: str = ""  # missing in transactions of early 2021 and before


class _Loaded(msgspec.Struct, gc=False):
    writable: list[str] = []
    readonly: list[str] = []


class _Meta(msgspec.Struct, gc=False):
    fee: int
    preBalances: list[int]  # noqa: N815
    postBalances: list[int]  # noqa: N815
    err: Any = None
    preTokenBalances: list[_TokenBalance] | None = None  # noqa: N815
    postTokenBalances: list[_TokenBalance] | None = None  # noqa: N815
    loadedAddresses: _Loaded | None = None  # noqa: N815


class _Message(msgspec.Struct, gc=False):
    accountKeys: list[str]  # noqa: N815


class _Body(msgspec.Struct, gc=False):
    signatures: list[str]
    message: _Message


class _Item(msgspec.Struct, gc=False):
    slot: int
    transaction: _Body
    meta: _Meta
    transactionIndex: int | None = None  # noqa: N815
    blockTime: int | None = None  # noqa: N815


class _Result(msgspec.Struct):
    data: list[_Item]
    paginationToken: str | None = None  # noqa: N815


class _Error(msgspec.Struct):
    code: int
    message: str = ""


class _Answer(msgspec.Struct):
    result: _Result | None = None
    error: _Error | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def raw_page(body: bytes | bytearray, wallet: str) -> Page | RpcError:
    """The entries of an answer's transactions in its order, or the JSON-RPC error that it is.

    Raises UpstreamUnavailableError for a body that is cut off, no JSON, nested too deep or no such answer, and
    UpstreamInconsistentError for a transaction without accounts or signature, or whose balances do not fit them.
    """
    try:
        answer = _ANSWER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamUnavailableError(f"the answer cannot be read: {error}") from error
    if answer.error is not None:
        return RpcError(answer.error.code, answer.error.message)
    if answer.result is None:
        raise UpstreamUnavailableError("the answer has neither a result nor an error")
    entries: list[Entry] = []
    decimals: dict[str, int] = {}
    foreign = []
    for item in answer.result.data:
        try:
            transaction = _transaction(item)
        except (IndexError, ValueError) as error:
            raise UpstreamInconsistentError(f"a transaction contradicts itself: {error}") from error
        entry = entry_of(transaction, wallet)
        if entry.deltas:
            _note_decimals(decimals, transaction.tokens, wallet)
        entries.append(entry)
        if not _names(item, wallet):
            foreign.append(entry.signature)
    return Page(tuple(entries), decimals, answer.result.paginationToken, tuple(foreign))


def _transaction(item: _Item) -> Transaction:
    """What changed, with the keys of address lookup tables behind those of the message."""
    meta = item.meta
    keys = _keys(item)
    before, after = meta.preBalances, meta.postBalances
    if not len(keys) == len(before) == len(after):
        raise UpstreamInconsistentError("a transaction has more or fewer balances than accounts")
    is_failed = meta.err is not None
    return Transaction(
        item.transaction.signatures[0],
        item.slot,
        item.transactionIndex,
        item.blockTime,
        is_failed,
        meta.fee,
        keys[0],
        {} if is_failed else _lamport_changes(keys, before, after),
        [] if is_failed else _token_changes(keys, meta),
    )


def _keys(item: _Item) -> list[str]:
    """All accounts, in the order that balances and account indexes follow."""
    keys = item.transaction.message.accountKeys
    loaded = item.meta.loadedAddresses
    return keys if loaded is None else [*keys, *loaded.writable, *loaded.readonly]


def _lamport_changes(keys: list[str], before: list[int], after: list[int]) -> dict[str, int]:
    """Account -> what it gained, for those whose balance differs."""
    if before == after:
        return {}
    return {key: now - was for key, was, now in zip(keys, before, after, strict=True) if was != now}


def _token_changes(keys: list[str], meta: _Meta) -> list[TokenChange]:
    """Token accounts whose amount differs; one that is on one side only was opened or closed."""
    changes: list[TokenChange] = []
    before = {balance.accountIndex: balance for balance in meta.preTokenBalances or ()}
    for balance in meta.postTokenBalances or ():
        earlier = before.get(balance.accountIndex)
        if earlier is None or earlier.mint != balance.mint:
            _add_change(changes, keys, balance, int(balance.uiTokenAmount.amount))
            continue
        del before[balance.accountIndex]
        was, now = earlier.uiTokenAmount.amount, balance.uiTokenAmount.amount
        if was != now:
            _add_change(changes, keys, balance, int(now) - int(was))
    for balance in before.values():
        _add_change(changes, keys, balance, -int(balance.uiTokenAmount.amount))
    return changes


def _add_change(
    changes: list[TokenChange], keys: list[str], balance: _TokenBalance, units: int
) -> None:
    """Add what an account gained; nothing is no change."""
    if not units:
        return
    index = balance.accountIndex
    if not 0 <= index < len(keys):
        raise UpstreamInconsistentError("a token balance belongs to no account of its transaction")
    changes.append(
        TokenChange(keys[index], balance.owner, balance.mint, units, balance.uiTokenAmount.decimals)
    )


def _note_decimals(decimals: dict[str, int], tokens: Iterable[TokenChange], wallet: str) -> None:
    """Add the decimals of the wallet's own changes, by mint."""
    for change in tokens:
        if change.owner == wallet and change.mint != WSOL:
            decimals[change.mint] = change.decimals


def _names(item: _Item, wallet: str) -> bool:
    """Whether the wallet is an account of the transaction, owns one, or may: a balance does not say whose it is."""
    if wallet in item.transaction.message.accountKeys:
        return True
    owners = (wallet, "")
    meta = item.meta
    return wallet in _keys(item) or any(
        balance.owner in owners
        for balances in (meta.preTokenBalances, meta.postTokenBalances)
        for balance in balances or ()
    )
