"""A backend is tested against the contract over a real broker; the client is one that passes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from streamproc.cli.shared.conformance_kit import answered, checked
from streamproc.cli.shared.environment import NO_STORE
from streamproc.client import AnalysisEndedError, Client, CohortRule, RequestOptions
from streamproc.errors import InvalidInputError
from streamproc.events import AnalysisFailed, AnalysisProgressed, AnalysisRequested, Cohort
from streamproc.serde import Encoded
from streamproc.settings import Settings

if TYPE_CHECKING:
    from tests.cli.conftest import Installation

WALLETS = [
    "FcT6Vggj45iW2jGrBRFi8az8MbYTHKNrpFtyUuTVF9LX",
    "BUJ1cP7tXqLH1ikzaSJfL2ekTydoQHqDhLA7xcvgnodZ",
]
WORKERS_PARTS = (
    "faust",
    "mode",
    "pydantic",
    "asyncpg",
    "httpx",
    "numpy",
    "scipy",
    "solders",
    "rich",
    "click",
)


def client_of(installation: Installation) -> Client:
    settings = installation.settings
    return Client(settings.kafka_brokers, topic_prefix=settings.topic_prefix)


async def with_answers(installation: Installation, outcome: str, asked: Any) -> Any:  # noqa: ANN401 - whatever is asked
    """What the client got while one request was answered."""
    started = asyncio.Event()
    answering = asyncio.create_task(
        answered(installation.settings, outcome, count=1, timeout_s=60, started=started.set)
    )
    await started.wait()
    async with client_of(installation) as client:
        got = await asyncio.wait_for(asked(client), 60)
    (done,) = await answering
    return got, done


@pytest.mark.real
async def test_a_client_sees_each_step_once_and_the_result(installation: Installation) -> None:
    async def asked(client: Client) -> Any:  # noqa: ANN401
        request_id = await client.submit(WALLETS, request_id="lab-1", max_pairs=10)
        seen = [progress async for progress in client.watch(request_id)]
        return seen, await client.result(request_id)

    (seen, result), (request_id, sent) = await with_answers(installation, "completed", asked)
    assert request_id == "lab-1"
    assert [each["seq"] for each in seen] == list(range(1, len(seen) + 1))
    assert seen[-1]["terminal"]
    assert sent == len(seen) + 1
    assert (result["request_id"], result["status"]) == ("lab-1", "completed")
    async with client_of(installation) as late:  # who never asked, after the end
        again = [each["seq"] async for each in late.watch("lab-1")]
        assert again == [each["seq"] for each in seen]
        assert await late.result("lab-1") == result


@pytest.mark.real
@pytest.mark.parametrize(
    ("outcome", "status"), [("wallets_failed", "failed"), ("rejected", "rejected")]
)
async def test_an_end_without_a_result_is_raised_with_its_record(
    installation: Installation, outcome: str, status: str
) -> None:
    async def asked(client: Client) -> Any:  # noqa: ANN401
        with pytest.raises(AnalysisEndedError) as raised:
            await client.result(await client.submit(WALLETS))
        return raised.value.failure

    failure, _ = await with_answers(installation, outcome, asked)
    assert failure["status"] == status
    assert failure["faults"] if status == "rejected" else failure["wallets_failed"]


@pytest.mark.real
async def test_what_a_backend_asks_is_checked_with_every_fault(installation: Installation) -> None:
    started = asyncio.Event()
    checking = asyncio.create_task(
        checked(installation.settings, count=4, timeout_s=60, started=started.set)
    )
    await started.wait()
    topic = installation.settings.topic_prefix + "analysis-requested"
    wrong = json.dumps({"request_id": "b", "wallets": ["x"], "deadline_s": "soon"}).encode()
    other = json.dumps({"request_id": "c", "wallets": WALLETS}).encode()
    async with client_of(installation) as client:
        await client.submit(WALLETS, request_id="a", tenant="desk-2")
        await client.cancel("a", "wrong list")
    await asyncio.to_thread(
        installation.send, Encoded(topic, b"q", wrong, ()), Encoded(topic, b"z", other, ())
    )
    found = {(each.topic, each.key): each.faults for each in await checking}
    assert found["analysis-requested", "a"] == []
    assert found["analysis-cancel-requested", "a"] == []
    assert {fault.split(":")[0] for fault in found["analysis-requested", "q"]} == {
        "wallets.0",
        "deadline_s",
        "key",
    }
    assert found["analysis-requested", "z"] == ["key: must be the request id"]


@pytest.mark.real
def test_the_commands_answer_and_say_how_it_went(installation: Installation) -> None:
    answered_all = threading.Event()
    asking = threading.Thread(target=lambda: asyncio.run(_ask(installation, answered_all)))
    asking.start()
    done = installation.run("conformance", "consumer", "--timeout-s", "60", "--output", "json")
    answered_all.set()
    asking.join()
    assert done.returncode == 0, done.stderr
    assert [each["request_id"] for each in json.loads(done.stdout)] == ["lab-2"]
    silent = installation.run("conformance", "producer", "--timeout-s", "0.2")
    assert silent.returncode == 1


async def _ask(installation: Installation, answered_all: threading.Event) -> None:
    """Ask again until it has been answered: what comes before the command reads is not read."""
    async with client_of(installation) as client:
        while not answered_all.is_set():
            await client.submit(WALLETS, request_id="lab-2")
            await asyncio.sleep(0.5)


async def test_an_outcome_without_examples_is_refused() -> None:
    settings = Settings.model_validate({"kafka_brokers": "127.0.0.1:1", "postgres_dsn": NO_STORE})
    with pytest.raises(InvalidInputError, match="wallets_failed"):
        await answered(settings, "no-such-end", count=1, timeout_s=1, started=lambda: None)


def test_the_client_loads_nothing_of_the_worker() -> None:
    code = (
        f"import sys, streamproc.client; print([n for n in {WORKERS_PARTS!r} if n in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "[]"


def test_the_clients_records_have_the_fields_of_the_events() -> None:
    from streamproc.client import Failure, Progress  # noqa: PLC0415 - types alone

    asked = set(AnalysisRequested.model_fields) - {"request_id", "wallets", "cohort"}
    assert set(RequestOptions.__annotations__) == asked
    assert list(CohortRule.__annotations__) == list(Cohort.model_fields)
    assert list(Progress.__annotations__) == list(AnalysisProgressed.model_fields)
    assert list(Failure.__annotations__) == list(AnalysisFailed.model_fields)
