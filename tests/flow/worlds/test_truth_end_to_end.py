"""Through real Kafka, Postgres and HTTP the result of a generated world is its truth, however histories are listed."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import pytest_asyncio

from streamproc.sandbox.service.faults import Fault
from streamproc.sandbox.truth.pnl import true_pnl
from streamproc.sandbox.truth.scores import terms_of
from tests.flow.conftest import served
from tests.flow.rules import check_end, lasting
from tests.truth.against import (
    compare_balances,
    compare_coverage,
    compare_pairs,
    compare_records,
    compare_set,
    said_in_event,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.sandbox.service.server import Sandbox
    from streamproc.sandbox.world.world import World
    from tests.flow.conftest import Opener
    from tests.flow.installation import Installation

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

FULL = "getTransactionsForAddress"
ENHANCED = "history"
ONE = "getTransaction"
FORMS = {"full": FULL, "enhanced": ENHANCED, "rpc": ONE}
HISTORY_CALLS = ("getSignaturesForAddress", *FORMS.values())
EVERYTHING = {"max_tokens_per_wallet": 10_000}


class Run(NamedTuple):
    """One installation that has answered one request."""

    installation: Installation
    sandbox: Sandbox
    result: dict[str, Any]
    asked: dict[str, int]  # calls by method until then


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(world: World, open_installation: Opener) -> AsyncIterator[dict[str, Run]]:
    """The same request answered by three installations.

    One upstream has everything, one lacks the preferred method, one is any provider of Solana RPC.
    """
    async with AsyncExitStack() as opened:
        answered = {}
        for form in FORMS:
            sandbox = opened.enter_context(served(world, standard_only=form == "rpc"))
            if form == "enhanced":
                sandbox.set_faults(Fault("-32601", method=FULL))
            source = {"STREAMPROC_HISTORY_SOURCE": "rpc"} if form == "rpc" else {}
            installation = await opened.enter_async_context(open_installation(sandbox, **source))
            await installation.ready_worker()
            await installation.request("truth", world.addresses, **EVERYTHING)
            result = await installation.ending("truth")
            answered[form] = Run(installation, sandbox, result, dict(sandbox.counters.methods))
        yield answered


@pytest.mark.parametrize("form", FORMS)
async def test_every_figure_of_the_result_equals_the_truth(
    runs: dict[str, Run], world: World, form: str
) -> None:
    result, said = runs[form].result, runs[form].installation.said
    assert result["status"] == "completed"
    assert check_end(said, "truth") == result
    assert result["truncated"] is None
    assert [wallet["wallet"] for wallet in result["wallets"]] == sorted(world.addresses)
    for wallet in result["wallets"]:
        address = wallet["wallet"]
        assert (wallet["outcome"], wallet["error"]) == ("analyzed", None)
        compare_coverage(wallet["coverage"], world, address, enhanced=form == "enhanced")
        truth = true_pnl(world.entries(address), terms_of(world))
        compare_records(wallet["pnl"], said_in_event(truth))
        compare_balances(wallet["balances"], world, address)
    compare_pairs(result["pairs"], world, world.addresses)
    assert result["pairs_total"] == len(result["pairs"])
    compare_set(result["set"], world, world.addresses)


@pytest.mark.parametrize("form", FORMS)
async def test_what_is_said_of_each_wallet_counts_its_transactions_trades_and_tokens(
    runs: dict[str, Run], world: World, form: str
) -> None:
    said = runs[form].installation.of("wallet-analyzed", "truth")
    assert {each.event["wallet"] for each in said} == set(world.addresses)
    for each in said:
        event = each.event
        truth = true_pnl(world.entries(event["wallet"]), terms_of(world))
        assert event["outcome"] == "analyzed"
        compare_coverage(event["coverage"], world, event["wallet"], enhanced=form == "enhanced")
        assert event["counts"] == {
            "transactions": len(world.entries(event["wallet"])),
            "trades": truth["trades"],
            "tokens": truth["tokens_traded"],
        }


@pytest.mark.parametrize("form", FORMS)
async def test_every_token_that_is_held_or_shared_has_its_name_and_price_or_is_listed_as_missing(
    runs: dict[str, Run], world: World, form: str
) -> None:
    result = runs[form].result
    held = {token["mint"] for each in result["wallets"] for token in each["balances"]["tokens"]}
    assert held <= result["tokens"].keys()
    missing = {(each["kind"], each["id"]) for each in result["missing"]}
    for mint, token in result["tokens"].items():
        assert token["decimals"] == world.chain.decimals[mint]
        assert (token["name"] is None) == (("metadata", mint) in missing)
        assert (token["price_usd"] is None) == (("price", mint) in missing)
        if token["price_usd"] is not None:
            assert token["price_usd"] == float(world.prices_usd[mint])


async def test_each_form_was_really_used(runs: dict[str, Run], world: World) -> None:
    assert runs["rpc"].asked[ONE] >= sum(len(world.entries(each)) for each in world.addresses) / 2
    assert not {FULL, ENHANCED} & runs["rpc"].asked.keys()
    assert ENHANCED not in runs["full"].asked
    assert runs["full"].asked[FULL] >= len(world.addresses)
    assert runs["enhanced"].sandbox.counters.faults["-32601"] == runs["enhanced"].asked[FULL]
    assert runs["enhanced"].asked[ENHANCED] >= len(world.addresses)


@pytest.mark.parametrize("form", ["enhanced", "rpc"])
async def test_every_form_gives_the_same_result(runs: dict[str, Run], form: str) -> None:
    full, other = (_told_by_every_form(runs[each].result) for each in ("full", form))
    assert full.keys() == other.keys()
    # The digest is of what was read, and so of what a form says that it may not know.
    said = [[each["coverage"] for each in runs[of].result["wallets"]] for of in ("full", form)]
    digests = [runs[of].result["inputs_digest"] for of in ("full", form)]
    assert (digests[0] == digests[1]) == (said[0] == said[1])
    unequal = {"inputs_digest"} | ({"tokens", "missing"} if form == "rpc" else set())
    for name in full.keys() - unequal:
        assert other[name] == full[name], name


def _told_by_every_form(result: dict[str, Any]) -> dict[str, Any]:
    """The result without what a form may not know: whose an unchanged account is, which accounts there were.

    Intervals are drawn with a seed from the digest of the inputs, so they differ where that does.
    """
    told = lasting(result)
    told["pairs"] = [
        {**pair, "evidence": [each for each in pair["evidence"] if each["kind"] != "interval"]}
        for pair in told["pairs"]
    ]
    for wallet in told["wallets"]:
        unequal = {"estimated_entries", "token_accounts"}
        known = {name: each for name, each in wallet["coverage"].items() if name not in unequal}
        wallet["coverage"] = known
    return told


@pytest.mark.parametrize("form", FORMS)
async def test_a_second_request_asks_histories_only_for_what_is_new(
    runs: dict[str, Run], world: World, form: str
) -> None:
    installation, sandbox, result, _ = runs[form]
    sandbox.counters.reset()
    await installation.request("again", world.addresses, **EVERYTHING)
    again = await installation.ending("again")
    assert lasting({**again, "request_id": "truth"}) == lasting(result)
    calls = sandbox.counters.methods
    if form == "rpc":  # only what may be new since the last known slot is fetched once more
        assert calls[ONE] <= 2 * len(world.addresses)
        return
    assert calls[FORMS[form]] == len(world.addresses)
    if form == "enhanced":
        return  # that form has no filter by slot: one page is the least that can be asked
    for wallet in world.addresses:  # the last known slot is listed again, nothing below it
        entries = world.entries(wallet)
        newest = sum(entry.slot == entries[-1].slot for entry in entries)
        assert sandbox.counters.transactions[wallet] <= newest


@pytest.mark.parametrize("form", FORMS)
async def test_a_request_that_accepts_recent_histories_makes_no_history_call(
    runs: dict[str, Run], world: World, form: str
) -> None:
    installation, sandbox, result, _ = runs[form]
    sandbox.counters.reset()
    await installation.request("recent", world.addresses, max_age_s=3600, **EVERYTHING)
    recent = await installation.ending("recent")
    assert not any(sandbox.counters.methods[call] for call in HISTORY_CALLS)
    assert lasting(recent)["wallets"] == lasting(result)["wallets"]
    assert recent["set"] == result["set"]
    assert [each["scores"] for each in recent["pairs"]] == [
        each["scores"] for each in result["pairs"]
    ]
