"""On a real terminal nothing that somebody else wrote is obeyed: reasons, names, an upstream's words, dead letters."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from streamproc.cli.shared.records import codec_for
from streamproc.events import (
    AnalysisCompleted,
    AnalysisFailed,
    AnalysisProgressed,
    FailedWallet,
)
from streamproc.serde import Encoded
from streamproc.store import Decision, NewRequest, open_store
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from tests.cli.conftest import Installation, Shown

pytestmark = [pytest.mark.real, pytest.mark.timeout(200)]

SEQUENCES = (
    "\x1b]0;TITLE\x07",
    "\x1b[31mRED",
    "\x1b]52;c;SE9T\x07",
    "\u202egnorw",
    "\x1b[2JCLEAR",
    "\x9b31mC1",
    "\x1bP1;1|17/ab\x1b\\",
    "line\rOVER",
    "\x08\x08gone",
)
HOSTILE = " ".join(SEQUENCES)
WORDS = ("TITLE", "RED", "CLEAR", "gnorw")
WALLET = "FcT6Vggj45iW2jGrBRFi8az8MbYTHKNrpFtyUuTVF9LX"
UPSTREAM = f"HTTP 400: <html><script>alert(1)</script>{HOSTILE} https://h/?api-key=x"


def check(shown: Shown, code: int) -> None:
    """The command ended so, and what came to the terminal has the words and none of the sequences."""
    text = shown.raw.decode("utf-8", "surrogateescape")
    assert shown.returncode == code, text
    assert "Traceback" not in text
    for raw in (*SEQUENCES, "\x1b]", "\u202e", "\x07", "\x9b", "\x1b[2J", "\x1bP", "\r" + "OVER"):
        assert raw not in text, f"{raw!r} in {text!r}"
    assert any(word in text for word in WORDS), text


@pytest.fixture
def whole(installation: Installation, store_dsn: str) -> Installation:
    """An installation with a migrated store."""
    installation.environment["STREAMPROC_POSTGRES_DSN"] = store_dsn
    return installation


def progress(seq: int, stage: str, message: str, *, terminal: bool = False) -> AnalysisProgressed:
    """A progress record."""
    content = {"seq": seq, "stage": stage, "percent": 5, "message": message, "terminal": terminal}
    counts = dict.fromkeys(("wallets_done", "wallets_failed"), 0)
    more = {"request_id": "A", "wallets_total": 2, "balances_done": False, "at": 1_700_000_000}
    return AnalysisProgressed.model_validate({**content, **counts, **more})


def failed(status: str, code: str) -> AnalysisFailed:
    """A terminal record full of what somebody else wrote."""
    return AnalysisFailed(
        request_id="A",
        status=status,
        code=code,
        message=UPSTREAM,
        wallets_failed=[FailedWallet(wallet=WALLET, code="upstream_rejected", message=UPSTREAM)],
        faults=[],
        at=1_700_000_000,
    )


def ended(
    installation: Installation, terminal: Encoded, status: str, result: bytes | None = None
) -> None:
    """Record the end of A in the store."""
    new = NewRequest("A", b"digest", "topic/0/0", ["a", "b"], {}, 1, 2_000_000_000, tenant=HOSTILE)

    async def stored() -> None:
        dsn = installation.environment["STREAMPROC_POSTGRES_DSN"]
        async with open_store(dsn, pool_size=1) as store:
            await store.record_request(new)
            await store.decide([Decision("A", status, None, terminal, None, result=result)])

    asyncio.run(stored())


@pytest.mark.parametrize(
    ("status", "code"), [("cancelled", "cancelled"), ("failed", "wallets_failed")]
)
def test_watch_and_result_of_a_request_that_failed(
    whole: Installation, status: str, code: str
) -> None:
    terminal = failed(status, code)
    whole.say(
        progress(1, "accepted", HOSTILE), progress(2, status, HOSTILE, terminal=True), terminal
    )
    ended(whole, codec_for(whole.settings).encode(terminal, time_ms=1), status)
    check(whole.on_terminal("watch", "A"), 1)
    check(whole.on_terminal("watch", "A", "--output", "json"), 1)
    check(whole.on_terminal("result", "A"), 1)
    check(whole.on_terminal("list"), 0)
    check(whole.on_terminal("list", "--output", "json"), 0)


def test_dead_letters(installation: Installation) -> None:
    name = installation.settings.topic_prefix + read_topology().dead_letters.name
    raw = HOSTILE.encode()
    headers = (
        (HOSTILE, b"x"),
        ("ce_subject", raw),
        ("x-first-seen", raw),
        ("x-reason", raw),
        ("__streams.errors.topic", raw),
        ("__streams.errors.message", raw),
    )
    installation.send(Encoded(name, raw, b"no json " + raw, headers))
    listed = installation.run("dlq", "list", "--output", "json")
    (position,) = [each["letter"] for each in json.loads(listed.stdout)]
    check(installation.on_terminal("dlq", "list"), 0)
    check(installation.on_terminal("dlq", "show", position), 0)
    check(installation.on_terminal("dlq", "list", "--output", "json"), 0)
    check(installation.on_terminal("dlq", "show", position, "--output", "json"), 0)
    check(installation.on_terminal("dlq", "replay", position, "--dry-run"), 0)


@pytest.mark.parametrize("form", ["table", "json", "html"])
def test_a_result_whose_tokens_and_reasons_are_sequences(
    whole: Installation, result: dict[str, Any], form: str
) -> None:
    content = copy.deepcopy(result) | {"request_id": "A"}
    for token in content["tokens"].values():
        token.update(symbol=HOSTILE, name=HOSTILE)
    for pair in content["pairs"]:
        pair["sentence"] = pair["label"] = HOSTILE
        for item in pair["evidence"]:
            item["reason"] = HOSTILE
    for item in content["missing"]:
        item["reason"] = HOSTILE
    terminal = codec_for(whole.settings).encode(AnalysisCompleted.model_validate(result), time_ms=1)
    ended(whole, terminal, "completed", json.dumps(content).encode())
    check(whole.on_terminal("result", "A", "--format", form), 0)


def test_arguments_of_a_command_are_not_obeyed_either(whole: Installation) -> None:
    check(whole.on_terminal("result", HOSTILE), 2)
    check(whole.on_terminal("submit", HOSTILE), 2)
    check(whole.on_terminal("dlq", "show", HOSTILE), 2)
    check(whole.on_terminal(HOSTILE), 2)
