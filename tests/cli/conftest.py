"""What tests of commands on real parts share: an installation of their own, and the program run in it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from aiokafka import TopicPartition

from streamproc.cli.exits import run
from streamproc.cli.shared.environment import NO_STORE
from streamproc.cli.shared.kafka_clients import consuming, producing
from streamproc.cli.shared.records import codec_for, now_ms, send_record
from streamproc.kafka import admin
from streamproc.kafka.consumers import partitions_of
from streamproc.settings import PREFIX, Settings
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import ConsumerRecord

    from streamproc.events import Event
    from streamproc.serde import Encoded


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


class Shown(NamedTuple):
    """What a terminal got, and how the command ended."""

    raw: bytes
    returncode: int


@dataclass
class Installation:
    """Topics of one's own on the shared broker, and the command line run against them."""

    settings: Settings
    environment: dict[str, str]
    folder: Path

    def run(self, *arguments: str) -> Done:
        """Run `streamproc` with these arguments in this process, as if in the installation's environment."""
        out, err = _captured(), _captured()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            for name in set(os.environ) - set(self.environment):
                patch.delenv(name)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            code = run(arguments)
        return Done(code, _text(out), _text(err))

    def start(self, *arguments: str, stdin: int | None = None) -> subprocess.Popen[str]:
        """Start `streamproc` with these arguments."""
        return subprocess.Popen(
            [sys.executable, "-m", "streamproc", *arguments],
            env=self.environment,
            cwd=self.folder,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def on_terminal(self, *arguments: str) -> Shown:
        """Run `streamproc` on a terminal of its own, as a person does."""
        terminal, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        running = subprocess.Popen(
            [sys.executable, "-m", "streamproc", *arguments],
            env={**self.environment, "TERM": "xterm-256color"},
            cwd=self.folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        return Shown(_until_hung_up(terminal), running.wait(60))

    def say(self, *events: Event) -> None:
        """Publish events, as workers would."""
        codec = codec_for(self.settings)
        self.send(*(codec.encode(event, time_ms=now_ms()) for event in events))

    def send(self, *records: Encoded) -> None:
        """Publish records as they are."""

        async def sent() -> None:
            async with producing(self.settings) as producer:
                for record in records:
                    await send_record(producer, record)

        asyncio.run(sent())

    def records(self, name: str) -> list[ConsumerRecord[bytes, bytes]]:
        """All records of one of its topics."""

        async def read() -> list[ConsumerRecord[bytes, bytes]]:
            topic = self.settings.topic_prefix + name
            async with consuming(self.settings) as consumer:
                places = [TopicPartition(topic, n) for n in await partitions_of(consumer, topic)]
                consumer.assign(places)
                await consumer.seek_to_beginning(*places)
                ends = await consumer.end_offsets(places)
                found: list[ConsumerRecord[bytes, bytes]] = []
                while len(found) < sum(ends.values()):
                    for records in (await consumer.getmany(timeout_ms=1000)).values():
                        found += records
                return found

        return asyncio.run(read())


@pytest.fixture
def installation(broker: str, topic_prefix: str, tmp_path: Path) -> Installation:
    """An installation without a store whose topics exist."""
    settings = Settings.model_validate(
        {
            "kafka_brokers": broker,
            "topic_prefix": topic_prefix,
            "postgres_dsn": NO_STORE,
            "app_id": f"{topic_prefix}app",
        }
    )
    asyncio.run(admin.apply(broker, read_topology(), prefix=topic_prefix, app_id=settings.app_id))
    return Installation(settings, environment_of(settings), tmp_path)


@pytest.fixture(scope="session")
def result() -> dict[str, Any]:
    """A whole result."""
    path = Path(__file__).parents[1] / "report" / "result.json"
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def environment_of(settings: Settings, *left_out: str) -> dict[str, str]:
    """The environment of a process with these settings and no others of ours."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    given: Sequence[str] = ("kafka_brokers", "topic_prefix", "app_id")
    ours = {
        PREFIX + name.upper(): str(getattr(settings, name))
        for name in given
        if name not in left_out
    }
    return inherited | ours


def _until_hung_up(terminal: int) -> bytes:
    """All that is written to a terminal until nobody has it open any more."""
    raw = b""
    try:
        while piece := os.read(terminal, 65_536):
            raw += piece
    except OSError:  # Linux' way to say that the other side is closed
        pass
    finally:
        os.close(terminal)
    return raw


def _captured() -> io.TextIOWrapper:
    """A stream that keeps what is written, as text or as bytes."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    """What was written."""
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
