"""The enhanced wire form: a list of parsed transactions, newest first, read for one wallet."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from streamproc import limits
from streamproc.core.chain.solana import QUOTE_DECIMALS
from streamproc.core.chain.transactions import TokenChange, Transaction
from streamproc.core.ledger.entries import Page, Unreadable, mints_of
from streamproc.core.ledger.ledger import entry_of
from streamproc.core.wire.shared import MOST_DECIMALS, Slot, Time, unreadable_of
from streamproc.core.wire.transfers import NativeTransfer, TokenTransfer, moved_by
from streamproc.errors import UpstreamUnavailableError
from streamproc.json_types import JsonValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class _Amount(msgspec.Struct, gc=False):
    tokenAmount: str  # noqa: N815 - the wire's name, as below
    decimals: int


class _TokenBalanceChange(msgspec.Struct, gc=False):
    tokenAccount: str  # noqa: N815
    mint: str
    rawTokenAmount: _Amount  # noqa: N815
    userAccount: str | None = None  # noqa: N815


class _Account(msgspec.Struct, gc=False):
    account: str
    nativeBalanceChange: int = 0  # noqa: N815
    tokenBalanceChanges: list[_TokenBalanceChange] | None = None  # noqa: N815


class _NativeTransfer(msgspec.Struct, gc=False):
    amount: int = 0
    fromUserAccount: str | None = None  # noqa: N815
    toUserAccount: str | None = None  # noqa: N815


class _TokenTransfer(msgspec.Struct, gc=False):
    mint: str
    tokenAmount: Decimal = Decimal(0)  # noqa: N815
    fromUserAccount: str | None = None  # noqa: N815
    toUserAccount: str | None = None  # noqa: N815
    fromTokenAccount: str | None = None  # noqa: N815
    toTokenAccount: str | None = None  # noqa: N815


class _Record(msgspec.Struct, gc=False):
    """A record; recordings that were cut down may lack anything but the signature."""

    signature: str
    slot: Slot | None = None
    timestamp: Time | None = None
    fee: int | None = None
    feePayer: str | None = None  # noqa: N815
    transactionError: JsonValue = None  # noqa: N815
    accountData: list[_Account] | None = None  # noqa: N815
    # Read only where balances are missing, or to see whether a record names the wallet at all.
    nativeTransfers: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815
    tokenTransfers: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815


_RECORDS: Final = msgspec.json.Decoder(list[_Record])
_ROUGH_RECORDS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_RECORD: Final = msgspec.json.Decoder(_Record)
_NATIVE: Final = msgspec.json.Decoder(list[_NativeTransfer] | None)
_TOKENS: Final = msgspec.json.Decoder(list[_TokenTransfer] | None)


def enhanced_page(
    body: bytes, wallet: str, known_decimals: Mapping[str, int], *, first_position: int = 0
) -> Page:
    """The entries of a list's records in its order, each with a negative index that keeps the order inside a slot.

    `first_position` is how many records of the same walk, newest first, came before this page. A record without slot
    gets slot 0, so that it has the same key whatever page it is on; without a fee it is what the balances lost in sum,
    without a fee payer the first account. Records whose native changes do not add up to -fee are read from their
    transfers and marked estimated, with the decimals of this page's balances, else `known_decimals`. One that cannot be
    read is named in `unreadable`, and costs nothing but itself and its place in the list.
    Raises UpstreamUnavailableError for a body that is cut off, no JSON, nested too deep or no such list.
    """
    records = _decoded(body)
    decimals = {**known_decimals, **QUOTE_DECIMALS, **_decimals(records)}
    entries, foreign, unreadable = [], [], []
    mints: set[str] = set()
    unknown: set[str] = set()
    for position, record in enumerate(records, first_position):
        if isinstance(record, Unreadable):
            unreadable.append(record)
            continue
        found = _transaction_or_fault(record, wallet, decimals, -1 - position)
        if isinstance(found, Unreadable):
            unreadable.append(found)
            continue
        transaction, unread = found
        entry = entry_of(transaction, wallet)
        entries.append(entry)
        mints.update(mints_of(entry, wallet))
        unknown |= unread
        if not _names(record, transaction, wallet):
            foreign.append(entry.signature)
    return Page(
        entries=tuple(entries),
        decimals=_possible(decimals, mints),
        foreign=tuple(foreign),
        unknown_decimals=tuple(sorted(unknown)),
        unreadable=tuple(unreadable),
    )


_NO_AMOUNT: Final = "an amount of it is none"


def _decoded(body: bytes) -> Sequence[_Record | Unreadable]:
    """The records; those that are none by what can be read of them. UpstreamUnavailableError when it is no list."""
    try:
        return _records(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamUnavailableError(f"the answer cannot be read: {error}") from error


def _records(body: bytes) -> Sequence[_Record | Unreadable]:
    try:
        return _RECORDS.decode(body)
    except msgspec.ValidationError:
        rough = _ROUGH_RECORDS.decode(body)
    if len(rough) > limits.ENHANCED_PAGE:
        raise msgspec.ValidationError(f"the list has {len(rough)} records, which nobody asked for")
    records = [_record(raw) for raw in rough]
    if not any(each.signature for each in records):
        raise msgspec.ValidationError("the list has no record with a signature")
    return records


def _record(raw: msgspec.Raw) -> _Record | Unreadable:
    """One record of a list in which one is none."""
    try:
        return _RECORD.decode(raw)
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        return unreadable_of(raw, error)


def _decimals(records: Sequence[_Record | Unreadable]) -> dict[str, int]:
    """Mint -> decimals, as far as balances of any record say."""
    return {
        change.mint: change.rawTokenAmount.decimals
        for record in records
        if isinstance(record, _Record)
        for account in record.accountData or ()
        for change in account.tokenBalanceChanges or ()
    }


def _possible(decimals: Mapping[str, int], mints: Iterable[str]) -> dict[str, int]:
    """The decimals of these mints, where they are ones that a mint can have."""
    return {mint: decimals[mint] for mint in sorted(mints) if 0 <= decimals[mint] <= MOST_DECIMALS}


def _transaction_or_fault(
    record: _Record, wallet: str, decimals: Mapping[str, int], index: int
) -> tuple[Transaction, set[str]] | Unreadable:
    """What `_transaction` returns, or why the record cannot be read."""
    try:
        return _transaction(record, wallet, decimals, index)
    except (msgspec.DecodeError, ValueError, ArithmeticError) as error:
        reason = str(error) if isinstance(error, msgspec.DecodeError) else _NO_AMOUNT
        return Unreadable(record.signature, record.slot, reason)


def _transaction(
    record: _Record, wallet: str, decimals: Mapping[str, int], index: int
) -> tuple[Transaction, set[str]]:
    """What changed, and the mints whose transfers could not be read because nobody knows their decimals."""
    accounts = record.accountData or []
    lamports = {account.account: account.nativeBalanceChange for account in accounts}
    total = sum(lamports.values())
    fee = max(0, -total) if record.fee is None else record.fee
    payer = record.feePayer or (accounts[0].account if accounts else "")
    whole = Transaction(
        record.signature,
        record.slot or 0,
        index,
        record.timestamp,
        record.transactionError is not None,
        fee,
        payer,
        lamports,
        _token_changes(accounts),
        names_owners=False,
    )
    if whole.failed or (accounts and total == -fee):
        return whole, set()
    return _estimated(whole, record, wallet, decimals)


def _token_changes(accounts: list[_Account]) -> list[TokenChange]:
    """One change for each token account and mint, those that cancel out left out."""
    sums: dict[tuple[str, str], TokenChange] = {}
    for account in accounts:
        for item in account.tokenBalanceChanges or ():
            key = item.tokenAccount, item.mint
            units = int(item.rawTokenAmount.tokenAmount)
            if key in sums:
                units += sums[key].units
            sums[key] = TokenChange(
                *key[:1], item.userAccount or "", item.mint, units, item.rawTokenAmount.decimals
            )
    return [change for change in sums.values() if change.units]


def _estimated(
    whole: Transaction, record: _Record, wallet: str, decimals: Mapping[str, int]
) -> tuple[Transaction, set[str]]:
    """The transaction as its transfers have it, and the mints that could not be read."""
    natives = [
        NativeTransfer(each.fromUserAccount or "", each.toUserAccount or "", each.amount)
        for each in _NATIVE.decode(record.nativeTransfers) or ()
    ]
    tokens, unknown = [], set()
    for each in _TOKENS.decode(record.tokenTransfers) or ():
        transfer = TokenTransfer(
            mint=each.mint,
            sender=each.fromUserAccount or "",
            receiver=each.toUserAccount or "",
            source=each.fromTokenAccount or "",
            destination=each.toTokenAccount or "",
            amount=each.tokenAmount,
        )
        if each.mint in decimals:
            tokens.append(transfer)
        elif wallet in {transfer.sender, transfer.receiver}:
            unknown.add(each.mint)
    return moved_by(whole, wallet, natives, tokens, decimals), unknown


def _names(record: _Record, transaction: Transaction, wallet: str) -> bool:
    """Whether the wallet is an account of the record, owns one, or stands in its transfers."""
    if transaction.payer == wallet or wallet in transaction.lamports:
        return True
    if any(change.owner in {wallet, ""} for change in transaction.tokens):
        return True
    quoted = f'"{wallet}"'.encode()
    return quoted in bytes(record.nativeTransfers) or quoted in bytes(record.tokenTransfers)
