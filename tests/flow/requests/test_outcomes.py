"""What becomes of a request whose wallets, upstream or options are out of the ordinary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamproc.sandbox.service.faults import Fault
from streamproc.sandbox.truth.pnl import true_pnl
from streamproc.sandbox.truth.scores import terms_of
from streamproc.sandbox.world.world import World
from tests.flow.conftest import changed, served
from tests.flow.rules import check_end
from tests.truth.against import compare_records, said_in_event

if TYPE_CHECKING:
    from tests.flow.conftest import House, Opener

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

FULL = "getTransactionsForAddress"
TOKENS = "getTokenAccountsByOwnerV2"


async def ended(house: House, request_id: str, wallets: list[str], **options: object) -> Any:  # noqa: ANN401
    """The request's terminal record, after a look at the rules."""
    await house.installation.request(request_id, wallets, **options)
    await house.installation.ending(request_id)
    return check_end(house.installation.said, request_id)


def by_wallet(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["wallet"]: each for each in result["wallets"]}


def missing(result: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["kind"], each["id"]) for each in result["missing"]}


# --- wallets ---


async def test_a_wallet_that_the_upstream_refuses_fails_the_request_and_is_named(
    house: House,
) -> None:
    good, refused, other = house.world.addresses[:3]
    with changed(house.sandbox, Fault("-32602", method=FULL, wallet=refused)):
        failed = await ended(house, "refused", [good, refused, other])
    assert (failed["status"], failed["code"]) == ("failed", "wallets_failed")
    (named,) = failed["wallets_failed"]
    assert (named["wallet"], named["code"]) == (refused, "upstream_rejected")
    assert named["message"]
    assert refused in failed["message"]


async def test_a_refused_wallet_is_named_in_the_result_when_the_ratio_allows_it(
    house: House,
) -> None:
    good, refused, other = house.world.addresses[:3]
    with changed(house.sandbox, Fault("-32602", method=FULL, wallet=refused)):
        result = await ended(house, "tolerated", [good, refused, other], min_success_ratio=0.6)
    assert result["status"] == "completed"
    wallet = by_wallet(result)[refused]
    assert wallet["outcome"] == "failed"
    assert wallet["error"]["code"] == "upstream_rejected"
    assert wallet["pnl"] is None
    assert wallet["coverage"] is None
    assert ("history", refused) in missing(result)
    assert [(pair["wallet_a"], pair["wallet_b"]) for pair in result["pairs"]] == [
        tuple(sorted([good, other]))
    ]
    last = house.installation.of("analysis-progress", "tolerated")[-1].event
    assert (last["wallets_total"], last["wallets_done"], last["wallets_failed"]) == (3, 2, 1)


async def test_programs_token_accounts_and_listed_addresses_are_excluded_and_named(
    house: House,
) -> None:
    first, second = house.world.addresses[:2]
    excluded = {house.world.program, house.world.token_account, house.listed}
    with changed(house.sandbox):
        result = await ended(house, "excluded", [first, second, *excluded])
        assert not house.sandbox.counters.transactions.keys() & excluded
    assert result["status"] == "completed"
    wallets = by_wallet(result)
    assert {name for name, each in wallets.items() if each["outcome"] == "excluded"} == excluded
    for wallet in excluded:
        assert wallets[wallet]["error"]["message"]
        assert wallets[wallet]["balances"] is None
        assert wallets[wallet]["pnl"] is None
    assert result["pairs_total"] == 1
    last = house.installation.of("analysis-progress", "excluded")[-1].event
    assert (last["wallets_total"], last["wallets_done"], last["wallets_failed"]) == (5, 5, 0)


async def test_fewer_than_two_addresses_that_are_wallets_fail_the_request(house: House) -> None:
    wallets = [house.world.addresses[0], house.world.program]
    failed = await ended(house, "too-few", wallets, min_success_ratio=0.0)
    assert (failed["status"], failed["code"]) == ("failed", "too_few_wallets")


async def test_an_address_that_was_never_funded_is_analyzed_with_zeros(house: House) -> None:
    nobody = house.world.never_funded
    result = await ended(house, "nobody", [house.world.addresses[0], nobody])
    wallet = by_wallet(result)[nobody]
    assert (wallet["outcome"], wallet["error"]) == ("analyzed", None)
    assert wallet["coverage"]["state"] == "complete"
    assert wallet["coverage"]["transactions"] == 0
    assert wallet["coverage"]["gaps"] == []
    assert (wallet["balances"]["state"], wallet["balances"]["lamports"]) == ("ok", 0)
    assert wallet["balances"]["tokens"] == []
    assert (wallet["pnl"]["trades"], wallet["pnl"]["net_lamports"]) == (0, 0)
    assert wallet["pnl"]["win_rate"] is None
    assert result["set"]["wallets_without_trades"] == [nobody]


async def test_a_wallet_with_too_many_token_accounts_is_oversized_unless_wanted(
    house: House,
) -> None:
    other, whale = house.world.addresses[0], house.world.oversized
    result = await ended(house, "oversized", [other, whale])
    assert by_wallet(result)[whale]["outcome"] == "analyzed"
    balances = by_wallet(result)[whale]["balances"]
    assert (balances["state"], balances["tokens"]) == ("oversized", [])
    assert balances["lamports"] > 0
    assert ("balances", whale) in missing(result)
    (pair,) = result["pairs"]
    held = {name: score for name, score in pair["scores"].items() if name.startswith("held")}
    assert len(held) == 4
    assert set(held.values()) == {None}
    assert pair["trend"] is None
    wanted = await ended(house, "whole", [other, whale], include_oversized=True)
    balances = by_wallet(wanted)[whale]["balances"]
    assert balances["state"] == "ok"
    assert [token["accounts"] for token in balances["tokens"]] == [10_050]
    assert ("balances", whale) not in missing(wanted)


async def test_balances_that_cannot_be_fetched_fail_their_wallet(house: House) -> None:
    good, failing, other = house.world.addresses[:3]
    with changed(house.sandbox, Fault("-32602", method=TOKENS, wallet=failing)):
        failed = await ended(house, "no-balances", [good, failing, other])
        result = await ended(
            house, "no-balances-allowed", [good, failing, other], min_success_ratio=0.5
        )
    assert (failed["status"], failed["code"]) == ("failed", "balances_failed")
    assert [each["wallet"] for each in failed["wallets_failed"]] == [failing]
    assert result["status"] == "completed"
    assert by_wallet(result)[failing]["outcome"] == "failed"
    assert by_wallet(result)[failing]["balances"]["state"] == "failed"
    assert by_wallet(result)[failing]["balances"]["lamports"] is None
    assert ("balances", failing) in missing(result)
    assert result["pairs_total"] == 1


# --- the upstream ---


async def test_a_key_that_the_upstream_rejects_fails_the_request_whatever_the_ratio(
    house: House,
) -> None:
    with changed(house.sandbox, Fault("401")):
        failed = await ended(house, "bad-key", house.world.addresses[:3], min_success_ratio=0.0)
    assert (failed["status"], failed["code"]) == ("failed", "upstream_key_rejected")
    # The next request is answered as if nothing had happened.
    assert (await ended(house, "good-key", house.world.addresses[:2]))["status"] == "completed"


async def test_without_the_price_service_the_analysis_completes_and_lists_what_it_lacks(
    house: House,
) -> None:
    await house.installation.execute("DELETE FROM token_prices")
    with changed(house.sandbox, Fault("400", method="prices")):
        result = await ended(house, "no-prices", house.world.addresses[:3])
        assert house.sandbox.counters.faults["400"] > 0
    assert result["status"] == "completed"
    assert result["tokens"]
    for mint, token in result["tokens"].items():
        assert token["price_usd"] is None
        assert ("price", mint) in missing(result)
    for wallet in result["wallets"]:
        assert all(token["value_usd"] is None for token in wallet["balances"]["tokens"])
        assert wallet["pnl"]["realized_lamports"] is not None


# --- options ---


async def test_since_and_until_bound_what_is_counted_as_the_truth_counts_it(house: House) -> None:
    wallets = house.world.addresses[:3]
    times = sorted(entry.time for each in wallets for entry in house.world.entries(each))
    since, until = times[len(times) // 4], times[3 * len(times) // 4]
    result = await ended(
        house, "window", wallets, since=since, until=until, max_tokens_per_wallet=10_000
    )
    terms = terms_of(house.world, since=since, until=until)
    for wallet, found in by_wallet(result).items():
        truth = true_pnl(house.world.entries(wallet), terms)
        compare_records(found["pnl"], said_in_event(truth))
        assert found["coverage"]["transactions"] == len(house.world.entries(wallet))


async def test_the_newest_transactions_alone_are_a_capped_coverage_and_a_lower_bound(
    house: House,
) -> None:
    wallets = house.world.addresses[3:5]
    result = await ended(house, "capped", wallets, max_transactions=15)
    for wallet, found in by_wallet(result).items():
        newest = house.world.entries(wallet)[-15:]
        coverage = found["coverage"]
        assert (coverage["state"], coverage["transactions"]) == ("capped", 15)
        assert coverage["first_slot"] == newest[0].slot
        assert coverage["gaps"] == [[0, newest[0].slot - 1]]
    assert [pair["lower_bound"] for pair in result["pairs"]] == [True]
    whole = await ended(house, "uncapped", wallets)
    for wallet, found in by_wallet(whole).items():
        assert found["coverage"]["state"] == "complete"
        assert found["coverage"]["transactions"] == len(house.world.entries(wallet))
    assert [pair["lower_bound"] for pair in whole["pairs"]] == [False]


async def test_without_enrichment_no_name_and_no_price_is_asked_for(house: House) -> None:
    with changed(house.sandbox):
        result = await ended(house, "plain", house.world.addresses[:3], enrich=False)
        assert not house.sandbox.counters.methods["prices"]
        assert not house.sandbox.counters.methods["getAssetBatch"]
    assert result["missing"] == []
    for token in result["tokens"].values():
        assert (token["name"], token["price_usd"]) == (None, None)


async def test_a_request_that_may_spend_nothing_asks_nothing_and_says_why(house: House) -> None:
    with changed(house.sandbox):
        failed = await ended(house, "penniless", house.world.addresses[:2], credit_budget=0)
        assert house.sandbox.counters.requests == 0
    assert (failed["status"], failed["code"]) == ("failed", "credit_budget_exceeded")


async def test_a_spent_credit_budget_ends_the_asking_and_the_coverage_says_so(
    house: House,
) -> None:
    known, fresh = house.world.addresses[0], house.world.addresses[5]
    await ended(house, "beforehand", [known, house.world.addresses[1]])
    with changed(house.sandbox, Fault("short_page", method=FULL, wallet=fresh)):
        result = await ended(house, "budget", [known, fresh], credit_budget=36, max_age_s=3600)
        assert house.sandbox.counters.credits <= 36
    assert result["status"] == "completed"
    assert result["credits_spent"] == house.sandbox.counters.credits
    coverage = by_wallet(result)[fresh]["coverage"]
    assert coverage["state"] == "partial"
    assert 0 < coverage["transactions"] < len(house.world.entries(fresh))
    assert coverage["gaps"]
    assert ("history", fresh) in missing(result)
    assert by_wallet(result)[known]["coverage"]["state"] == "complete"


async def test_histories_leave_credits_for_the_balances_without_which_there_is_no_result(
    open_installation: Opener,
) -> None:
    world = World(seed=41, wallets=6, transactions=(30, 60))
    with served(world) as sandbox:
        async with open_installation(sandbox) as installation:
            await installation.ready_worker()
            for budget in (20, 40, 90):
                sandbox.counters.reset()
                name = f"budget-{budget}"
                await installation.execute("TRUNCATE wallets CASCADE")
                await installation.request(name, world.addresses, credit_budget=budget)
                await installation.ending(name)
                result = check_end(installation.said, name)
                assert result["status"] == "completed", result
                assert sandbox.counters.credits <= budget
                states = {each["coverage"]["state"] for each in result["wallets"]}
                assert "partial" in states
