"""Whose turn it is: a bounded number of places that many small requests and a few huge ones share.

Who has had little goes first, in the order of arrival, so small requests are served as if they were alone; every so
often it is the turn of the oldest, so a huge one gets on too. Where it is asked for, as often it is
that of the last who came, so one behind a thousand of its size need not wait for all of them. Nobody may hold more than
a share of the places that leaves room for the next, however long what it does takes; and beside a smaller one a huge
one holds few, for those at work share the processor.

The requests of one tenant take that tenant's turns, so a hundred requests of one weigh on another tenant as one does;
see `TenantTurns` for whose turn it is among tenants.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, Generic, NamedTuple, TypeVar

from streamproc import limits
from streamproc.core.tenant_turns import TenantTurns

T = TypeVar("T")
_TURN_OF_THE_NEWEST: Final = 2  # between two of the oldest


class Share(NamedTuple):
    """Whose work something is: a request, and the tenant that sent it. Both empty: nobody's, or everybody's."""

    tenant: bytes
    request: bytes


class FairQueue(Generic[T]):
    """What waits, by tenant and request; at most so many hold a place at once."""

    def __init__(self, places: int, *, newest_too: bool = False) -> None:
        """So many may be held at once, at least 1; with `newest_too` some turns are the last comer's."""
        self._places = places
        self._newest_too = newest_too
        self._tenants = TenantTurns(places)
        self._requests: dict[bytes, Turns[T]] = {}  # by tenant

    def __len__(self) -> int:
        """How many wait."""
        return len(self._tenants)

    def add(self, share: Share, item: T, *, is_first: bool = False) -> None:
        """Let an item wait, behind those of the same request or before them."""
        requests = self._requests.get(share.tenant)
        if requests is None:
            requests = self._requests[share.tenant] = Turns(
                self._places, newest_too=self._newest_too
            )
        requests.add(share.request, item, is_first=is_first)
        self._tenants.add(share.tenant)

    def clear(self) -> None:
        """Nothing waits any more; who holds a place still does."""
        self._tenants.clear()
        for requests in self._requests.values():
            requests.clear()
        self._requests = {name: each for name, each in self._requests.items() if each.holding}

    @property
    def has_turn(self) -> bool:
        """Whether something that waits may go now."""
        return self._tenants.has_turn(self._may_go)

    def take(self) -> tuple[Share, T] | None:
        """The share and the item whose turn it is, which now holds a place; None when nothing may go."""
        tenant = self._tenants.take(self._may_go)
        if tenant is None:
            return None
        found = self._requests[tenant].take()
        assert found is not None  # noqa: S101 - it was asked
        request, item = found
        return Share(tenant, request), item

    def done(self, share: Share) -> None:
        """A place is free again."""
        self._tenants.done(share.tenant)
        requests = self._requests[share.tenant]
        requests.done(share.request)
        if not requests.holding and not len(requests):
            del self._requests[share.tenant]

    def _may_go(self, tenant: bytes) -> bool:
        """Whether a request of this tenant may hold one place more."""
        return self._requests[tenant].has_turn


class Turns(Generic[T]):
    """What waits of one tenant, by the request it belongs to, and how many places each one holds."""

    def __init__(self, places: int, *, newest_too: bool = False) -> None:
        """So many may be held at once, at least 1."""
        self._newest_too = newest_too
        self._places = places
        self._waiting: dict[bytes, deque[T]] = {}  # by request, in the order of arrival
        self._levels: list[dict[bytes, None]] = [
            {}
        ]  # requests that wait, by how much they have had
        self._had: Counter[bytes] = Counter()  # of requests that wait or hold
        self._held: Counter[bytes] = Counter()
        self._active: Counter[int] = Counter()  # requests that wait or hold, by level
        self._taken = 0
        self._left = 0
        self._holding = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._left

    def add(self, share: bytes, item: T, *, is_first: bool = False) -> None:
        """Let an item wait, behind those of the same request or before them."""
        queue = self._waiting.get(share)
        if queue is None:
            queue = self._waiting[share] = deque()
            self._level_of(share)[share] = None
            if share not in self._held:
                self._count(share, 1)
        if is_first:
            queue.appendleft(item)
        else:
            queue.append(item)
        self._left += 1

    def clear(self) -> None:
        """Nothing waits any more; who holds a place still does."""
        for share in self._waiting.keys() - self._held.keys():
            self._count(share, -1)
            self._had.pop(share, None)
        self._waiting.clear()
        self._levels = [{}]
        self._left = 0

    @property
    def holding(self) -> int:
        """How many places are held."""
        return self._holding

    @property
    def has_turn(self) -> bool:
        """Whether something that waits may go now."""
        return self._next() is not None

    def take(self) -> tuple[bytes, T] | None:
        """The request and the item whose turn it is, which now holds a place; None when nothing may go."""
        share = self._next()
        if share is None:
            return None
        queue = self._waiting[share]
        item = queue.popleft()
        before = self._number(share)
        self._had[share] += 1
        after = self._number(share)
        if after != before:
            self._active[before] -= 1
            self._active[after] += 1
        if not queue:
            del self._waiting[share], self._levels[before][share]
        elif after != before:
            del self._levels[before][share]
            self._level_of(share)[share] = None
        self._held[share] += 1
        self._holding += 1
        self._taken += 1
        self._left -= 1
        return share, item

    def done(self, share: bytes) -> None:
        """A place is free again."""
        self._holding -= 1
        self._held[share] -= 1
        if not self._held[share]:
            del self._held[share]
            if share not in self._waiting:
                self._count(share, -1)
                del self._had[share]

    def _next(self) -> bytes | None:
        """Whose turn it is: the first, in its order, that may hold one place more."""
        free = self._places - self._holding
        if free <= 0 or not self._left:
            return None
        most = limits.TURNS_HELD * free
        beside = min(most, max(1, self._places // limits.TURNS_BESIDE_SMALLER))
        smallest = min((number for number, requests in self._active.items() if requests), default=0)
        held = self._held.get
        turn = self._taken % limits.TURNS_OF_THE_OLDEST
        if turn == 0:
            for share in self._waiting:
                has = held(share, 0)
                if has < beside or (has < most and self._number(share) <= smallest):
                    return share
            return None
        is_newest = self._newest_too and turn == _TURN_OF_THE_NEWEST
        for number, level in enumerate(self._levels):
            may_hold = beside if number > smallest else most
            for share in reversed(level) if is_newest else level:
                if held(share, 0) < may_hold:
                    return share
        return None

    def _count(self, share: bytes, by: int) -> None:
        """Count a request as active at its level, or no longer; what is nobody's makes nobody step back."""
        if share:
            self._active[self._number(share)] += by

    def _number(self, share: bytes) -> int:
        """The level of a request, each twice as wide as the one before; what is nobody's is always small."""
        return (self._had[share] // limits.TURNS_SMALL).bit_length() if share else 0

    def _level_of(self, share: bytes) -> dict[bytes, None]:
        """Those that wait at the request's level."""
        number = self._number(share)
        while len(self._levels) <= number:
            self._levels.append({})
        return self._levels[number]
