"""A reader of tutorials and guides: runs the commands of a page in their order, in a folder that stands for a clone."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final, NamedTuple

TOP: Final = Path(__file__).parents[2]
DOCS: Final = TOP / "docs"
FENCE: Final = re.compile(r"^( *)```sh\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
# What runs until Ctrl-C, by how it begins, and what it says when it is ready.
SERVERS: Final = {
    "./run up": "Ctrl-C stops everything",
    "./run worker": "records flow",
    "./run console": "console at ",
    "prometheus ": "Server is ready to receive web requests",
}
READY_WITHIN_S: Final = 180.0
RUNS_WITHIN_S: Final = 240.0  # each block, on a busy machine too


class Block(NamedTuple):
    """The commands of one fence."""

    page: str
    commands: str

    @property
    def is_server(self) -> bool:
        """Whether it runs until Ctrl-C."""
        return self.commands.startswith(tuple(SERVERS))


def blocks_of(page: str) -> list[Block]:
    """The commands of a page, in their order; the page is named as below `docs/`."""
    text = (DOCS / page).read_text("utf-8")
    found = FENCE.findall(text)
    return [
        Block(page, re.sub(f"^{indent}", "", body, flags=re.MULTILINE)) for indent, body in found
    ]


def lines_of(block: Block) -> list[str]:
    """The commands of a block, one a line."""
    return [line for line in block.commands.splitlines() if line.strip()]


class Reader:
    """Types what pages say. Ports that a page names are free ones here; what one shell has set, the next one knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {number: _free_port() for number in (8080, 8090, 9090)}
        self._servers: list[subprocess.Popen[bytes]] = []
        (folder / "run").write_text(f'#!/bin/sh\nexec "{TOP}/run" "$@"\n', "utf-8")
        (folder / "run").chmod(0o755)
        (folder / "examples").symlink_to(TOP / "examples")
        kept = {name: value for name, value in os.environ.items() if "STREAMPROC" not in name}
        self.environment = {
            **kept,
            "STREAMPROC_DATA_DIR": str(folder / "data"),
            "STREAMPROC_HTTP_BIND": f"127.0.0.1:{self.ports[8080]}",
            "STREAMPROC_CONSOLE_BIND": f"127.0.0.1:{self.ports[8090]}",
        }

    def here(self, text: str) -> str:
        """The text with the ports that it names replaced by those of this reader."""
        return re.sub(
            r"(?<=localhost:|127\.0\.0\.1:)(8080|8090|9090)\b",
            lambda port: str(self.ports[int(port[0])]),
            text.replace("localhost:", "127.0.0.1:"),
        )

    def start(self, block: Block) -> None:
        """Start a server and wait until it says that it is ready."""
        log = self.folder / f"server-{len(self._servers)}.log"
        with log.open("wb") as out:
            server = subprocess.Popen(
                ["sh", "-c", f"exec {self.here(block.commands)}"],
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self._servers.append(server)
        (said,) = {line for begin, line in SERVERS.items() if block.commands.startswith(begin)}
        until = time.monotonic() + READY_WITHIN_S
        while said not in (text := log.read_text("utf-8", errors="replace")):
            assert server.poll() is None, f"{block.commands} ended: {text[-2000:]}"
            assert time.monotonic() < until, f"{block.commands} is not ready: {text[-2000:]}"
            time.sleep(0.1)

    def run(self, commands: str) -> str:
        """What the commands print; an error when one of them fails, asks something, or does not end."""
        known = "[ ! -f .shell ] || . ./.shell"
        names = re.findall(r"^([A-Z]+)=", commands, re.MULTILINE)
        kept = "\n".join(f"export {name}" for name in names)
        script = f"{known}\n{self.here(commands)}\n{kept}\nexport -p > .shell\n"
        done = subprocess.run(
            ["sh", "-ec", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=RUNS_WITHIN_S,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    def until(self, commands: str, wanted: str) -> str:
        """What the commands print once it has what is wanted in it; they are run again and again."""
        end = time.monotonic() + RUNS_WITHIN_S
        while wanted not in (said := self.run(commands)):
            assert time.monotonic() < end, f"{commands}\nnever says {wanted}, but\n{said}"
            time.sleep(0.2)
        return said

    def stop(self) -> None:
        """Press Ctrl-C in each shell, the last one first."""
        for server in reversed(self._servers):
            if server.poll() is None:
                server.send_signal(signal.SIGINT)
                try:
                    server.wait(60)
                except subprocess.TimeoutExpired:
                    server.kill()
                    server.wait()


def _free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
