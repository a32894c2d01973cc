"""Answers of getTransaction, read for one wallet; made for a process pool: plain data in and out."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec import structs

from streamproc.core.ledger.entries import Page, RpcError
from streamproc.core.wire.raw import raw_page
from streamproc.errors import UpstreamInconsistentError, UpstreamUnavailableError
from streamproc.upstream.client.sanitize import mended, plausible_packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.ledger.packed import PackedPage

NULL: Final = b"null"


class Placed(NamedTuple):
    """A transaction of the merged lists with its place in them, counted from the newest, and the answer to the call."""

    slot: int
    signature: str
    is_own: bool  # it names the wallet itself
    position: int
    answer: bytes


class Fetched(NamedTuple):
    """What the answers add to a history."""

    page: PackedPage
    token_accounts: tuple[str, ...]  # that the wallet owned at some time
    missing: tuple[int, ...]  # slots of listed transactions that the endpoint does not have


class _Units(msgspec.Struct, gc=False):
    amount: str


class _Balance(msgspec.Struct, gc=False):
    accountIndex: int  # noqa: N815 - the wire's name, as below
    uiTokenAmount: _Units  # noqa: N815
    owner: str | None = None


class _Loaded(msgspec.Struct, gc=False):
    writable: list[str] = []
    readonly: list[str] = []


class _Meta(msgspec.Struct, gc=False):
    preTokenBalances: list[_Balance] | None = None  # noqa: N815
    postTokenBalances: list[_Balance] | None = None  # noqa: N815
    loadedAddresses: _Loaded | None = None  # noqa: N815


class _Message(msgspec.Struct, gc=False):
    accountKeys: list[str]  # noqa: N815


class _Body(msgspec.Struct, gc=False):
    message: _Message


class _Transaction(msgspec.Struct, gc=False):
    transaction: _Body
    meta: _Meta | None = None


_TRANSACTION: Final = msgspec.json.Decoder(_Transaction)


def read_transactions(wallet: str, placed: Sequence[Placed]) -> Fetched:
    """The entries of those that concern the wallet: it is named, or an amount that it owns has changed.

    Raises UpstreamInconsistentError for a transaction that was not asked for, or is not of the slot that it was listed
    with.
    """
    there = [each for each in placed if each.answer != NULL]
    page = _page(b'{"result":{"data":[' + b",".join(each.answer for each in there) + b"]}}", wallet)
    by_signature = {each.signature: each for each in there}
    accounts: set[str] = set()
    concerned = set()
    for each in there:
        owned, has_changed = _owned(each.answer, wallet)
        accounts |= owned
        if each.is_own or has_changed:
            concerned.add(each.signature)
    entries = []
    for entry in page.entries:
        asked = by_signature.get(entry.signature)
        if asked is None or asked.slot != entry.slot:
            raise UpstreamInconsistentError("a transaction came that was not asked for")
        if entry.signature in concerned:
            index = -1 - asked.position if entry.index is None else entry.index
            entries.append(structs.replace(entry, index=index))
    if concerned & set(page.foreign):
        raise UpstreamInconsistentError(
            f"the upstream listed for {wallet} a transaction that does not name it"
        )
    shown = replace(page, entries=tuple(entries), next_token=None, foreign=())
    missing = tuple(sorted({each.slot for each in placed if each.answer == NULL}))
    return Fetched(plausible_packed(shown, wallet, time.time()), tuple(sorted(accounts)), missing)


def _page(body: bytes, wallet: str) -> Page:
    """The page that the transactions make."""
    try:
        page = raw_page(body, wallet)
    except UpstreamUnavailableError:
        page = raw_page(mended(body), wallet)
    assert not isinstance(page, RpcError)  # noqa: S101 - we have made the envelope
    return page


def _owned(answer: bytes, wallet: str) -> tuple[set[str], bool]:
    """The wallet's token accounts in a transaction, and whether one of their amounts has changed."""
    try:
        read = _TRANSACTION.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return set(), True  # nobody can tell; whether it can be read is said elsewhere
    meta = read.meta or _Meta()
    loaded = meta.loadedAddresses or _Loaded()
    keys = [*read.transaction.message.accountKeys, *loaded.writable, *loaded.readonly]
    before, after = (
        {
            each.accountIndex: each.uiTokenAmount.amount
            for each in listed or ()
            if each.owner == wallet
        }
        for listed in (meta.preTokenBalances, meta.postTokenBalances)
    )
    indexes = before.keys() | after.keys()
    has_changed = any(before.get(index, "0") != after.get(index, "0") for index in indexes)
    return {keys[index] for index in indexes if 0 <= index < len(keys)}, has_changed
