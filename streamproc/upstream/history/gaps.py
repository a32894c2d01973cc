"""The slots of one history that are still to be listed, and who lists them: which ends are taken, where to split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamproc.core.ledger.ranges import SlotRange

WORTH_PAGES = 2  # a piece with fewer pages than this ends sooner with one fetcher than with two


@dataclass(eq=False)
class Piece:
    """Slots to be listed, both ends included; empty when `low > high`."""

    low: int
    high: int
    top: Claim | None = None  # who comes down from the top
    bottom: Claim | None = None  # who comes up from the bottom

    @property
    def slots(self) -> int:
        """How many slots are left."""
        return max(0, self.high - self.low + 1)


@dataclass(eq=False)
class Claim:
    """A fetcher's place: an end of a piece."""

    piece: Piece
    is_ascending: bool


@dataclass(eq=False)
class Gaps:
    """Pieces that do not overlap. Every page closes slots from an end of a piece; nothing is left when all are."""

    pieces: list[Piece]
    _listed: int = 0  # transactions, and the slots that they spread over
    _extent: int = 0
    is_bottom_known: bool = False  # before that, half of a gap may lie below the first transaction

    def claim(self, page: int) -> Claim | None:
        """A place for one more fetcher whose pages have so many transactions; None when no piece is worth one.

        First the top, then the bottom, and once that is known the lower half of the largest piece.
        """
        piece = max(self.pieces, key=lambda each: each.slots, default=None)
        if piece is None:
            return None
        if piece.top is None and piece.bottom is None:
            return self._claim(piece, is_ascending=False)
        if not self.is_worth(piece, page):
            return None
        if not self.is_bottom_known:
            return None if piece.bottom else self._claim(piece, is_ascending=True)
        if piece.top is None:
            return self._claim(piece, is_ascending=False)
        return self._claim(self._lower_half(piece), is_ascending=False)

    def close(self, slots: SlotRange | None, *, transactions: int, extent: int) -> None:
        """Take listed slots out; the page that closed them has so many transactions over so many slots."""
        self._listed += transactions
        self._extent += extent
        if slots is None:
            return
        for piece in self.pieces:
            if slots.from_slot <= piece.low <= slots.to_slot:
                piece.low = slots.to_slot + 1
            if slots.from_slot <= piece.high <= slots.to_slot:
                piece.high = slots.from_slot - 1
        self.pieces = [piece for piece in self.pieces if piece.slots]

    def is_over(self, claim: Claim, page: int) -> bool:
        """Whether a fetcher has nothing more to do: its piece is listed, or the other end's fetcher lists the rest."""
        piece = claim.piece
        other = piece.top if claim.is_ascending else piece.bottom
        return not piece.slots or (other is not None and not self.is_worth(piece, page))

    def leave(self, claim: Claim) -> None:
        """Give a place up."""
        if claim.piece.top is claim:
            claim.piece.top = None
        elif claim.piece.bottom is claim:
            claim.piece.bottom = None

    def is_worth(self, piece: Piece, page: int) -> bool:
        """Whether two fetchers find enough in a piece, if it is as dense as what has been listed."""
        return piece.slots * self._listed >= WORTH_PAGES * page * max(1, self._extent)

    @property
    def longest(self) -> int:
        """Slots of the largest piece."""
        return max((piece.slots for piece in self.pieces), default=0)

    def _claim(self, piece: Piece, *, is_ascending: bool) -> Claim:
        """Take an end of a piece."""
        claim = Claim(piece, is_ascending)
        if is_ascending:
            piece.bottom = claim
        else:
            piece.top = claim
        return claim

    def _lower_half(self, piece: Piece) -> Piece:
        """Split a piece: who comes down keeps the upper half, who comes up goes with the lower one."""
        middle = (piece.low + piece.high) // 2
        lower = Piece(piece.low, middle, bottom=piece.bottom)
        if lower.bottom is not None:
            lower.bottom.piece = lower
        piece.low, piece.bottom = middle + 1, None
        self.pieces.append(lower)
        return lower
