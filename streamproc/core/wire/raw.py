"""The raw wire form: a JSON-RPC answer of getTransactionsForAddress, read for one wallet.

This is the hot path: typed structs skip what is not needed at the speed of the parser, and Python objects are made for
what changed only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamproc import limits
from streamproc.core.chain.solana import WSOL
from streamproc.core.chain.transactions import TokenChange, Transaction
from streamproc.core.ledger.entries import Page, RpcError, Unreadable, mints_of
from streamproc.core.ledger.ledger import entry_of
from streamproc.core.wire.shared import MOST_DECIMALS, Index, Slot, Time, unreadable_of
from streamproc.errors import UpstreamInconsistentError, UpstreamUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.core.ledger.entries import Entry


_NULL: Final = msgspec.Raw(b"null")


class _Amount(msgspec.Struct, gc=False):
    amount: str
    decimals: int


class _TokenBalance(msgspec.Struct, gc=False):
    accountIndex: Index  # noqa: N815 - the wire's name, as below
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
    err: msgspec.Raw = _NULL  # of any size: only whether there is one counts
    preTokenBalances: list[_TokenBalance] | None = None  # noqa: N815
    postTokenBalances: list[_TokenBalance] | None = None  # noqa: N815
    loadedAddresses: _Loaded | None = None  # noqa: N815


class _Message(msgspec.Struct, gc=False):
    accountKeys: list[str]  # noqa: N815


class _Body(msgspec.Struct, gc=False):
    signatures: list[str]
    message: _Message


class _Item(msgspec.Struct, gc=False):
    slot: Slot
    transaction: _Body
    meta: _Meta
    transactionIndex: Index | None = None  # noqa: N815
    blockTime: Time | None = None  # noqa: N815


class _Result(msgspec.Struct):
    data: list[_Item]
    paginationToken: str | None = None  # noqa: N815


class _RoughResult(msgspec.Struct):
    """A result whose transactions are read one by one, because one of them cannot be."""

    data: list[msgspec.Raw]
    paginationToken: str | None = None  # noqa: N815


class _RoughAnswer(msgspec.Struct):
    result: _RoughResult


class _Error(msgspec.Struct):
    code: int
    message: str = ""


class _Answer(msgspec.Struct):
    result: _Result | None = None
    error: _Error | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_ROUGH_ANSWER: Final = msgspec.json.Decoder(_RoughAnswer)
_ITEM: Final = msgspec.json.Decoder(_Item)


def raw_page(body: bytes | bytearray, wallet: str) -> Page | RpcError:
    """The entries of an answer's transactions in its order, or the JSON-RPC error that it is.

    A transaction that cannot be read (its meta or an owner is null, a field is missing, its balances do not fit its
    accounts) is named in `unreadable`, and costs nothing but itself. Raises UpstreamUnavailableError for a body that is
    cut off, no JSON, nested too deep or no such answer: one whose items are all no transactions too.
    """
    unreadable: list[Unreadable] = []
    try:
        answer = _decoded(body, unreadable)
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
        except (IndexError, ValueError, UpstreamInconsistentError) as error:
            unreadable.append(_unreadable_item(item, error))
            continue
        entry = entry_of(transaction, wallet)
        for mint in mints_of(entry, wallet):
            if mint not in decimals:
                _note_decimals(decimals, transaction.tokens, mint)
        entries.append(entry)
        if transaction.payer != wallet and not _names(item, wallet):
            foreign.append(entry.signature)
    return Page(
        entries=tuple(entries),
        decimals=decimals,
        next_token=answer.result.paginationToken,
        foreign=tuple(foreign),
        unreadable=tuple(unreadable),
    )


def _decoded(body: bytes | bytearray, unreadable: list[Unreadable]) -> _Answer:
    """The answer; when a transaction of it is none, all others, and that one is added to `unreadable`."""
    try:
        return _ANSWER.decode(body)
    except msgspec.ValidationError:
        rough = _ROUGH_ANSWER.decode(body).result
    if len(rough.data) > limits.HISTORY_PAGE_MAX:
        raise UpstreamInconsistentError(
            f"a page of {len(rough.data)} transactions, which nobody asked for"
        )
    items: list[_Item] = []
    for raw in rough.data:
        try:
            items.append(_ITEM.decode(raw))
        except (msgspec.ValidationError, UnicodeDecodeError) as error:
            unreadable.append(unreadable_of(raw, error))
    if not items and not any(each.signature for each in unreadable):
        raise msgspec.ValidationError(unreadable[0].reason if unreadable else "no transactions")
    return _Answer(_Result(items, rough.paginationToken))


def _unreadable_item(item: _Item, error: Exception) -> Unreadable:
    """What is said of a transaction that contradicts itself."""
    signatures = item.transaction.signatures
    known = isinstance(error, UpstreamInconsistentError)
    reason = str(error) if known else "it contradicts itself"
    return Unreadable(signatures[0] if signatures else None, item.slot, reason)


def _transaction(item: _Item) -> Transaction:
    """What changed, with the keys of address lookup tables behind those of the message."""
    meta = item.meta
    keys, before, after = _keys(item), meta.preBalances, meta.postBalances
    if not len(keys) == len(before) == len(after):
        raise UpstreamInconsistentError("it has more or fewer balances than accounts")
    is_failed = meta.err != _NULL
    lamports = {} if is_failed else _lamport_changes(keys, before, after)
    return Transaction(
        item.transaction.signatures[0],
        item.slot,
        item.transactionIndex,
        item.blockTime,
        is_failed,
        meta.fee,
        keys[0],
        lamports,
        [] if is_failed else _token_changes(keys, meta, lamports),
    )


def _keys(item: _Item) -> list[str]:
    """All accounts, in the order that balances and account indexes follow."""
    keys = item.transaction.message.accountKeys
    loaded = item.meta.loadedAddresses
    return keys if loaded is None else [*keys, *loaded.writable, *loaded.readonly]


def _lamport_changes(keys: list[str], before: list[int], after: list[int]) -> dict[str, int]:
    """Account -> what it gained, for those whose balance differs."""
    gained: dict[str, int] = {}
    for key, was, now in zip(keys, before, after, strict=True):
        if was != now:
            gained[key] = now - was
    return gained


def _token_changes(keys: list[str], meta: _Meta, lamports: dict[str, int]) -> list[TokenChange]:
    """Token accounts whose amount, owner or lamports differ; one that is on one side only was opened or closed.

    An account that changed its owner becomes two, and `lamports` learns of the old owner's.
    """
    changes: list[TokenChange] = []
    pre, post = meta.preBalances, meta.postBalances
    before = {balance.accountIndex: balance for balance in meta.preTokenBalances or ()}
    for balance in meta.postTokenBalances or ():
        index = balance.accountIndex
        earlier = before.pop(index, None)
        if earlier is None:
            _add_change(changes, keys, meta, balance, int(balance.uiTokenAmount.amount))
        elif earlier.owner == balance.owner and earlier.mint == balance.mint:
            was, now = earlier.uiTokenAmount.amount, balance.uiTokenAmount
            if was != now.amount or pre[index] != post[index]:
                units = int(now.amount) - int(was)
                changes.append(
                    TokenChange(keys[index], balance.owner, balance.mint, units, now.decimals)
                )
        else:
            _add_changed_hands(changes, keys, meta, (earlier, balance), lamports)
    for balance in before.values():
        _add_change(changes, keys, meta, balance, -int(balance.uiTokenAmount.amount))
    return changes


def _add_change(
    changes: list[TokenChange], keys: list[str], meta: _Meta, balance: _TokenBalance, units: int
) -> None:
    """Add what an account gained; nothing is no change, unless its lamports changed."""
    index = balance.accountIndex
    key = keys[index]
    if units or meta.preBalances[index] != meta.postBalances[index]:
        decimals = balance.uiTokenAmount.decimals
        changes.append(TokenChange(key, balance.owner, balance.mint, units, decimals))


def _add_changed_hands(
    changes: list[TokenChange],
    keys: list[str],
    meta: _Meta,
    balances: tuple[_TokenBalance, _TokenBalance],
    lamports: dict[str, int],
) -> None:
    """Add what an account gained that has another owner or mint than before: its old ones lost all their units.

    An old owner's are those of an account of its own, which loses of WSOL as many lamports; the rent stays. An owner
    that only one side names is no other. What is opened anew for another mint, and is empty, is one account with what
    was closed there.
    """
    was, now = balances
    units, lost = int(now.uiTokenAmount.amount), -int(was.uiTokenAmount.amount)
    has_other_owner = was.owner != now.owner and bool(was.owner and now.owner)
    if was.mint == now.mint and not has_other_owner:
        _add_change(changes, keys, meta, now if now.owner else was, units + lost)
        return
    if units or has_other_owner or not lost:
        _add_change(changes, keys, meta, now, units)
    if not lost:
        return
    account = keys[was.accountIndex]
    if has_other_owner:
        handed = f"{account} of {was.owner}"
        if was.mint == WSOL:
            lamports[handed] = lost
            lamports[account] = lamports.get(account, 0) - lost
        account = handed
    changes.append(TokenChange(account, was.owner, was.mint, lost, was.uiTokenAmount.decimals))


def _note_decimals(decimals: dict[str, int], tokens: Iterable[TokenChange], mint: str) -> None:
    """Add the decimals of this mint, as far as it can have so many."""
    for change in tokens:
        if change.mint == mint and 0 <= change.decimals <= MOST_DECIMALS:
            decimals[mint] = change.decimals
            return


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
