"""Tenants through the whole product: quotas are refusals that name themselves, no tenant is another one's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from streamproc.sandbox.service.faults import Fault
from streamproc.sandbox.world.world import World
from tests.flow.conftest import changed, served
from tests.flow.rules import check_end

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flow.conftest import Opener
    from tests.flow.installation import Installation
    from tests.flow.rules import Json

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

FULL = "getTransactionsForAddress"
QUOTAS: Final = """
tenants:
  acme: {running_requests: 1}
  small: {wallets: 3}
  thrifty: {credits_per_day: 1}
"""


@pytest.mark.timeout(300)
async def test_a_tenants_quotas_are_rejections_that_name_them(
    open_installation: Opener, tmp_path: Path
) -> None:
    quotas = tmp_path / "quotas.yaml"
    quotas.write_text(QUOTAS)
    world = World(seed=41, wallets=12, transactions=(8, 16))
    w = world.addresses
    with served(world) as sandbox:
        async with open_installation(sandbox, STREAMPROC_QUOTAS_FILE=str(quotas)) as on:
            await on.ready_worker()
            with changed(sandbox, Fault("hang", method=FULL, wallet=w[0])):
                await on.request("first", w[:2], tenant="acme", enrich=False)
                await on.until(lambda: sandbox.counters.faults["hang"], "nothing was asked for")
                await on.request("second", w[2:4], tenant="acme", enrich=False)
                await on.ending("second")
                end = check_end(on.said, "second")
                assert (end["status"], end["code"]) == ("rejected", "invalid_request")
                (fault,) = end["faults"]
                assert (fault["field"], fault["value"]) == ("tenant", "acme")
                assert "running_requests of 1" in fault["rule"]
                await on.request("others", w[2:4], tenant="other", enrich=False)
                await on.ending("others")
                assert check_end(on.said, "others")["status"] == "completed"
                await on.send("analysis-cancel-requested", "first", {"request_id": "first"})
                await on.ending("first")
            assert (await ended(on, "third", w[2:4], "acme"))["status"] == "completed"
            large = await ended(on, "large", w[:4], "small")
            assert "wallets of 3" in large["faults"][0]["rule"]
            # The first one spends more than the quota while it runs, so its histories are cut and the next is refused.
            await ended(on, "spends", w[4:8], "thrifty")
            spent = await ended(on, "spent", w[8:10], "thrifty")
            assert "credits_per_day of 1" in spent["faults"][0]["rule"]


async def ended(on: Installation, name: str, wallets: list[str], tenant: str) -> Json:
    """The end of a request of this tenant."""
    await on.request(name, wallets, tenant=tenant, enrich=False)
    await on.ending(name)
    return check_end(on.said, name)


@pytest.mark.timeout(300)
async def test_a_request_of_another_tenant_does_not_queue_behind_a_tenants_many(
    open_installation: Opener,
) -> None:
    """The upstream's rate makes the many last; by the order of arrival the other one would end among the last."""
    many = 20
    world = World(seed=42, wallets=5 * many + 2, transactions=(8, 16))
    rate = {"STREAMPROC_HELIUS_RPC_RPS": "60"}
    with served(world) as sandbox:
        async with open_installation(sandbox, **rate) as on:
            await on.ready_worker()
            names = [f"heavy-{number}" for number in range(many)]
            for number, name in enumerate(names):
                chosen = world.addresses[5 * number : 5 * number + 5]
                await on.request(name, chosen, tenant="heavy", enrich=False)
            await on.until(lambda: on.of("wallet-sync", names[-1]), "the last was not fanned out")
            await on.request("light", world.addresses[-2:], tenant="light", enrich=False)
            await on.ending("light")
            ended = sum(bool(on.of("analysis-completed", name)) for name in names)
            assert ended < many // 2, f"{ended} of {many} were served before it"
            for name in names:
                await on.ending(name)
                assert check_end(on.said, name)["status"] == "completed"
    assert check_end(on.said, "light")["status"] == "completed"
