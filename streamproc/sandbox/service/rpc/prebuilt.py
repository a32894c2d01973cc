"""Pages of full transactions, put together from pieces that were rendered and compressed before anybody asked.

Each transaction is its own run of deflate blocks that refers to nothing before it, so any page, in any order, from any
token, within any slots, is a matter of joining bytes: serving costs a benchmark's machine next to nothing.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import deflate
import orjson

from streamproc.sandbox.service.counters import full_page_credits
from streamproc.sandbox.service.rpc.checksum import joined_checksum, rest_checksum
from streamproc.sandbox.service.rpc.paging import page_request, token_of
from streamproc.sandbox.service.versions import refuse_newer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamproc.sandbox.service.rpc.paging import PageRequest
    from streamproc.sandbox.wire.archive import Archive, Record

GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
RAW_WINDOW: Final = -15  # deflate without a wrapper
LEVEL: Final = 6
SLOT_BOUNDS: Final = frozenset({"gt", "gte", "lt", "lte"})
SLOT_MAX: Final = 2**63


class PrebuiltPage(NamedTuple):
    """A whole JSON-RPC answer as one gzip member, how many transactions it has, and what it costs."""

    body: bytes
    transactions: int
    credits: int


class _Run:
    """How long the pieces are before each place, one after the other in one order, and their checksum."""

    def __init__(self) -> None:
        """Before the first piece."""
        self.sizes = array("Q", [0])
        self.checksums = array("I", [0])

    def add(self, checksum: int, size: int) -> None:
        """Go past one more piece."""
        self.sizes.append(self.sizes[-1] + size)
        self.checksums.append(joined_checksum(self.checksums[-1], checksum, size))

    def between(self, first: int, last: int) -> tuple[int, int]:
        """The checksum and the size of the pieces from one place up to, and without, another."""
        size = self.sizes[last] - self.sizes[first]
        return rest_checksum(self.checksums[last], self.checksums[first], size), size


@dataclass
class _History:
    """One address's transactions, oldest first: where they are, and as compressed JSON."""

    records: list[Record] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    packed: list[bytes] = field(default_factory=list)
    upwards: _Run = field(default_factory=_Run)
    downwards: _Run = field(default_factory=_Run)


class _Piece(NamedTuple):
    """One transaction with a comma behind it."""

    packed: bytes
    checksum: int
    size: int


class PrebuiltPages:
    """Answers to `getTransactionsForAddress` for some addresses, in full mode with bounds of slots and nothing else."""

    def __init__(self, archive: Archive, addresses: Iterable[str]) -> None:
        """Render and compress everything that these addresses may be asked for."""
        self._archive = archive
        self.newest_slot = SLOT_MAX  # what is later is kept back, as if it had not happened yet
        pieces: dict[int, _Piece] = {}
        self._histories = {
            (address, token_accounts): self._built(address, token_accounts, pieces)
            for address in addresses
            for token_accounts in ("none", "balanceChanged")
        }

    def page(self, params: Sequence[object], rpc_id: object) -> PrebuiltPage | None:
        """The answer; None for a call that was not prepared for. Raises RpcError as the plain way does."""
        request = page_request(params)
        history = self._histories.get((request.address, request.token_accounts))
        bounds = _slots(request)
        if history is None or bounds is None or not request.full or request.status != "any":
            return None
        low, high = bounds
        first, last = _span(history, request, (low, min(high, self.newest_slot)))
        size = min(request.limit, last - first)
        is_last = size == last - first
        chosen = range(first, first + size)
        if not request.ascending:
            chosen = range(last - 1, last - 1 - size, -1)
        refuse_newer((history.records[place] for place in chosen), request.reads_version)
        token = None if is_last else token_of(history.records[chosen[-1]])
        return PrebuiltPage(_joined(history, chosen, token, rpc_id), size, full_page_credits(size))

    def _built(self, address: str, token_accounts: str, pieces: dict[int, _Piece]) -> _History:
        """The address's history, from pieces that other histories may have as well."""
        built = _History()
        for record in self._archive.history(address, token_accounts):
            if record.number not in pieces:
                plain = (self._archive.raw(record) or b"null") + b","
                pieces[record.number] = _Piece(_packed(plain), deflate.crc32(plain), len(plain))
            piece = pieces[record.number]
            built.records.append(record)
            built.places.append((record.slot, record.index))
            built.packed.append(piece.packed)
            built.upwards.add(piece.checksum, piece.size)
        for record in reversed(built.records):
            built.downwards.add(pieces[record.number].checksum, pieces[record.number].size)
        return built


def _slots(request: PageRequest) -> tuple[int, int] | None:
    """The lowest and the highest slot that are asked for; None when there are other bounds."""
    low, high = 0, SLOT_MAX
    for name, how, bound in request.bounds:
        if name != "slot" or how not in SLOT_BOUNDS:
            return None
        if how in {"gt", "gte"}:
            low = max(low, bound + (how == "gt"))
        else:
            high = min(high, bound - (how == "lt"))
    return low, high


def _span(history: _History, request: PageRequest, bounds: tuple[int, int]) -> tuple[int, int]:
    """Where the transactions begin and end that are left to be listed."""
    first = bisect_left(history.places, (bounds[0], -1))
    last = bisect_left(history.places, (bounds[1] + 1, -1))
    if request.after is not None and request.ascending:
        first = max(first, bisect_right(history.places, request.after))
    elif request.after is not None:
        last = min(last, bisect_left(history.places, request.after))
    return first, max(first, last)


def _joined(history: _History, chosen: range, token: str | None, rpc_id: object) -> bytes:
    """One gzip member: the head, the pieces, and an end; the commas between pieces are theirs."""
    head = b'{"jsonrpc":"2.0","id":' + orjson.dumps(rpc_id) + b',"result":{"data":['
    tail = b'],"paginationToken":' + orjson.dumps(token) + b"}}"
    packed = [GZIP_HEAD, _packed(head)]
    checksum, size = deflate.crc32(head), len(head)
    if chosen:
        packed += [history.packed[position] for position in chosen[:-1]]
        between, between_size = _between(history, chosen[:-1])
        checksum = joined_checksum(checksum, between, between_size)
        last = _unpacked(history.packed[chosen[-1]])[:-1]  # no comma after it
        tail, size = last + tail, size + between_size
    packed.append(_packed(tail, is_last=True))
    checksum, size = deflate.crc32(tail, checksum), size + len(tail)
    packed += [checksum.to_bytes(4, "little"), (size % 2**32).to_bytes(4, "little")]
    return b"".join(packed)


def _between(history: _History, chosen: range) -> tuple[int, int]:
    """The checksum and the size of these pieces in their order."""
    if chosen.step > 0 or not chosen:
        return history.upwards.between(chosen.start, chosen.start + len(chosen))
    first = len(history.records) - 1 - chosen.start
    return history.downwards.between(first, first + len(chosen))


def _unpacked(packed: bytes) -> bytes:
    """What a piece was before."""
    return zlib.decompressobj(RAW_WINDOW).decompress(packed)


def _packed(plain: bytes, *, is_last: bool = False) -> bytes:
    """The bytes as deflate blocks that end at a byte and need nothing before them."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, RAW_WINDOW)
    return packer.compress(plain) + packer.flush(zlib.Z_FINISH if is_last else zlib.Z_FULL_FLUSH)
