"""A request whose wallets are chosen by a token: resolved once, told as it is, and left out of its own statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamproc.sandbox.service.faults import Fault
from tests.flow.conftest import changed, served
from tests.flow.rules import check_end, check_headers, lasting

if TYPE_CHECKING:
    from streamproc.sandbox.world.world import World
    from tests.flow.conftest import House, Opener

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

NOW = 1_795_000_000  # after the end of the world
MINT_INFO = "getAccountInfo"
WRITTEN_BY_OTHERS = {"analysis-requested", "dead-letters"}


def rule(mint: str, count: int = 5, **more: object) -> dict[str, object]:
    """The largest holders of a mint; first buyers when `before` is given."""
    kind = "first_buyers" if "before" in more else "holders"
    return {"mint": mint, "kind": kind, "count": count, **more}


async def ask(house: House, request_id: str, cohort: object, **options: object) -> Any:  # noqa: ANN401
    """The request's terminal record, after a look at the rules."""
    body = {"request_id": request_id, "cohort": cohort, **options}
    await house.installation.send("analysis-requested", request_id, body)
    await house.installation.ending(request_id)
    return check_end(house.installation.said, request_id)


def popular(world: World) -> str:
    """The coin that most wallets of the world traded."""
    return world.market.coins[0].mint


async def test_holders_are_chosen_told_and_compared_without_their_token(house: House) -> None:
    mint = popular(house.world)
    with changed(house.sandbox):
        result = await ask(house, "holders", rule(mint))
        spent = house.sandbox.counters.credits
    (accepted,) = house.installation.of("analysis-accepted", "holders")
    found = accepted.event["cohort"]
    members = [each["wallet"] for each in found["members"]]
    assert 0 < len(members) <= 5
    assert accepted.event["wallets"] == sorted(members)
    assert [each["wallet"] for each in result["wallets"]] == sorted(members)
    assert result["cohort"] == {**found, "left_out": result["cohort"]["left_out"]}
    assert "no test of chance" in result["cohort"]["left_out"]
    assert house.listed not in members
    assert "operator" in {each["kind"] for each in found["outsiders"]} | {"operator"}
    first, second, *_ = house.installation.of("analysis-progress", "holders")
    assert first.event["message"] == f"resolving the cohort: the 5 largest holders of {mint}"
    assert second.event["message"] == f"{len(members)} wallets accepted"
    assert mint not in {each["mint"] for each in result["set"]["shared_tokens"]}
    for pair in result["pairs"]:
        assert mint not in {each for item in pair["evidence"] for each in item["mints"]}
    traded = {row["mint"] for wallet in result["wallets"] for row in wallet["pnl"]["tokens"]}
    assert mint in traded
    assert result["credits_spent"] == spent
    listed = "the-same-as-a-list"
    await house.installation.request(listed, members, excluded_mints=[mint])
    plain = await house.installation.ending(listed)
    assert plain["inputs_digest"] != result["inputs_digest"]
    assert lasting(plain)["wallets"] == lasting(result)["wallets"]


async def test_first_buyers_are_chosen_and_the_same_request_is_answered_again(
    house: House,
) -> None:
    cohort = rule(popular(house.world), 3, before=NOW)
    result = await ask(house, "buyers", cohort)
    found = result["cohort"]["members"]
    assert [each["slot"] for each in found] == sorted(each["slot"] for each in found)
    assert len(found) == 3
    before = len(house.installation.of("analysis-completed", "buyers"))
    await house.installation.send(
        "analysis-requested", "buyers", {"request_id": "buyers", "cohort": cohort}
    )
    await house.installation.until(
        lambda: len(house.installation.of("analysis-completed", "buyers")) > before, "no answer"
    )
    assert check_end(house.installation.said, "buyers") == result


@pytest.mark.parametrize(
    ("name", "cohort", "more", "field"),
    [
        ("zero", {"count": 0}, {}, "cohort.count"),
        ("many", {"count": 1001}, {}, "cohort.count"),
        ("no-kind", {"kind": "whales"}, {}, "cohort.kind"),
        ("no-mint", {"mint": "nobody"}, {}, "cohort.mint"),
        ("no-time", {"kind": "first_buyers"}, {}, "cohort.before"),
        ("future", {"kind": "first_buyers", "before": 32_503_680_000}, {}, "cohort.before"),
        ("both", {}, {"wallets": ["So11111111111111111111111111111111111111112"]}, "wallets"),
        ("neither", None, {}, "wallets"),
    ],
)
async def test_a_bad_rule_is_rejected_by_field(
    house: House, name: str, cohort: dict[str, object] | None, more: dict[str, object], field: str
) -> None:
    asked = None if cohort is None else {**rule(popular(house.world)), **cohort}
    failed = await ask(house, f"bad-{name}", asked, **more)
    assert (failed["status"], failed["code"]) == ("rejected", "invalid_request")
    assert [each["field"] for each in failed["faults"]] == [field]


async def test_what_is_no_mint_fails_by_name_and_costs_one_call(house: House) -> None:
    world = house.world
    cases = {
        "unknown_mint": rule(world.never_funded),
        "not_a_mint": rule(world.token_account),
        "no_buyers": rule(popular(world), before=1_000),
        "not_a_token": rule("So11111111111111111111111111111111111111112", before=NOW),
    }
    for code, cohort in cases.items():
        failed = await ask(house, f"code-{code.replace('_', '-')}", cohort)
        assert (failed["status"], failed["code"]) == ("failed", code)
        assert failed["message"]


async def test_a_budget_that_cannot_pay_for_the_wallets_is_not_spent_on_choosing_them(
    house: House,
) -> None:
    with changed(house.sandbox):
        failed = await ask(house, "poor", rule(popular(house.world), 100), credit_budget=50)
        assert house.sandbox.counters.requests == 0
    assert (failed["status"], failed["code"]) == ("failed", "credit_budget_exceeded")


async def test_a_cancel_while_the_cohort_is_resolved_ends_the_request_and_its_calls(
    house: House,
) -> None:
    with changed(house.sandbox, Fault("503", method=MINT_INFO)):
        body = {"request_id": "stopped", "cohort": rule(popular(house.world))}
        await house.installation.send("analysis-requested", "stopped", body)
        await house.installation.until(
            lambda: house.installation.of("analysis-progress", "stopped"), "nothing is said"
        )
        await house.installation.send(
            "analysis-cancel-requested", "stopped", {"request_id": "stopped"}
        )
        await house.installation.ending("stopped")
    assert check_end(house.installation.said, "stopped")["status"] == "cancelled"
    assert not house.installation.of("analysis-accepted", "stopped")


async def test_a_worker_killed_while_it_resolves_and_after_it_has_changes_nothing(
    open_installation: Opener, world: World
) -> None:
    stable = {"STREAMPROC_WORKER_ID": "the-only-one"}
    with served(world) as sandbox:
        async with open_installation(sandbox, **stable) as installation:
            body = {"request_id": "killed", "cohort": rule(popular(world))}
            for number, point in enumerate(("mid-cohort", "after-cohort-kept")):
                worker = await installation.ready_worker(STREAMPROC_FAILPOINTS=f"{point}=kill")
                if not number:
                    await installation.send("analysis-requested", "killed", body)
                await installation.until(lambda w=worker: w.poll() is not None, "it lives")
            assert sandbox.counters.methods[MINT_INFO] == 2  # what was not kept is asked again
            await installation.ready_worker()
            await installation.ending("killed")
            assert sandbox.counters.methods[MINT_INFO] == 2  # what was kept is not
            result = check_end(installation.said, "killed")
            assert result["status"] == "completed"
            kept = {each.value for each in installation.of("analysis-accepted", "killed")}
            assert len(kept) == 1
            check_headers(
                [each for each in installation.said if each.topic not in WRITTEN_BY_OTHERS]
            )
            assert not installation.of("dead-letters")
