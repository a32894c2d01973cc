"""What a join is told: how its states are kept, folded, decided and timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from streamproc.engine.records import Outgoing, Record

S = TypeVar("S")


class JoinLogic(Protocol[S]):
    """What a join is about."""

    def load(self, raw: bytes) -> S:
        """The state that `dump` wrote."""

    def dump(self, state: S) -> bytes | None:
        """The state as bytes; None: it is forgotten."""

    def fold(self, key: bytes, state: S | None, record: Record) -> S:
        """The state after a record, pure; raises DeadLetterError for what does not decode."""

    def is_awaiting(self, state: S) -> bool:
        """Whether records for this state are still awaited; for counting only."""

    def is_urgent(self, state: S) -> bool:
        """Whether to settle at once instead of at the next tick."""

    async def settle(self, states: list[tuple[bytes, S]]) -> list[tuple[S, list[Outgoing]]]:
        """For each key's state the new one and its outputs; may await, and raise TransientError to be asked again."""

    async def decide(self, told: list[tuple[bytes, list[Outgoing]]]) -> list[list[Outgoing]]:
        """What is published of each key's outputs, asked once they are durable, and again after a crash.

        May await what decides over an end, and raise TransientError to be asked again.
        """

    def given_up(self, key: bytes, now: float) -> Outgoing:
        """What a timer puts there instead when `due` fails, which would be a bug: it ends what the key is about."""

    def due(self, key: bytes, state: S, now: float) -> Outgoing | None:
        """What a timer has to put on the join's own topic for a state at a time; once something, then always."""
