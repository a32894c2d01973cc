"""The oracle: reads all topics and the store after a run, and says what of the promises was not kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson

from tests.faults.environment import AGAIN
from tests.faults.plans.plan import FULL
from tests.flow.installation import KEY
from tests.flow.rules import TERMINAL_TOPICS, check_end, lasting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from streamproc.sandbox.service.counters import Counters
    from streamproc.sandbox.world.world import World
    from tests.faults.plans.plan import Plan
    from tests.flow.installation import Installation, Said

Json = dict[str, Any]
PUBLIC = (*TERMINAL_TOPICS, "analysis-progress")
SPARE_CALLS = 2  # of a fault-free run, beside another's


@dataclass(frozen=True)
class Undisturbed:
    """What a run without faults says: the results by request, and how many pages of histories it asked for."""

    results: Mapping[str, Json]
    pages: int


def check_requests(
    installation: Installation, plan: Plan, requests: Iterable[str], undisturbed: Undisturbed | None
) -> None:
    """Each request has one end, of a kind that the plan allows; a completed one equals the undisturbed run's."""
    for request_id in requests:
        end = ending_of(installation.said, request_id, plan)
        assert end["status"] in plan.ends, (request_id, end["status"], end.get("code"))
        if end["status"] == "completed":
            check_completed(installation, end)
            if undisturbed is not None:
                expected = undisturbed.results[request_id.partition(AGAIN)[0]]
                differing = differences(*compared(expected, end))
                assert not (found := list(differing)), (request_id, found[:5])


def ending_of(said: Iterable[Said], request_id: str, plan: Plan) -> Json:
    """The one end of a request, after progress in order; only the end, when the plan loses the count of progress."""
    if not plan.loses_count:
        return check_end(said, request_id)
    mine = [each for each in said if each.key == request_id.encode()]
    (value,) = {each.value for each in mine if each.topic in TERMINAL_TOPICS}
    end: Json = orjson.loads(value or b"")
    last = [each.event for each in mine if each.topic == "analysis-progress"][-1]
    assert (last["terminal"], last["stage"]) == (True, end["status"])
    return end


def compared(expected: Json, found: Json) -> tuple[Any, Any]:
    """What has to be equal: all that lasts of the same inputs, otherwise every figure of wallets and pairs.

    Evidence rests on all wallets that are stored at that moment, other requests' too, so its inputs may differ.
    """
    if expected["inputs_digest"] == found["inputs_digest"]:
        named = {"request_id": expected["request_id"]}  # it may have been asked under another name
        return lasting(expected), lasting({**found, **named})
    return figures(expected), figures(found)


def figures(result: Json) -> Json:
    """The figures of a result that rest on its own wallets alone."""
    own = ("wallet_a", "wallet_b", "scores", "shared_tokens", "tokens_a", "tokens_b", "overlap")
    pairs = {
        (pair["wallet_a"], pair["wallet_b"]): {name: pair[name] for name in own}
        for pair in result["pairs"]
    }
    kept = lasting(result)
    return {"wallets": kept["wallets"], "pairs": pairs, "missing": kept["missing"]}


def differences(expected: Any, found: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON
    """Where two JSON values differ, and in what."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted(expected.keys() | found.keys(), key=str):
            yield from differences(expected.get(name), found.get(name), f"{path}.{name}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif expected != found:
        yield f"{path}: {str(expected)[:150]} became {str(found)[:150]}"


def check_completed(installation: Installation, end: Json) -> None:
    """Every wallet that was asked for is there, up to the slot that its WalletAnalyzed named."""
    request_id = end["request_id"]
    (accepted,) = {each.value for each in installation.of("analysis-accepted", request_id)}
    asked = next(each.event for each in installation.of("analysis-accepted", request_id))
    assert accepted is not None
    assert [each["wallet"] for each in end["wallets"]] == sorted(asked["wallets"])
    said: dict[str, set[Any]] = {}
    for each in installation.of("wallet-analyzed", request_id):
        event = each.event
        said.setdefault(event["wallet"], set()).add((event["outcome"], event.get("watermark_slot")))
    for wallet in end["wallets"]:
        assert len(said[wallet["wallet"]]) == 1, "two different things were said of a wallet"
        ((outcome, watermark),) = said[wallet["wallet"]]
        assert (outcome, wallet["outcome"]) == ("analyzed", "analyzed")
        assert watermark >= (wallet["coverage"]["last_slot"] or 0)


async def check_store(
    installation: Installation, world: World, plan: Plan, requests: Iterable[str]
) -> None:
    """The rows say what the topics say; of every wallet all that lies in a stored range is stored, once."""
    connection = await asyncpg.connect(installation.environment["STREAMPROC_POSTGRES_DSN"])
    try:
        rows = await connection.fetch("SELECT request_id, status FROM analyses")
        statuses = {row["request_id"]: row["status"] for row in rows}
        for request_id in requests:
            end = ending_of(installation.said, request_id, plan)
            assert statuses[request_id] == end["status"]
        ranges = await connection.fetch(
            "SELECT address, from_slot, to_slot, (SELECT count(*) FROM entries AS e"
            " WHERE e.wallet_id = w.id AND e.slot BETWEEN r.from_slot AND r.to_slot) AS stored"
            " FROM wallet_ranges AS r JOIN wallets AS w ON w.id = r.wallet_id"
        )
        for row in ranges:
            slots = [entry.slot for entry in world.entries(row["address"])]
            expected = sum(row["from_slot"] <= slot <= row["to_slot"] for slot in slots)
            assert row["stored"] == expected, f"half a wallet: {row}"
    finally:
        await connection.close()


def check_letters(installation: Installation, plan: Plan) -> None:
    """Nothing was diverted but what the plan says."""
    found = {each.headers["x-reason"].decode() for each in installation.of("dead-letters")}
    assert found <= plan.letters, installation.of("dead-letters")[0]


def check_calls(
    counters: Counters,
    plan: Plan,
    requests: Mapping[str, Collection[str]],
    undisturbed: Undisturbed,
) -> None:
    """Pages are asked for again only where a crash lost one under way or the upstream refused it.

    A request that is made again under another name asks once a wallet whether there is news.
    """
    wallets = len({each for listed in requests.values() for each in listed})
    news = sum(len(listed) for name, listed in requests.items() if AGAIN in name)
    refused = sum(counters.faults.values())
    again = plan.crashes * wallets * SPARE_CALLS
    allowed = undisturbed.pages + refused + again + news + SPARE_CALLS
    asked = counters.methods[FULL]
    assert asked <= allowed, f"{asked} pages were asked for, {allowed} are allowed"


def check_secrets(installation: Installation, metrics: Iterable[str]) -> None:
    """The planted key is in no log, record, dead letter or metric."""
    canary = KEY.encode()
    for each in installation.said:
        told = [each.value or b"", each.key or b"", *each.headers.values()]
        assert not any(canary in text for text in told), f"the key is on {each.topic}"
    for number in range(len(installation.workers)):
        assert KEY not in installation.log(number), f"the key is in the log of worker {number}"
    assert not any(KEY in text for text in metrics), "the key is among the metrics"


def repeated(said: Iterable[Said]) -> int:
    """How many public records were said more than once, each repeat counted."""
    counts = Counter((each.topic, each.key, each.value) for each in said if each.topic in PUBLIC)
    return sum(counts.values()) - len(counts)
