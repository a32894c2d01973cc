"""A dictionary in place of Faust's table."""

from __future__ import annotations

from streamproc.engine.join.changelog import Restored, changes_of, is_of_a_change, kept_of


class Table:
    """What the join's table does, without Faust."""

    changelog = "changelog"
    partitions = 1

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> Restored | None:
        """What is known of a key."""
        return kept_of(self.data, key)

    def changes_of(self, key: bytes) -> list[bytes]:
        """The keys of a state's changes."""
        return changes_of(self.data, key)

    def put(self, key: bytes, _partition: int, value: bytes) -> None:
        """Show what is confirmed and published."""
        self.data[key] = value

    def forget(self, *keys: bytes) -> None:
        """Show nothing of these any more."""
        for key in keys:
            self.data.pop(key, None)

    def keys(self) -> list[bytes]:
        """All keys of states."""
        return [key for key in self.data if not is_of_a_change(key)]
