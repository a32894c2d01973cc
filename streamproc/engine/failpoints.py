"""Named points of the engine and the agents at which a test can place a crash, a delay or an error exactly.

Off, a point costs one look into an empty dict. The points belong to the process, because a crash does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from typing import Final, Literal, NamedTuple

from streamproc.errors import ConfigurationError, Fault, StreamprocError

log = logging.getLogger(__name__)

POINTS: Final = (
    "after-fan-out",
    "mid-cohort",
    "after-cohort-kept",
    "mid-sync",
    "before-outputs",
    "after-outputs-before-ack",
    "after-join-outputs-before-table",
    "after-terminal-update-before-publish",
    "after-publish-before-ack",
    "during-recovery",
)
_armed: dict[str, Action] = {}


class Action(NamedTuple):
    """What happens when a point is reached."""

    kind: Literal["kill", "delay", "raise"]
    seconds: float = 0.0


class FailpointError(StreamprocError):
    """A test asked for an error at this point."""


def parse(text: str) -> dict[str, Action]:
    """The actions of `NAME=kill|delay:SECONDS|raise[,...]` by point; raises ConfigurationError with every fault."""
    actions, faults = {}, []
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, wanted = item.partition("=")
        action = _action(wanted)
        if name not in POINTS:
            faults.append(Fault("failpoints", item, f"must name one of {', '.join(POINTS)}"))
        elif action is None:
            faults.append(Fault("failpoints", item, "must be kill, delay:SECONDS or raise"))
        else:
            actions[name] = action
    if faults:
        raise ConfigurationError(faults)
    return actions


def arm(actions: dict[str, Action]) -> None:
    """Replace what is armed in this process; says so in the log, because nothing but a test wants it."""
    _armed.clear()
    _armed.update(actions)
    if actions:
        log.warning("failpoints are set, for tests only: %s", ", ".join(sorted(actions)))


async def reach(name: str) -> None:
    """Do what is armed at this point, usually nothing."""
    if (action := _armed.get(name)) is not None:
        if action.kind == "delay":
            await asyncio.sleep(action.seconds)
        else:
            _act(name, action)


def reach_now(name: str) -> None:
    """The same where nothing can be awaited; a delay blocks the whole process there."""
    if (action := _armed.get(name)) is not None:
        if action.kind == "delay":
            time.sleep(action.seconds)
        else:
            _act(name, action)


def _act(name: str, action: Action) -> None:
    """Die without a word, as a machine does, or raise."""
    if action.kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise FailpointError(f"failpoint {name}")


def _action(text: str) -> Action | None:
    """One action from its text, None for what is none."""
    kind, _, seconds = text.partition(":")
    if text == "kill":
        return Action("kill")
    if text == "raise":
        return Action("raise")
    try:
        return Action("delay", float(seconds)) if kind == "delay" else None
    except ValueError:
        return None
