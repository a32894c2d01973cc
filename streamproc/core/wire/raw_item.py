"""A transaction in the raw wire form, and what changed by it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from streamproc.core.chain.solana import WSOL
from streamproc.core.chain.transactions import TokenChange, Transaction
from streamproc.core.ledger.entries import Unreadable
from streamproc.core.wire.shared import Index, Slot, Time
from streamproc.errors import UpstreamInconsistentError

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


class RawItem(msgspec.Struct, gc=False):
    """One transaction, reduced to what changed as soon as it is decoded, before the parser reads the next one.

    The page's balances are never all in memory: what is let go of is still in the processor's cache, its memory serves
    the next transaction, and the garbage collector has a fraction of the lists to walk over.
    """

    slot: Slot
    transaction: _Body
    meta: _Meta
    transactionIndex: Index | None = None  # noqa: N815
    blockTime: Time | None = None  # noqa: N815
    # Not on the wire, whatever stands there is overwritten:
    changed: Any = None  # Transaction, or Unreadable when it contradicts itself
    keys: Any = (
        None  # list[str]: all accounts, in the order that balances and account indexes follow
    )
    bystanders: Any = None  # list[str]: owners of token accounts that are not in `changed`

    def __post_init__(self) -> None:
        """Keep what changed, and let go of the balances."""
        try:
            self.changed = _transaction(self)
        except (IndexError, ValueError, UpstreamInconsistentError) as error:
            self.changed = _unreadable(self, error)
        self.meta = _LET_GO

    @property
    def signers(self) -> tuple[str, ...]:
        """Who signed it, the fee payer first: as many of the first accounts as there are signatures."""
        body = self.transaction
        return tuple(body.message.accountKeys[: len(body.signatures)])

    def names(self, wallet: str) -> bool:
        """Whether the wallet is an account, owns one, or may: a balance does not say whose it is."""
        if wallet in self.keys:
            return True
        owners = (wallet, "")
        return any(owner in owners for owner in self.bystanders) or any(
            change.owner in owners for change in self.changed.tokens
        )


_LET_GO: Final = _Meta(0, [], [])


def _unreadable(item: RawItem, error: Exception) -> Unreadable:
    """What is said of a transaction that contradicts itself."""
    signatures = item.transaction.signatures
    known = isinstance(error, UpstreamInconsistentError)
    reason = str(error) if known else "it contradicts itself"
    return Unreadable(signatures[0] if signatures else None, item.slot, reason)


def _transaction(item: RawItem) -> Transaction:
    """What changed, with the keys of address lookup tables behind those of the message."""
    meta, body = item.meta, item.transaction
    keys, before, after = body.message.accountKeys, meta.preBalances, meta.postBalances
    if (loaded := meta.loadedAddresses) is not None and (loaded.writable or loaded.readonly):
        keys = keys + loaded.writable + loaded.readonly
    if not len(keys) == len(before) == len(after):
        raise UpstreamInconsistentError("it has more or fewer balances than accounts")
    is_failed = meta.err != _NULL
    bystanders = _owners(meta) if is_failed else []
    item.keys, item.bystanders = keys, bystanders
    lamports = {} if is_failed else _lamport_changes(keys, before, after)
    tokens = [] if is_failed else _token_changes(keys, meta, lamports, bystanders)
    return Transaction(
        body.signatures[0],
        item.slot,
        item.transactionIndex,
        item.blockTime,
        is_failed,
        meta.fee,
        keys[0],
        lamports,
        tokens,
    )


def _owners(meta: _Meta) -> list[str]:
    """Of every token balance."""
    sides = (meta.preTokenBalances, meta.postTokenBalances)
    return [balance.owner for side in sides for balance in side or ()]


def _lamport_changes(keys: list[str], before: list[int], after: list[int]) -> dict[str, int]:
    """Account -> what it gained, for those whose balance differs."""
    return {key: now - was for key, was, now in zip(keys, before, after, strict=True) if was != now}


def _token_changes(
    keys: list[str], meta: _Meta, lamports: dict[str, int], bystanders: list[str]
) -> list[TokenChange]:
    """Token accounts whose amount, owner or lamports differ; one that is on one side only was opened or closed.

    An account that changed its owner becomes two, and `lamports` learns of the old owner's. `bystanders` is given the
    owners of all others.
    """
    changes: list[TokenChange] = []
    pre, post = meta.preBalances, meta.postBalances
    before = {balance.accountIndex: balance for balance in meta.preTokenBalances or ()}
    for now in meta.postTokenBalances or ():
        index, mint, owner, amount = now.accountIndex, now.mint, now.owner, now.uiTokenAmount
        was = before.pop(index, None)
        if was is None:
            units = int(amount.amount)
        elif was.owner != owner or was.mint != mint:
            _add_changed_hands(changes, keys, meta, (was, now), lamports)
            bystanders += (was.owner, owner)
            continue
        elif (earlier := was.uiTokenAmount.amount) == amount.amount:
            units = 0
        else:
            units = int(amount.amount) - int(earlier)
        if units or pre[index] != post[index]:
            changes.append(TokenChange(keys[index], owner, mint, units, amount.decimals))
        else:
            bystanders.append(owner)
    for was in before.values():
        _add_change(changes, keys, meta, was, -int(was.uiTokenAmount.amount))
        bystanders.append(was.owner)
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
