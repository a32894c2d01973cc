"""What the engine has to be told; the defaults are the measured ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Everything between the engine and the brokers. Topic names are full ones, an installation's prefix included."""

    brokers: str  # host:port, several separated by commas
    app_id: str  # the consumer group, and the first part of a changelog's name
    dead_letters: str  # the topic of what cannot be worked off
    data_dir: Path  # Faust wants a folder of its own, though nothing is kept in it
    outside: Collection[str] = ()  # topics that others than agents write
    dead_letter_budget: int = limits.DEAD_LETTERS_IN_A_ROW  # 0: without end
    dead_letter_bytes: int = (
        limits.EVENT_MAX_BYTES
    )  # of the largest one; what makes it larger is left out
    security: Mapping[str, object] = field(default_factory=dict)  # aiokafka's, for all its clients
    worker_id: str | None = None  # static membership, for workers with stable names
    session_timeout_s: float = limits.SESSION_TIMEOUT_S
    rebalance_timeout_s: float = limits.REBALANCE_TIMEOUT_S
    commit_interval_s: float = limits.COMMIT_INTERVAL_S
    fetch_wait_s: float = limits.FETCH_WAIT_S
    poll_records: int = limits.POLL_RECORDS
    stall_s: float = limits.STALL_S
    blocked_s: float = limits.BLOCKED_S
