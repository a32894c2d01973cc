"""The join's table: Faust recovers it from its changelog; we write it, after our own producer's confirmation."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from streamproc.engine.join import changelog

if TYPE_CHECKING:
    from collections.abc import Mapping

    import faust

    from streamproc.engine.join.changelog import Restored
    from streamproc.engine.records import Partition


class JoinTable:
    """A real Faust table, past whose own producer we write: its failed sends would only be logged.

    Faust fills it from the changelog, which also holds outputs written ahead; what is put here later has none, because
    they are published by then.
    """

    def __init__(self, app: faust.App, name: str, partitions: int) -> None:
        # Raw bytes: a schema of our own on a table breaks its recovery.
        self._app = app
        self.partitions = partitions
        self._table = app.Table(name, partitions=partitions, key_type=bytes, value_type=bytes)
        self.changelog = cast("str", self._table.changelog_topic_name)

    @property
    def _data(self) -> dict[bytes, bytes]:
        """The memory store's dictionary."""
        return cast("dict[bytes, bytes]", self._table.data.data)

    def get(self, key: bytes) -> Restored | None:
        """What is known of a key; raises for what this engine has not written."""
        return changelog.kept_of(self._data, key)

    def changes_of(self, key: bytes) -> list[bytes]:
        """The keys of all changes of a key's state that there are."""
        return changelog.changes_of(self._data, key)

    def put(self, key: bytes, partition: int, value: bytes) -> None:
        """Show what was written of a state and confirmed."""
        self._data[key] = value
        self._table.data._key_partition[key] = partition  # noqa: SLF001 - it decides what a revoked partition takes along

    def forget(self, *keys: bytes) -> None:
        """Show nothing of these keys any more."""
        for key in keys:
            self._data.pop(key, None)
            self._table.data._key_partition.pop(key, None)  # noqa: SLF001 - as above

    def skip_own_writes(self, runs: Mapping[Partition, tuple[int, int]]) -> None:
        """Tell Faust's recovery that what only we wrote since the last one need not be read again.

        True only when no commit was given up: then the table shows all that we wrote.
        """
        recovered = self._app.tables.recovery.active_offsets
        for (topic, number), (start, end) in runs.items():
            read = recovered.get((topic, number))
            if topic == self.changelog and read is not None and start <= read + 1 <= end:
                recovered[topic, number] = end - 1

    def keys(self) -> list[bytes]:
        """All keys of states of the partitions that this worker has recovered."""
        return [key for key in self._data if not changelog.is_of_a_change(key)]
