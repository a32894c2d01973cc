"""Every check of the oracle fails on a history that breaks its promise, and on none that keeps it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from streamproc.engine.records import partition_of
from streamproc.topics import read_topology
from tests.faults import oracle
from tests.faults.opening import small_world
from tests.faults.plans.plan import FULL, Injection, Plan
from tests.faults.trial import requests_of
from tests.faults.watch import MEMORY_BYTES, Sample, Watch, early_commits, queued
from tests.flow.installation import KEY, Said

if TYPE_CHECKING:
    from collections.abc import Iterable

PLAN = Plan("nothing")
SIX = {"first": "abcd", "next": "cdef"}  # wallets of two requests
WALLETS = ("one", "two")
# The records of one request in the order in which the product writes them.
FLOW = (
    ("analysis-requested", None),
    ("analysis-accepted", None),
    ("wallet-sync", "one"),
    ("wallet-sync", "two"),
    ("balance-fetch", None),
    ("wallet-analyzed", "one"),
    ("wallet-analyzed", "two"),
    ("balances-fetched", None),
    ("analysis-ready", None),
    ("analysis-completed", None),
)


def said_of(flow: Iterable[tuple[str, str | None]]) -> list[Said]:
    """These records, each topic with one partition."""
    ends: dict[str, int] = {}
    said = []
    for topic, wallet in flow:
        offset = ends.get(topic, 0)
        ends[topic] = offset + 1
        event = {"request_id": "r", "status": "completed"} | ({"wallet": wallet} if wallet else {})
        said.append(Said(topic, 0, offset, b"r", orjson.dumps(event), {}))
    return said


def sample(committed: dict[str, int], ends: dict[str, int]) -> Sample:
    """What was committed and where logs ended, by topic."""
    return Sample(
        {(topic, 0): offset for topic, offset in committed.items()},
        {(topic, 0): end for topic, end in ends.items()},
    )


ALL_ENDS: dict[str, int] = {}
for _topic, _ in FLOW:
    ALL_ENDS[_topic] = ALL_ENDS.get(_topic, 0) + 1
PARTS = {"analysis-accepted": 1, "wallet-analyzed": 2, "balances-fetched": 1}


@pytest.mark.parametrize(
    ("committed", "ends"),
    [
        ({"analysis-requested": 1}, {"analysis-requested": 1}),
        ({"wallet-sync": 1}, {"wallet-sync": 2}),
        ({"wallet-sync": 2}, {"wallet-sync": 2, "wallet-analyzed": 1}),
        ({"balance-fetch": 1}, {"balance-fetch": 1, "wallet-analyzed": 2}),
        ({"analysis-ready": 1}, {"analysis-ready": 1}),
        (PARTS, {**PARTS, "analysis-ready": 0}),
    ],
)
def test_a_commit_before_its_outcome_is_found(
    committed: dict[str, int], ends: dict[str, int]
) -> None:
    assert early_commits([sample(committed, ends)], said_of(FLOW))


def test_commits_after_their_outcomes_are_none() -> None:
    """Also some parts without the others, which decide nothing yet."""
    samples = [
        sample({}, ALL_ENDS),
        sample(ALL_ENDS, ALL_ENDS),
        sample({"wallet-sync": 1}, {"wallet-analyzed": 1}),
        sample({"analysis-accepted": 1, "wallet-analyzed": 2}, {}),
    ]
    assert early_commits(samples, said_of(FLOW)) == []


def test_an_outcome_that_never_came_is_found() -> None:
    flow = [each for each in FLOW if each != ("wallet-analyzed", "two")]
    assert early_commits([sample({"wallet-sync": 2}, ALL_ENDS)], said_of(flow))


def test_a_record_that_became_a_dead_letter_may_be_committed() -> None:
    headers = {"topic": b"x-wallet-sync", "partition": b"0", "offset": b"1"}
    letter = Said(
        "dead-letters",
        0,
        0,
        b"r",
        b"",
        {f"__streams.errors.{name}": value for name, value in headers.items()},
    )
    seen = [sample({"wallet-sync": 2}, {"wallet-analyzed": 1})]
    assert early_commits(seen, said_of(FLOW))
    assert early_commits(seen, [*said_of(FLOW), letter]) == []


def watch_of(**seen: Any) -> Watch:  # noqa: ANN401 - of several kinds
    """A watch that has seen this beside a good commit."""
    installation: Any = SimpleNamespace(said=said_of(FLOW))
    watch = Watch(installation)
    watch.samples.append(sample(ALL_ENDS, ALL_ENDS))
    for name, value in seen.items():
        setattr(watch, name, value)
    return watch


def test_a_watch_that_saw_nothing_wrong_says_nothing() -> None:
    watch_of(connections=[(8, 8)], memory=[1], queued=[("sync", 64)]).check()


@pytest.mark.parametrize(
    "seen",
    [
        {"samples": []},
        {"samples": [sample({"analysis-ready": 1}, {})]},
        {"connections": [(8, 8), (9, 8)]},
        {"memory": [1, MEMORY_BYTES]},
        {"queued": [("sync", 5000.0)]},
    ],
)
def test_a_watch_that_saw_something_wrong_fails(seen: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        watch_of(**seen).check()


def test_what_is_still_queued_at_the_end_is_found() -> None:
    line = 'streamproc_records_in_flight{{agent="join"}} {}\n'
    assert queued(line.format(3.0)) == [("join", 3.0)]
    watch_of().check_rest([line.format(0.0)])
    with pytest.raises(AssertionError):
        watch_of().check_rest([line.format(1.0)])


def test_a_secret_in_a_record_a_log_or_a_metric_is_found() -> None:
    def progress_and_end(value: bytes, log: str) -> Any:  # noqa: ANN401 - an installation's outside
        record = Said("dead-letters", 0, 0, None, value, {})
        return SimpleNamespace(said=[record], workers=[None], log=lambda _: log)

    oracle.check_secrets(progress_and_end(b"{}", "fine"), ["fine 1"])
    for value, log, metric in (
        (KEY.encode(), "", ""),
        (b"", f"key={KEY}", ""),
        (b"", "", f'a{{b="{KEY}"}} 1'),
    ):
        with pytest.raises(AssertionError):
            oracle.check_secrets(progress_and_end(value, log), [metric])


def test_a_dead_letter_that_no_plan_wants_is_found() -> None:
    letter = Said("dead-letters", 0, 0, None, b"", {"x-reason": b"bug"})
    installation: Any = SimpleNamespace(of=lambda _: [letter])
    oracle.check_letters(installation, Plan("p", letters=frozenset({"bug"})))
    with pytest.raises(AssertionError):
        oracle.check_letters(installation, PLAN)


def test_pages_that_are_asked_for_again_without_need_are_found() -> None:
    undisturbed = oracle.Undisturbed({}, pages=20)

    def asked(pages: int, refused: int = 0) -> Any:  # noqa: ANN401 - the sandbox's counters
        return SimpleNamespace(faults={"429": refused}, methods={FULL: pages})

    oracle.check_calls(asked(20), PLAN, SIX, undisturbed)
    oracle.check_calls(asked(25, refused=5), PLAN, SIX, undisturbed)
    oracle.check_calls(asked(32), Plan("k", injections=(Injection("kill"),)), SIX, undisturbed)
    oracle.check_calls(asked(26), PLAN, {**SIX, "first-again-1": "abcd"}, undisturbed)
    with pytest.raises(AssertionError):
        oracle.check_calls(asked(26), PLAN, SIX, undisturbed)


def test_another_figure_is_a_difference() -> None:
    one = {"wallets": [{"pnl": 1}, {"pnl": 2}]}
    assert list(oracle.differences(one, {"wallets": [{"pnl": 1}, {"pnl": 2}]})) == []
    assert list(oracle.differences(one, {"wallets": [{"pnl": 1}, {"pnl": 3}]}))
    assert list(oracle.differences(one, {"wallets": [{"pnl": 1}]}))


def test_a_public_record_that_comes_again_is_counted() -> None:
    twice = said_of([*FLOW, FLOW[-1], FLOW[2]])
    assert oracle.repeated(twice) == 1


def test_whatever_two_workers_are_assigned_each_has_a_request() -> None:
    topology = read_topology()
    (partitions,) = {topic.partitions for topic in topology.consumed_by("join")}
    places = {partition_of(name.encode(), partitions) for name in requests_of(small_world())}
    assert len(places) > partitions // 2
