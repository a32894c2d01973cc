"""Lists of signatures, one for each address of a wallet, merged from the newest to the oldest."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streamproc import limits
from streamproc.errors import UpstreamInconsistentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.rpc_batch import Batches

METHOD: Final = "getSignaturesForAddress"
SLOT_MAX: Final = 2**62  # of what the store keeps as a number


class Listed(NamedTuple):
    """A transaction of a list; `is_own` when it names the wallet itself."""

    slot: int
    signature: str
    is_own: bool


class _Row(msgspec.Struct):
    signature: str
    slot: int


_ROWS: Final = msgspec.json.Decoder(list[_Row])


@dataclass(eq=False)
class SignatureList:
    """What is known of one address's list, newest first; it ends with an empty page, and nothing else ends it."""

    address: str
    from_slot: int
    to_slot: int | None
    rows: deque[_Row] = field(default_factory=deque)
    before: str | None = None
    is_done: bool = False
    _lowest: int = SLOT_MAX
    _cursors: set[str] = field(default_factory=set)

    def params(self) -> list[object]:
        """Those of the next call."""
        options: dict[str, object] = {"limit": limits.RPC_SIGNATURES, "commitment": "finalized"}
        if self.before is not None:
            options["before"] = self.before
        return [self.address, options]

    def add(self, answer: bytes) -> None:
        """Take the answer to a call; raises UpstreamInconsistentError for a list that does not go on downwards."""
        try:
            rows = _ROWS.decode(answer)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UpstreamInconsistentError(f"a list of signatures is none: {error}") from None
        if not rows:
            self.is_done = True
            return
        for row in rows:
            if not 0 < row.slot <= self._lowest:
                raise UpstreamInconsistentError("a list of signatures is not in the order of slots")
            self._lowest = row.slot
        if rows[-1].signature in self._cursors:
            raise UpstreamInconsistentError("a list of signatures does not go on")
        self.before = rows[-1].signature
        self._cursors.add(self.before)
        self.is_done = self._lowest < self.from_slot
        most = SLOT_MAX if self.to_slot is None else self.to_slot
        self.rows += [row for row in rows if self.from_slot <= row.slot <= most]

    @property
    def is_short(self) -> bool:
        """Whether more of the slot at the top, or anything at all, may come with the next page."""
        return not self.is_done and (not self.rows or self.rows[0].slot == self.rows[-1].slot)

    def of_slot(self, slot: int) -> Iterator[str]:
        """The signatures of the slot at the top."""
        for row in self.rows:
            if row.slot != slot:
                return
            yield row.signature

    def drop(self, signature: str) -> None:
        """Take a signature of the slot at the top out."""
        slot = self.rows[0].slot
        for place, row in enumerate(self.rows):
            if row.slot != slot:
                return
            if row.signature == signature:
                del self.rows[place]
                return


class SignatureLists:
    """All lists of one wallet: each transaction once, from the newest to the oldest, in their order inside a slot."""

    def __init__(
        self, wallet: str, batches: Batches, permit: Permit, from_slot: int, to_slot: int | None
    ) -> None:
        """Nothing is asked yet."""
        self._batches = batches
        self._permit = permit
        self._span = from_slot, to_slot
        self._known: set[str] = set()
        self._short: list[SignatureList] = []  # their next page may be what is needed first
        self._heap: list[tuple[int, int, SignatureList]] = []
        self._made = 0
        self._seen: set[str] = set()
        self._wallet = wallet
        self.calls = 0
        self.add([wallet])

    @property
    def accounts(self) -> set[str]:
        """The token accounts whose lists are among them."""
        return self._known - {self._wallet}

    @property
    def is_over(self) -> bool:
        """Whether all lists have ended."""
        return not self._heap and not self._short

    def add(self, addresses: Iterable[str]) -> int:
        """Have these addresses' lists too; how many there are that were not among them."""
        new = dict.fromkeys(each for each in addresses if each not in self._known)
        self._known.update(new)
        self._short += [SignatureList(address, *self._span) for address in new]
        return len(new)

    async def next(self, most: int) -> list[Listed]:
        """At most so many of the next transactions; none when all lists have ended."""
        found: list[Listed] = []
        while len(found) < most:
            await self._fill()
            if not self._heap:
                break
            each = self._pop()
            if each.signature not in self._seen:
                self._seen.add(each.signature)
                found.append(each)
        return found

    async def _fill(self) -> None:
        """Ask for the next page of every list that is short: the newest transaction may be in it, or its order."""
        while self._short:
            got: dict[str, bytes] = {}
            asked = {each.address: each.params() for each in self._short}
            self.calls += len(asked)
            await self._batches.ask(METHOD, asked, self._permit, got)
            filled, self._short = self._short, []
            for each in filled:
                each.add(got[each.address])
                self._put(each)

    def _put(self, each: SignatureList) -> None:
        """Put a list where it belongs now."""
        if each.is_short:
            self._short.append(each)
        elif each.rows:
            self._made += 1
            heapq.heappush(self._heap, (-each.rows[0].slot, self._made, each))

    def _pop(self) -> Listed:
        """The newest transaction, out of all lists that have it at their top slot."""
        slot = -self._heap[0][0]
        tops: list[SignatureList] = []
        while self._heap and self._heap[0][0] == -slot:
            tops.append(heapq.heappop(self._heap)[2])
        signature = _newest(tops, slot)
        is_own = any(
            each.address == self._wallet and signature in each.of_slot(slot) for each in tops
        )
        for each in tops:
            each.drop(signature)
            self._put(each)
        return Listed(slot, signature, is_own)


def _newest(tops: list[SignatureList], slot: int) -> str:
    """The signature of this slot that no list has behind another one; any when the lists contradict each other."""
    heads = [each.rows[0].signature for each in tops]
    if len(tops) == 1:
        return heads[0]
    behind = {
        signature
        for each in tops
        for place, signature in enumerate(each.of_slot(slot))
        if place > 0
    }
    return next((head for head in heads if head not in behind), heads[0])
