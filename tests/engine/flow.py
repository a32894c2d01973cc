"""A sample flow on the engine, run by the tests as a process of its own: fan-out, work, join, answer.

`asked` -> `work` (one per part of a request) and `opened` -> `worked` -> the join -> `told` (progress) and `whole`
-> `answered`. The join's progress names how many parts it knew, which depends on how batches were cut: so a repeat
with the same content proves that it was written ahead and not decided anew.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamproc.engine import Engine, EngineConfig, Outgoing, Record, failpoints
from streamproc.engine.delivery import offsets
from streamproc.errors import DeadLetterError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

TOPICS = ("asked", "work", "opened", "worked", "due", "told", "whole", "answered", "dead")
JOINED = ("opened", "worked", "due")
PARTITIONS = 4
TABLE = "joined"


@dataclass(frozen=True)
class Wanted:
    """How a worker of the flow is to run."""

    broker: str
    prefix: str
    folder: str  # where it looks for a file `outage`
    done: str = ""  # the file for what it has finished
    work_s: tuple[float, float] = (0.0, 0.0)
    limit: int = 64
    session_s: float = 6.0
    due_after_s: float = 3600.0
    wire: int = 0  # the port of a wire to reach the broker through
    options: dict[str, Any] = field(default_factory=dict)


class State:
    """What the join knows of a request."""

    def __init__(self, wanted: int = 0, got: frozenset[str] = frozenset(), seq: int = 0) -> None:
        self.wanted = wanted
        self.got = got
        self.seq = seq
        self.told = 0
        self.is_over = False
        self.since = 0.0


class Logic:
    """The join of the flow."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.outage = Path(wanted.folder) / "outage"

    def load(self, raw: bytes) -> State:
        kept = json.loads(raw)
        state = State(kept["wanted"], frozenset(kept["got"]), kept["seq"])
        state.told, state.is_over, state.since = kept["told"], kept["over"], kept["since"]
        return state

    def dump(self, state: State) -> bytes | None:
        return json.dumps(
            {
                "wanted": state.wanted,
                "got": sorted(state.got),
                "seq": state.seq,
                "told": state.told,
                "over": state.is_over,
                "since": state.since,
            }
        ).encode()

    def fold(self, _key: bytes, state: State | None, record: Record) -> State:
        heard = decoded(record)
        known = state or State()
        state = State(known.wanted, known.got, known.seq)
        state.told, state.is_over, state.since = known.told, known.is_over, known.since
        kind = record.topic.rpartition("-")[2]
        if kind == "opened":
            state.wanted, state.since = heard["parts"], heard["at"]
        elif kind == "worked":
            state.got |= {heard["part"]}
        elif kind == "due":
            state.wanted = len(state.got) or -1
        return state

    def is_awaiting(self, state: State) -> bool:
        return not state.is_over

    def is_urgent(self, state: State) -> bool:
        return not state.is_over and state.wanted != 0 and len(state.got) >= state.wanted

    async def decide(self, told: list[tuple[bytes, list[Outgoing]]]) -> list[list[Outgoing]]:
        return [outs for _, outs in told]

    async def settle(self, states: list[tuple[bytes, State]]) -> list[tuple[State, list[Outgoing]]]:
        if self.outage.exists():
            raise StoreUnavailableError("the test took it away")
        await asyncio.sleep(0)
        return [self._told(key, state) for key, state in states]

    def given_up(self, key: bytes, _now: float) -> Outgoing:
        return Outgoing(self.wanted.prefix + "due", key, b"{}")

    def due(self, key: bytes, state: State, now: float) -> Outgoing | None:
        if state.is_over or not state.since or now < state.since + self.wanted.due_after_s:
            return None
        return Outgoing(self.wanted.prefix + "due", key, b"{}")

    def _told(self, key: bytes, state: State) -> tuple[State, list[Outgoing]]:
        """Progress for what is new, and the end when it is whole."""
        is_whole = len(state.got) >= state.wanted
        if state.is_over or not state.wanted or not (is_whole or len(state.got) > state.told):
            return state, []
        state.seq, state.told = state.seq + 1, len(state.got)
        told = {"id": key.decode(), "seq": state.seq, "known": sorted(state.got)}
        outs = [
            Outgoing(self.wanted.prefix + "told", key, encoded(told), (("mark", os.urandom(8)),))
        ]
        if is_whole:
            state.is_over = True
            outs.append(Outgoing(self.wanted.prefix + "whole", key, encoded({"id": key.decode()})))
        return state, outs


def encoded(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def decoded(record: Record) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(record.value or b"")
    except ValueError as error:
        raise DeadLetterError("not_json", f"no JSON: {error}") from None
    return value


def built(wanted: Wanted) -> Engine:
    """The flow, wired on an engine."""
    name = wanted.prefix.__add__
    engine = Engine(
        EngineConfig(
            brokers=wanted.broker,
            app_id=name("app"),
            dead_letters=name("dead"),
            data_dir=Path(wanted.folder),
            session_timeout_s=wanted.session_s,
            **wanted.options,
        )
    )
    engine.produces(*map(name, TOPICS))
    engine.on_start(say_opened)
    engine.on_stop(say_closed)
    for stage, handle in handlers(wanted).items():
        engine.agent(stage, engine.stage(stage, handle, limit=wanted.limit), name(stage))
    join = engine.join("join", TABLE, PARTITIONS, Logic(wanted))
    engine.agent("join", join, *map(name, JOINED))
    return engine


async def say_opened() -> None:
    logging.getLogger("flow").info("what handlers need is open")


async def say_closed() -> None:
    logging.getLogger("flow").info("what handlers need is closed")


def handlers(wanted: Wanted) -> dict[str, Callable[[Record], Awaitable[Sequence[Outgoing]]]]:
    """What works off each topic, by the topic's name."""
    name = wanted.prefix.__add__

    async def asked(record: Record) -> Sequence[Outgoing]:
        request = decoded(record)
        key = request["id"].encode()
        parts = [f"{request['id']}.{number}" for number in range(request["parts"])]
        outs = [Outgoing(name("work"), part.encode(), encoded({"part": part})) for part in parts]
        opened = {"parts": len(parts), "at": time.time()}
        return [*outs, Outgoing(name("opened"), key, encoded(opened))]

    async def work(record: Record) -> Sequence[Outgoing]:
        part = decoded(record)["part"]
        if part.endswith("!"):
            raise RuntimeError("a bug, with a s3cret in its text")
        low, high = wanted.work_s
        if high:
            await asyncio.sleep(low + (high - low) * (hash(part) % 100) / 100)
        return [Outgoing(name("worked"), part.partition(".")[0].encode(), encoded({"part": part}))]

    async def whole(record: Record) -> Sequence[Outgoing]:
        return [Outgoing(name("answered"), record.key, record.value)]

    return {"asked": asked, "work": work, "whole": whole}


def note_finished(path: Path) -> None:
    """Write down each record that is done, before it can be committed."""
    file = path.open("a", buffering=1)
    finish = offsets.PartitionOffsets.finish

    def finish_and_note(offsets: offsets.PartitionOffsets, offset: int) -> None:
        if offset in offsets.unfinished:
            file.write(f"{offsets.partition[0]} {offsets.partition[1]} {offset}\n")
        finish(offsets, offset)

    offsets.PartitionOffsets.finish = finish_and_note  # type: ignore[assignment, method-assign]


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    wanted = Wanted(**json.loads(sys.argv[1]))
    failpoints.arm(failpoints.parse(os.environ.get("STREAMPROC_FAILPOINTS", "")))
    note_finished(Path(wanted.done))
    if wanted.wire:
        sys.path.insert(0, str(Path(__file__).parents[2]))
        importlib.import_module("tests.engine.wire").connect_through(wanted.wire)
    return built(wanted).run()


if __name__ == "__main__":
    sys.exit(main())
