"""The wallets of a request are asked about by the hundred, however few of them are looked at at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, cast

import pytest

from streamproc import limits
from streamproc.agents.lookups.wallet_check import WalletCheck
from streamproc.errors import UpstreamUnavailableError
from streamproc.upstream import Account

if TYPE_CHECKING:
    from streamproc.store import Store


class Requested(NamedTuple):
    wallets: list[str]


class Requests:
    """A store that knows one request."""

    def __init__(self, wallets: int) -> None:
        self.wallets = [f"w{number}" for number in range(wallets)]

    async def request(self, request_id: str) -> Requested | None:
        return Requested(self.wallets) if request_id == "known" else None


class Service:
    """Answers with as many lamports as it was called before."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.is_broken = False

    async def __call__(self, addresses: list[str]) -> dict[str, Account]:
        self.asked.append(addresses)
        await asyncio.sleep(0)
        if self.is_broken:
            raise UpstreamUnavailableError("away")
        return {each: Account(len(self.asked), None, is_executable=False) for each in addresses}


def _wallet_check(wallets: int) -> tuple[WalletCheck, list[str], Service]:
    store = Requests(wallets)
    return WalletCheck(cast("Store", store)), store.wallets, Service()


async def test_two_hundred_and_fifty_wallets_one_after_the_other_take_three_calls() -> None:
    check, wallets, service = _wallet_check(250)
    for wallet in wallets:
        await check.of("known", wallet, service)
    assert [len(asked) for asked in service.asked] == [100, 100, 50]
    assert sorted(wallet for asked in service.asked for wallet in asked) == sorted(wallets)


async def test_any_number_at_once_and_whenever_they_come_take_as_few() -> None:
    check, wallets, service = _wallet_check(250)
    calls = []
    for wallet in reversed(wallets):
        calls.append(asyncio.create_task(check.of("known", wallet, service)))
        await asyncio.sleep(0)
    await asyncio.gather(*calls)
    assert [len(asked) for asked in service.asked] == [100, 100, 50]


async def test_an_error_reaches_all_who_waited_and_is_not_kept() -> None:
    check, wallets, service = _wallet_check(3)
    service.is_broken = True
    both = await asyncio.gather(
        *(check.of("known", wallet, service) for wallet in wallets), return_exceptions=True
    )
    assert [type(each) for each in both] == [UpstreamUnavailableError] * 3
    assert len(service.asked) == 1
    service.is_broken = False
    assert (await check.of("known", wallets[0], service)).lamports == 2


async def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    check, wallets, service = _wallet_check(2)
    first = asyncio.create_task(check.of("known", wallets[0], service))
    second = asyncio.create_task(check.of("known", wallets[1], service))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).lamports == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_request_that_nobody_knows_is_asked_about_as_it_comes() -> None:
    check, _, service = _wallet_check(3)
    await check.of("unknown", "w1", service)
    assert service.asked == [["w1"]]


async def test_another_request_asks_anew() -> None:
    check, wallets, service = _wallet_check(2)
    first = await check.of("known", wallets[0], service)
    again = await check.of("unknown", wallets[0], service)
    assert (first.lamports, again.lamports) == (1, 2)


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KINDS_REMEMBERED", 2)
    check, wallets, service = _wallet_check(5)
    for wallet in wallets:
        await check.of("known", wallet, service)
    assert len(service.asked) > 1
