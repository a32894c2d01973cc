"""Each example asks, follows and reads as the contract says: real programs, answered over a real broker."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from streamproc.cli.shared.conformance_kit import answered
from streamproc.contract.files import examples_folder
from tests.examples.packages import ALL, CLIENTS, EXAMPLES, Example

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Installation

WALLETS = [
    "FcT6Vggj45iW2jGrBRFi8az8MbYTHKNrpFtyUuTVF9LX",
    "BUJ1cP7tXqLH1ikzaSJfL2ekTydoQHqDhLA7xcvgnodZ",
]
MOST_LINES = 40
COMMENT = re.compile(r"\s*(//|#|/\*\*|\"\"\")")
IMPORT = re.compile(r"(import|from|package)\b|\s+\"[\w./-]+\"$")
IDLE = re.compile(r"[\s(){}\[\];,]*")


def published(event: str, name: str) -> dict[str, Any]:
    """The value of a published example."""
    path = examples_folder() / event / f"{name}.json"
    value: dict[str, Any] = json.loads(path.read_text("utf-8"))["value"]
    return value


async def run(example: Example, installation: Installation) -> subprocess.CompletedProcess[str]:
    """The example's end, asked by it for the analysis of two wallets."""
    return await asyncio.to_thread(
        subprocess.run,
        [*example.run, *WALLETS],
        cwd=example.folder,
        env=installation.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def answered_with(
    outcome: str, example: Example, installation: Installation
) -> tuple[subprocess.CompletedProcess[str], int]:
    """How the example ended, and by how many records its request was answered."""
    started = asyncio.Event()
    answering = asyncio.create_task(
        answered(installation.settings, outcome, count=1, timeout_s=60, started=started.set)
    )
    await started.wait()
    done = await run(example, installation)
    ((_, sent),) = await answering
    return done, sent


@pytest.mark.real
@pytest.mark.parametrize("example", CLIENTS, ids=lambda example: example.name)
async def test_an_example_follows_its_request_to_the_result_and_to_a_failure(
    example: Example, installation: Installation
) -> None:
    if (why := example.lacks()) is not None:
        pytest.skip(why)
    done, sent = await answered_with("completed", example, installation)
    assert (done.returncode, done.stderr) == (0, "")
    steps = [line for line in done.stdout.splitlines() if " % " in line]
    assert len(steps) == len(set(steps)) == sent - 1  # each record came twice
    assert re.match(r" *100(\.0)? % ", steps[-1])
    (pair,) = published("AnalysisCompleted", "completed")["pairs"]
    (said,) = done.stdout.splitlines()[len(steps) :]
    for each in (pair["wallet_a"], pair["wallet_b"], str(pair["scores"]["idf"]), pair["verdict"]):
        assert each in said
    failed, _ = await answered_with("wallets_failed", example, installation)
    assert failed.returncode == 1
    assert published("AnalysisFailed", "wallets_failed")["message"] in failed.stderr


@pytest.mark.parametrize("example", CLIENTS, ids=lambda example: example.name)
def test_an_example_has_under_forty_lines_that_say_something(example: Example) -> None:
    lines = (example.folder / example.source).read_text("utf-8").splitlines()
    said = [
        line
        for line in lines
        if not (COMMENT.match(line) or IMPORT.match(line) or IDLE.fullmatch(line))
    ]
    assert 10 < len(said) < MOST_LINES


def test_every_folder_of_the_examples_is_tested() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == set(ALL)


@pytest.mark.parametrize(
    "lock", [*EXAMPLES.glob("*/package-lock.json")], ids=lambda path: path.parent.name
)
def test_a_lock_names_hashes_and_no_host(lock: Path) -> None:
    text = lock.read_text("utf-8")
    assert '"integrity"' in text
    assert '"resolved"' not in text
