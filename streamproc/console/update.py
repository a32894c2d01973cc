"""What the topics say about requests while they run, as it is passed on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import orjson

from streamproc.events import AnalysisProgressed, WalletAnalyzed, WalletProgressed

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from streamproc.events import Event

log = logging.getLogger(__name__)
PROGRESS: Final = AnalysisProgressed
OF_WALLETS: Final = (WalletProgressed, WalletAnalyzed)
FOLLOWED: Final[tuple[type[Event], ...]] = (PROGRESS, *OF_WALLETS)


@dataclass(frozen=True, slots=True)
class Update:
    """One record: `value` is its JSON on one line; `seq` is 0 where the event has none."""

    event: str  # the topic's name, without the installation's prefix
    request_id: str
    partition: int
    offset: int
    value: bytes
    seq: int = 0
    is_terminal: bool = False
    wallet: str = ""

    def frame(self, event_id: str | None) -> bytes:
        """The update as a server-sent event."""
        head = f"id: {event_id}\n" if event_id is not None else ""
        return f"{head}event: {self.event}\ndata: ".encode() + self.value + b"\n\n"


class _Head(msgspec.Struct):
    """What an update is about."""

    request_id: str
    seq: int = 0
    terminal: bool = False
    wallet: str = ""


_HEADS: Final = msgspec.json.Decoder(_Head)


def update_from(record: ConsumerRecord[bytes, bytes], event: str) -> Update | None:
    """The update in a record of that event's topic, None (and a line in the log) for one that cannot be read."""
    value = record.value or b""
    try:
        return update_of(value, event, record.partition, record.offset)
    except (msgspec.MsgspecError, orjson.JSONDecodeError, UnicodeDecodeError) as error:
        place = f"{record.topic}/{record.partition}/{record.offset}"
        log.warning("passed over %s: %s", place, error)
        return None


def update_of(value: bytes, event: str, partition: int = -1, offset: int = -1) -> Update:
    """The update that a record's value says; raises msgspec's MsgspecError for what is none."""
    head = _HEADS.decode(value)
    if b"\n" in value or b"\r" in value:
        value = orjson.dumps(orjson.loads(value))
    return Update(
        event,
        head.request_id,
        partition,
        offset,
        value,
        seq=head.seq,
        is_terminal=head.terminal,
        wallet=head.wallet,
    )
