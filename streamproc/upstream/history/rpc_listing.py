"""Histories by the standard methods that every provider has: lists of signatures, then transactions one by one."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Final

import msgspec

from streamproc import limits
from streamproc.core.chain.solana import TOKEN_PROGRAMS
from streamproc.core.estimate import Extent
from streamproc.core.ledger.packed import PackedEntries
from streamproc.core.ledger.ranges import SlotRange, gaps
from streamproc.errors import CreditBudgetExceededError
from streamproc.upstream.client.calls import PLAIN_CREDITS, Call
from streamproc.upstream.client.rpc import rpc_query
from streamproc.upstream.client.rpc_batch import Batches
from streamproc.upstream.history.cursor import HistoryPage, SlotCursor
from streamproc.upstream.history.full_page import TRANSACTION_VERSION
from streamproc.upstream.history.rpc_signatures import Listed, SignatureLists
from streamproc.upstream.history.rpc_transactions import Fetched, Placed, read_transactions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.clock import Timing
    from streamproc.upstream.client.retry import Caller
    from streamproc.upstream.history.cursor import Remaining, Span

METHOD: Final = "rpc"
TRANSACTION: Final = "getTransaction"
ACCOUNTS: Final = "getTokenAccountsByOwner"


class _TokenAccount(msgspec.Struct):
    pubkey: str


class _TokenAccounts(msgspec.Struct):
    value: list[_TokenAccount]


class _Answer(msgspec.Struct):
    result: _TokenAccounts


_ANSWER: Final = msgspec.json.Decoder(_Answer)


class RpcHistory:
    """The last choice and every provider's: a credit a call, and a call a transaction.

    The wallet's own list misses what names its token accounts only, so theirs are listed too: those that are open now,
    those known from before, and closed ones as they appear in the wallet's transactions. Who closes an account has
    its owner sign, so coming down from the top its closing is met before anything else of it.
    """

    name = METHOD

    def __init__(self, caller: Caller, url: str, timing: Timing, *, per_s: float) -> None:
        """Ask there, so many calls a second at most."""
        self._caller = caller
        self._url = url
        self._batches = Batches(caller, url, timing, per_s=per_s)

    async def pages(
        self, wallet: str, span: Span, remaining: Remaining, permit: Permit
    ) -> AsyncGenerator[HistoryPage, None]:
        """The pages of a span, newest first."""
        lists = SignatureLists(wallet, self._batches, permit, span.from_slot, span.to_slot)
        lists.add(span.token_accounts)
        lists.add(await self._open_accounts(wallet, permit))
        slot_cursor, position = SlotCursor(wallet, span.from_slot, span.to_slot), span.position
        told = set(span.token_accounts)
        while True:
            most = remaining.page_size(max(self._batches.size, limits.RPC_SINGLES_AT_ONCE))
            listed = await lists.next(most)
            placed, refused = await self._fetched(listed, position, permit)
            position += len(placed)
            found = await self._read(wallet, placed)
            are_new = lists.add(found.token_accounts) > 0
            is_last = lists.is_over and not are_new and refused is None
            remaining.take(found.page.entries.signatures)
            for page in _shown(found, placed, slot_cursor, is_last=is_last):
                yield page._replace(token_accounts=tuple(sorted(lists.accounts - told)))
                told |= lists.accounts
            if refused is not None:
                raise refused
            if is_last or (remaining.is_over() and slot_cursor.has_closed):
                break
        if is_last and slot_cursor.upper is None and span.from_slot == 0:
            yield HistoryPage(PackedEntries(wallet), SlotRange(0, 0), {}, METHOD)

    async def extent(self, wallet: str, permit: Permit, most: int | None = None) -> Extent:
        """How many transactions there are, up to so many, and what listing them takes; counted by lists of a thousand.

        What names closed token accounts only is not among them: the transactions themselves tell of these.
        """
        lists = SignatureLists(wallet, self._batches, permit, 0, None)
        lists.add(await self._open_accounts(wallet, permit))
        most = min(most or limits.PROBED_MAX, limits.PROBED_MAX)
        found = 0
        while listed := await lists.next(min(most - found, limits.RPC_SIGNATURES)):
            found += len(listed)
        calls = lists.calls + len(TOKEN_PROGRAMS)
        return Extent(wallet, found, is_exact=False, listing_calls=calls)

    async def _fetched(
        self, listed: Sequence[Listed], position: int, permit: Permit
    ) -> tuple[list[Placed], CreditBudgetExceededError | None]:
        """The transactions; without the credits for all of them the first ones, and why no more came."""
        options = {
            "encoding": "json",
            "commitment": "finalized",
            "maxSupportedTransactionVersion": TRANSACTION_VERSION,
        }
        params: dict[str, list[object]] = {
            each.signature: [each.signature, options] for each in listed
        }
        got: dict[str, bytes] = {}
        refused: CreditBudgetExceededError | None = None
        try:
            await self._batches.ask(TRANSACTION, params, permit, got)
        except CreditBudgetExceededError as error:
            refused = error
        there = takewhile(lambda each: each.signature in got, listed)
        placed = [
            Placed(*each, position + number, got[each.signature])
            for number, each in enumerate(there)
        ]
        return placed, refused

    async def _read(self, wallet: str, placed: Sequence[Placed]) -> Fetched:
        """What the answers add, read in a process of the pool when it is much."""
        if sum(len(each.answer) for each in placed) < limits.INLINE_ANSWERS_BYTES:
            return read_transactions(wallet, placed)
        return await self._caller.run(read_transactions, wallet, placed)

    async def _open_accounts(self, wallet: str, permit: Permit) -> list[str]:
        """The wallet's token accounts now."""
        found: list[str] = []
        for program in TOKEN_PROGRAMS:
            options = {
                "encoding": "base64",
                "dataSlice": {"offset": 0, "length": 0},
                "commitment": "finalized",
            }
            params = [wallet, {"programId": program}, options]
            call = Call("rpc", ACCOUNTS, PLAIN_CREDITS)
            answer = await self._caller.ask(rpc_query(self._url, call, params, _ANSWER), permit)
            found += [each.pubkey for each in answer.result.value]
        return found


def _shown(
    found: Fetched, placed: Sequence[Placed], slot_cursor: SlotCursor, *, is_last: bool
) -> Iterator[HistoryPage]:
    """The pages that answers make: slots of which something is missing stay open, and part them."""
    slots = [each.slot for each in placed]
    closed = slot_cursor.closed_to_the_end(slots) if is_last else slot_cursor.closed_down_to(slots)
    entries, decimals = found.page.entries, found.page.decimals
    parts: list[SlotRange | None] = []
    if closed is not None:
        holes = [(slot, slot) for slot in found.missing]
        parts += gaps(holes, from_slot=closed.from_slot, to_slot=closed.to_slot)
    if entries or parts or found.page.unreadable:
        first = parts[0] if parts else None
        yield HistoryPage(entries, first, decimals, METHOD, found.page.unreadable)
    for part in parts[1:]:
        yield HistoryPage(PackedEntries(slot_cursor.wallet), part, {}, METHOD)
