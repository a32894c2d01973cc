"""Asking on a real broker: what is sent, and how a request is followed to its end, also when its end is past."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from solders.pubkey import Pubkey

from streamproc.cli.shared.records import now_ms
from streamproc.events import (
    AnalysisCompleted,
    AnalysisFailed,
    AnalysisProgressed,
    FailedWallet,
    WalletAnalyzed,
    WalletProgressed,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Installation

pytestmark = pytest.mark.real
WALLETS = [str(Pubkey(bytes([n]) * 32)) for n in (1, 2)]


def progressed(request_id: str, seq: int, stage: str, percent: float) -> AnalysisProgressed:
    """A progress record; the last stages are terminal."""
    return AnalysisProgressed.model_validate(
        {
            "request_id": request_id,
            "seq": seq,
            "stage": stage,
            "percent": percent,
            "wallets_total": 2,
            "wallets_done": 0,
            "wallets_failed": 0,
            "balances_done": False,
            "message": f"step {seq}",
            "terminal": stage in {"completed", "failed"},
            "at": int(time.time()),
        }
    )


def completed(result: dict[str, Any], request_id: str) -> AnalysisCompleted:
    """The terminal record of a request that went well."""
    return AnalysisCompleted.model_validate(result | {"request_id": request_id})


def failed(request_id: str, status: str = "failed") -> AnalysisFailed:
    """The terminal record of a request that did not."""
    wallet = FailedWallet(wallet=WALLETS[0], code="upstream_rejected", message="no such wallet")
    return AnalysisFailed.model_validate(
        {
            "request_id": request_id,
            "status": status,
            "code": "wallets_failed",
            "message": "one wallet failed",
            "wallets_failed": [wallet],
            "at": 1,
        }
    )


def test_a_request_lies_on_its_topic_as_the_contract_says(installation: Installation) -> None:
    done = installation.run("submit", *WALLETS, "--request-id", "lab-1", "--max-pairs", "7")
    assert (done.returncode, done.stdout) == (0, "lab-1\n")
    (record,) = installation.records("analysis-requested")
    assert record.key == b"lab-1"
    content = json.loads(record.value)
    assert (content["request_id"], content["wallets"], content["max_pairs"]) == (
        "lab-1",
        WALLETS,
        7,
    )
    headers = dict(record.headers)
    assert headers["ce_type"] == b"AnalysisRequested"
    assert headers["ce_subject"] == b"lab-1"


def test_a_cancel_lies_on_its_topic_and_says_where(installation: Installation) -> None:
    done = installation.run("cancel", "lab-1", "--reason", "wrong list", "--output", "json")
    place = json.loads(done.stdout)
    (record,) = installation.records("analysis-cancel-requested")
    assert json.loads(record.value) == {"request_id": "lab-1", "reason": "wrong list"}
    assert (place["request_id"], place["partition"], place["offset"]) == (
        "lab-1",
        record.partition,
        record.offset,
    )


def test_a_wrong_request_is_not_sent(installation: Installation) -> None:
    done = installation.run("submit", "x", "y", "--request-id", "a/b")
    assert done.returncode == 2
    assert all(field in done.stderr for field in ("request_id", "wallets.0", "wallets.1"))
    assert installation.records("analysis-requested") == []


def test_a_late_watch_sees_everything_from_the_first_record(
    installation: Installation, result: dict[str, Any]
) -> None:
    installation.say(
        progressed("other", 1, "accepted", 5),
        progressed("lab-1", 1, "accepted", 5),
        progressed("lab-1", 2, "syncing", 30),
        completed(result, "lab-1"),
        progressed("lab-1", 3, "completed", 100),
        failed("other"),
    )
    done = installation.run("watch", "lab-1", "--output", "json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [line.get("seq") for line in lines] == [1, 2, 3, None]
    assert {line["request_id"] for line in lines} == {"lab-1"}
    assert lines[-1]["status"] == "completed"


def test_elsewhere_than_on_a_terminal_a_watch_prints_plain_lines(
    installation: Installation, result: dict[str, Any]
) -> None:
    installation.say(
        progressed("lab-1", 1, "accepted", 5),
        completed(result, "lab-1"),
        progressed("lab-1", 2, "completed", 100),
    )
    done = installation.run("watch", "lab-1")
    assert done.stdout == ""
    assert "  5 % accepted: step 1" in done.stderr
    assert "100 % completed: step 2" in done.stderr
    assert "completed in 8.12 s" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_request_that_failed_ends_a_watch_with_1_and_its_reasons(
    installation: Installation,
) -> None:
    installation.say(
        progressed("lab-1", 1, "accepted", 5), progressed("lab-1", 2, "failed", 5), failed("lab-1")
    )
    done = installation.run("watch", "lab-1")
    assert done.returncode == 1
    assert "failed (wallets_failed): one wallet failed" in done.stderr
    assert "upstream_rejected: no such wallet" in done.stderr


def test_a_rejected_request_has_no_progress_and_still_ends_a_watch(
    installation: Installation,
) -> None:
    installation.say(failed("lab-1", "rejected"))
    done = installation.run("watch", "lab-1")
    assert done.returncode == 1
    assert "rejected (wallets_failed)" in done.stderr


def test_submit_and_wait_follows_what_is_said_afterwards(
    installation: Installation, result: dict[str, Any]
) -> None:
    waiting = installation.start("submit", *WALLETS, "--request-id", "lab-1", "--wait")
    deadline = time.monotonic() + 30
    while not installation.records("analysis-requested"):
        assert time.monotonic() < deadline
    installation.say(
        progressed("lab-1", 1, "accepted", 5),
        WalletProgressed(request_id="lab-1", wallet=WALLETS[0], transactions=5, fraction=0.5),
        WalletAnalyzed(request_id="lab-1", wallet=WALLETS[0], outcome="excluded"),
        completed(result, "lab-1"),
        progressed("lab-1", 2, "completed", 100),
    )
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, out) == (0, "lab-1\n")
    assert "excluded" in err
    assert "100 % completed" in err


def test_waiting_in_vain_ends_with_1(installation: Installation) -> None:
    done = installation.run("watch", "never-asked", "--timeout-s", "1")
    assert done.returncode == 1
    assert "never-asked has not ended within 1 s" in done.stderr


def test_without_topics_a_watch_says_which_one_is_missing(installation: Installation) -> None:
    installation.environment["STREAMPROC_TOPIC_PREFIX"] = f"none-{now_ms()}-"
    done = installation.run("watch", "lab-1")
    assert done.returncode == 2
    assert "streamproc topics apply" in done.stderr


def test_without_a_broker_the_setting_is_named(installation: Installation) -> None:
    installation.environment["STREAMPROC_KAFKA_BROKERS"] = "127.0.0.1:1"
    done = installation.run("submit", *WALLETS)
    assert done.returncode == 1
    assert "STREAMPROC_KAFKA_BROKERS=127.0.0.1:1" in done.stderr
