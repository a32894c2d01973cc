"""The raw wire form: a JSON-RPC answer of getTransactionsForAddress, read for one wallet.

This is the hot path: typed structs skip what is not needed at the speed of the parser, and Python objects are made for
what changed only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streamproc import limits
from streamproc.core.ledger.entries import Page, RpcError, Unreadable, mints_of
from streamproc.core.ledger.ledger import entry_of
from streamproc.core.wire.raw_item import RawItem
from streamproc.core.wire.shared import MOST_DECIMALS, unreadable_of
from streamproc.errors import UpstreamInconsistentError, UpstreamUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.core.chain.transactions import TokenChange, Transaction
    from streamproc.core.ledger.entries import Entry


class _Result(msgspec.Struct):
    data: list[RawItem]
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
_ITEM: Final = msgspec.json.Decoder(RawItem)


class Signed(NamedTuple):
    """A transaction, and who signed it: the fee payer first."""

    transaction: Transaction
    signers: tuple[str, ...]


class SignedPage(NamedTuple):
    """One answer of the upstream, read for nobody in particular."""

    transactions: tuple[Signed, ...]
    unreadable: int  # transactions that could not be read
    next_token: str | None


def raw_page(body: bytes | bytearray, wallet: str) -> Page | RpcError:
    """The entries of an answer's transactions in its order, or the JSON-RPC error that it is.

    A transaction that cannot be read (its meta or an owner is null, a field is missing, its balances do not fit its
    accounts) is named in `unreadable`, and costs nothing but itself. Raises UpstreamUnavailableError for a body that is
    cut off, no JSON, nested too deep or no such answer: one whose items are all no transactions too.
    """
    unreadable: list[Unreadable] = []
    result = _result(body, unreadable)
    if isinstance(result, RpcError):
        return result
    entries: list[Entry] = []
    decimals: dict[str, int] = {}
    foreign = []
    for item in result.data:
        transaction = item.changed
        if isinstance(transaction, Unreadable):
            unreadable.append(transaction)
            continue
        entry = entry_of(transaction, wallet)
        for mint in mints_of(entry, wallet):
            if mint not in decimals:
                _note_decimals(decimals, transaction.tokens, mint)
        entries.append(entry)
        if transaction.payer != wallet and not item.names(wallet):
            foreign.append(entry.signature)
    return Page(
        entries=tuple(entries),
        decimals=decimals,
        next_token=result.paginationToken,
        foreign=tuple(foreign),
        unreadable=tuple(unreadable),
    )


def raw_transactions(body: bytes | bytearray) -> SignedPage | RpcError:
    """The transactions of an answer in its order, whoever looks at them; otherwise as `raw_page`."""
    unreadable: list[Unreadable] = []
    result = _result(body, unreadable)
    if isinstance(result, RpcError):
        return result
    read = [item for item in result.data if not isinstance(item.changed, Unreadable)]
    odd = len(unreadable) + len(result.data) - len(read)
    return SignedPage(
        tuple(Signed(item.changed, item.signers) for item in read), odd, result.paginationToken
    )


def _result(body: bytes | bytearray, unreadable: list[Unreadable]) -> _Result | RpcError:
    """The answer's result, or the JSON-RPC error that it is; what is no transaction is added to `unreadable`."""
    try:
        answer = _decoded(body, unreadable)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamUnavailableError(f"the answer cannot be read: {error}") from error
    if answer.error is not None:
        return RpcError(answer.error.code, answer.error.message)
    if answer.result is None:
        raise UpstreamUnavailableError("the answer has neither a result nor an error")
    return answer.result


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
    items: list[RawItem] = []
    for raw in rough.data:
        try:
            items.append(_ITEM.decode(raw))
        except (msgspec.ValidationError, UnicodeDecodeError) as error:
            unreadable.append(unreadable_of(raw, error))
    if not items and not any(each.signature for each in unreadable):
        raise msgspec.ValidationError(unreadable[0].reason if unreadable else "no transactions")
    return _Answer(_Result(items, rough.paginationToken))


def _note_decimals(decimals: dict[str, int], tokens: Iterable[TokenChange], mint: str) -> None:
    """Add the decimals of this mint, as far as it can have so many."""
    for change in tokens:
        if change.mint == mint and 0 <= change.decimals <= MOST_DECIMALS:
            decimals[mint] = change.decimals
            return
