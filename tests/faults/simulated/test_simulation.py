"""The flow keeps its promises in every order, with repeats, and with crashes between any two steps."""

from __future__ import annotations

import asyncio

import pytest

from streamproc.agents import similarity
from streamproc.agents.join.logic import JoinLogic
from streamproc.engine.join import changelog
from streamproc.errors import StreamprocError
from tests.faults.simulated import simulation
from tests.faults.simulated.promises import POINTS
from tests.faults.simulated.simulation import simulate

SEEDS = 200
_decode = changelog.decode


def test_two_hundred_seeds_keep_every_promise_and_reach_every_point() -> None:
    """A point that no seed reaches would be a promise that nothing has tried."""
    reached: set[str] = set()
    for seed in range(SEEDS):
        reached |= asyncio.run(simulate(seed))
    assert not POINTS - reached


def test_a_seed_is_the_same_run_every_time() -> None:
    runs = []
    for _ in range(2):
        run = simulation.Simulation(5)
        asyncio.run(run.run())
        runs.append({topic: [r.value for r in log] for topic, log in run.log.items()})
    assert runs[0] == runs[1]


async def undecided(_: object, told: list[tuple[bytes, list[object]]]) -> list[list[object]]:
    """What a join publishes that asks nobody whether the request has ended."""
    return [records for _, records in told]


def without_outputs(raw: bytes) -> changelog.Stored:
    """What is read of a changelog that is written without the outputs."""
    return changelog.Stored(_decode(raw).state)


@pytest.mark.parametrize(
    ("where", "what", "broken"),
    [(JoinLogic, "decide", undecided), (changelog, "decode", without_outputs)],
    ids=["an end that nobody decided", "a table without outputs"],
)
def test_the_simulation_finds_an_engine_that_breaks_a_promise(
    where: object, what: str, broken: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that passes whatever the engine does would be worth nothing."""
    monkeypatch.setattr(where, what, broken)
    with pytest.raises(AssertionError, match="seed"):
        run_all()


def run_all() -> None:
    """All seeds."""
    for seed in range(SEEDS):
        asyncio.run(simulate(seed))


@pytest.mark.parametrize(
    "error", [TypeError("a bug"), StreamprocError("of no known kind")], ids=str
)
def test_a_result_that_cannot_be_composed_or_encoded_ends_its_request(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a dead letter of AnalysisReady it would never end: nobody else speaks for it from then on."""

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(similarity, "_completed", fails)
    for seed in range(5):
        assert "completed" not in asyncio.run(simulate(seed))
