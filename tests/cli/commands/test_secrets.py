"""No command says a password, a key or a user, whatever is wrong with the address that they stand in."""

from __future__ import annotations

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from streamproc.cli import exits
from streamproc.settings import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ENCODED = "s3cr3t%2Fp%40ss"
KEY = "planted-key-90210"
COMMANDS = (
    ("doctor",),
    ("doctor", "--output", "json"),
    ("db", "migrate"),
    ("result", "x"),
    ("list",),
    ("settings",),
    ("topics", "check"),
)
ADDRESSES = (
    f"postgresql://us3r:{ENCODED}@127.0.0.1:1/db",
    f"postgresql://us3r:{ENCODED}@127.0.0.1:port/db",
    f"postgresql://us3r:{unquote(ENCODED)}@127.0.0.1:1/db",
    f"postgresql://127.0.0.1:1/db?user=us3r&password={ENCODED}",
    f"postgresql://us3r:{ENCODED}@127.0.0.1:1/db?sslmode=odd",
    f"us3r:{ENCODED}",
)


def environment(**settings: str) -> dict[str, str]:
    """An environment with these settings of ours and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**kept, **{PREFIX + name: value for name, value in settings.items()}}


@pytest.fixture
def said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs a command in a folder with an environment; all that it says."""

    def run_one(given: dict[str, str], *command: str, folder: Path = tmp_path) -> str:
        with monkeypatch.context() as patch:
            for name in set(os.environ) - set(given):
                patch.delenv(name)
            for name, value in given.items():
                patch.setenv(name, value)
            patch.chdir(folder)
            patch.setattr(exits, "set_up_remarks", lambda: None)
            exits.run(command)
        shown = capsys.readouterr()
        return shown.out + shown.err

    return run_one


@pytest.mark.parametrize("dsn", ADDRESSES)
def test_no_output_of_any_command_holds_the_password(said: Callable[..., str], dsn: str) -> None:
    given = environment(POSTGRES_DSN=dsn, KAFKA_BROKERS="127.0.0.1:1", HELIUS_API_KEY=KEY)
    for command in COMMANDS:
        text = said(given, *command)
        assert text
        for hidden in ("s3cr3t", "p%40ss", "p@ss", "us3r", KEY):
            assert hidden not in text, (command, text)
        assert "Traceback" not in text, (command, text)


@pytest.mark.slow
def test_a_worker_that_cannot_start_says_no_password(tmp_path: Path) -> None:
    given = environment(
        POSTGRES_DSN=ADDRESSES[0], KAFKA_BROKERS="127.0.0.1:1", HTTP_BIND="127.0.0.1:0"
    )
    done = subprocess.run(
        [sys.executable, "-m", "streamproc", "worker"],
        env=given,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode
    assert "s3cr3t" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


class Neighbour(BaseHTTPRequestHandler):
    """A server of another user's, that writes down what it is asked."""

    asked: list[str] = []  # noqa: RUF012 - the class is the server's only memory

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - the name that http.server calls

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def neighbour() -> Iterator[str]:
    """The address of the neighbour's server."""
    Neighbour.asked.clear()
    server = HTTPServer(("127.0.0.1", 0), Neighbour)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_key_does_not_go_where_another_user_s_file_says(
    said: Callable[..., str], tmp_path: Path, neighbour: str
) -> None:
    mine = tmp_path / "t" / "mine"
    mine.mkdir(parents=True)
    planted = tmp_path / "t" / ".streamproc" / "env"
    planted.parent.mkdir()
    bases = ("HELIUS_RPC_URL", "HELIUS_API_URL", "DEXSCREENER_URL")
    planted.write_text("".join(f"{PREFIX}{name}={neighbour}\n" for name in bases), "utf-8")
    for path in (planted.parent, planted):
        os.chown(path, 65_534, 65_534)
    given = environment(
        POSTGRES_DSN="postgresql://127.0.0.1:1/db",
        KAFKA_BROKERS="127.0.0.1:1",
        HELIUS_API_KEY=KEY,
        HTTPS_PROXY="http://127.0.0.1:1",  # the real service is not asked either
    )
    shown = said(given, "settings", folder=mine)
    assert neighbour not in shown
    assert "passed over" in shown
    shown = said(given, "doctor", "--upstream", folder=mine)
    assert Neighbour.asked == []
    assert KEY not in shown
