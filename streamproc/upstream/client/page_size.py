"""How large pages are asked for: what an endpoint is good for at the present, and what a walk can pay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.errors import CreditBudgetExceededError, StreamprocError, UpstreamTimeoutError
from streamproc.upstream.client.calls import FULL_CREDIT_TRANSACTIONS

if TYPE_CHECKING:
    from streamproc.upstream.client.errors import CursorLostError


@dataclass
class PageMemory:
    """How many transactions an endpoint's pages have at the present: halved by time-outs, it grows back."""

    size: int
    most: int
    _good: int = 0

    def answered(self, asked: int) -> None:
        """A page of so many came in time; after a few as large as this, larger ones are tried."""
        if asked < self.size:
            return
        self._good += 1
        if self._good >= limits.HISTORY_GROWS_AFTER and self.size < self.most:
            self.size = min(self.most, self.size * 2)
            self._good = 0

    def timed_out(self, asked: int) -> None:
        """A page of so many took too long."""
        self.size = max(limits.HISTORY_PAGE_MIN, min(self.size, asked // 2))
        self._good = 0


@dataclass
class PageSize:
    """How many transactions one walk asks for: what the endpoint is good for, less for a small rest of credits."""

    memory: PageMemory
    _affordable: int | None = None
    _shrinks: int = 0
    _restarts: int = 0

    @property
    def size(self) -> int:
        """Transactions of the next page."""
        return (
            self.memory.size
            if self._affordable is None
            else min(self._affordable, self.memory.size)
        )

    def answered(self, asked: int) -> None:
        """A page of so many came: time-outs before it no longer count."""
        self._shrinks = 0
        self.memory.answered(asked)

    def shrink(self, error: StreamprocError, asked: int) -> None:
        """Ask for less; raises the error when that has been done often enough."""
        if isinstance(error, UpstreamTimeoutError):
            self._shrinks += 1
            if self._shrinks > limits.HISTORY_SHRINKS_MAX or asked <= limits.HISTORY_PAGE_MIN:
                raise error
            self.memory.timed_out(asked)
        elif isinstance(error, CreditBudgetExceededError):
            if asked <= FULL_CREDIT_TRANSACTIONS:
                raise error
            self._affordable = max(FULL_CREDIT_TRANSACTIONS, asked // 2)
        else:
            raise error

    def restart(self, error: CursorLostError) -> None:
        """Begin again without a cursor; raises the error when that has been done often enough."""
        self._restarts += 1
        if self._restarts > limits.HISTORY_RESTARTS_MAX:
            raise error
