from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
from solders.pubkey import Pubkey

from streamproc import limits
from streamproc.core.chain.balances import Balances, Holding
from streamproc.core.chain.solana import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from streamproc.errors import (
    RequestEndedError,
    UpstreamInconsistentError,
    UpstreamKeyRejectedError,
    UpstreamRejectedError,
    UpstreamUnavailableError,
)
from streamproc.upstream import Account, WalletBalances, unlimited
from tests.upstream.services import OTHER, WALLET, BudgetStore, Clock, answered, opened, rpc_error

SYSTEM = "11111111111111111111111111111111"
MINT = str(Pubkey.from_bytes(b"\x21" * 32))
THIRD = str(Pubkey.from_bytes(b"\x09" * 32))


def _account(owner: str = SYSTEM, *, executable: bool = False, lamports: int = 7) -> dict[str, Any]:
    return {"lamports": lamports, "owner": owner, "executable": executable, "data": ["", "base64"]}


def _token(owner: str, amount: int, *, state: str = "initialized") -> dict[str, Any]:
    info = {
        "mint": MINT,
        "owner": owner,
        "state": state,
        "tokenAmount": {"amount": str(amount), "decimals": 6},
    }
    return {"pubkey": MINT, "account": {"data": {"parsed": {"info": info}}}}


class BalanceService:
    """Accounts and token accounts; `with_context` is the other shape of a page."""

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, Any] | None] = {}
        self.tokens: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.is_paged = True
        self.with_context = False
        self.key_after_last = False
        self.page_max = 10_000
        self.asked: list[tuple[str, list[Any]]] = []
        self.broken: dict[str, httpx.Response] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        call = orjson.loads(request.content)
        method, params = call["method"], call["params"]
        self.asked.append((method, params))
        if str(params[0]) in self.broken:
            return self.broken[params[0]]
        if method == "getMultipleAccounts":
            shown = [self.accounts.get(each) for each in params[0]]
            return answered({"context": {"slot": 1}, "value": shown})
        owned = self.tokens.get((params[0], params[1]["programId"]), [])
        if method == "getTokenAccountsByOwner":
            return answered({"context": {"slot": 1}, "value": owned})
        return self._page(owned, params[2]) if self.is_paged else rpc_error(-32601)

    def _page(self, owned: list[dict[str, Any]], options: dict[str, Any]) -> httpx.Response:
        start = int(options.get("paginationKey", 0))
        end = start + min(options["limit"], self.page_max)
        more = end < len(owned) or (self.key_after_last and start < len(owned))
        key = str(end) if more else None
        if self.with_context:
            return answered({"value": {"accounts": owned[start:end], "paginationKey": key}})
        return answered({"value": owned[start:end], "paginationKey": key})


@pytest.fixture
def service() -> BalanceService:
    """A wallet with accounts of both programs, one frozen, and one that was never funded."""
    service = BalanceService()
    service.accounts = {WALLET: _account(lamports=2**63), OTHER: None}
    service.tokens = {
        (WALLET, TOKEN_PROGRAM): [_token(WALLET, 2**64 - 1), _token(WALLET, 0)],
        (WALLET, TOKEN_2022_PROGRAM): [_token(WALLET, 5, state="frozen")],
    }
    return service


WHOLE = Balances(2**63, (Holding(MINT, 2**64 + 4, 6, 2, is_frozen=True),))


@pytest.mark.parametrize("with_context", [True, False])
@pytest.mark.parametrize("is_paged", [True, False])
@pytest.mark.parametrize("page_max", [1, 10_000])
async def test_both_programs_shapes_and_methods_give_the_same(
    service: BalanceService, clock: Clock, *, with_context: bool, is_paged: bool, page_max: int
) -> None:
    service.with_context, service.is_paged, service.page_max = with_context, is_paged, page_max
    async with opened(service, clock=clock) as upstream:
        found = await upstream.balances([WALLET, OTHER], permit=unlimited)
    assert found == {
        WALLET: WalletBalances("ok", WHOLE),
        OTHER: WalletBalances("ok", Balances(0, ())),
    }


async def test_a_failed_fetch_is_the_wallets_error_and_never_empty(
    service: BalanceService, clock: Clock
) -> None:
    service.broken = {WALLET: httpx.Response(503), THIRD: rpc_error(-32602)}
    async with opened(service, clock=clock) as upstream:
        found = await upstream.balances([WALLET, OTHER, THIRD], permit=unlimited)
    assert [found[each].state for each in (WALLET, OTHER, THIRD)] == ["failed", "ok", "failed"]
    assert isinstance(found[WALLET].error, UpstreamUnavailableError)
    assert isinstance(found[THIRD].error, UpstreamRejectedError)
    assert found[WALLET].balances is None


async def test_time_outs_make_pages_smaller_and_classify_nobody(
    service: BalanceService, clock: Clock
) -> None:
    service.broken = {WALLET: httpx.Response(504)}
    async with opened(service, clock=clock) as upstream:
        found = await upstream.balances([WALLET], permit=unlimited)
    assert found[WALLET].state == "failed"
    asked = [params[2]["limit"] for method, params in service.asked if method.endswith("V2")]
    assert asked[:3] == [10_000, 5_000, 2_500]


async def test_accounts_of_another_owner_are_noticed(service: BalanceService, clock: Clock) -> None:
    service.tokens[WALLET, TOKEN_PROGRAM] = [_token(OTHER, 1)]
    async with opened(service, clock=clock) as upstream:
        found = await upstream.balances([WALLET], permit=unlimited)
    assert isinstance(found[WALLET].error, UpstreamInconsistentError)


@pytest.mark.parametrize("is_paged", [True, False])
@pytest.mark.parametrize("key_after_last", [True, False])
@pytest.mark.parametrize(("count", "state"), [(40, "ok"), (41, "oversized"), (90, "oversized")])
async def test_only_a_count_makes_a_wallet_oversized(
    service: BalanceService,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_paged: bool,
    key_after_last: bool,
    count: int,
    state: str,
) -> None:
    monkeypatch.setattr(limits, "TOKEN_ACCOUNTS_MAX", 40)
    monkeypatch.setattr(limits, "TOKEN_ACCOUNTS_PAGE", 40)
    service.is_paged, service.key_after_last = is_paged, key_after_last
    service.tokens = {(WALLET, TOKEN_PROGRAM): [_token(WALLET, 1)] * count}
    async with opened(service, clock=clock) as upstream:
        found = await upstream.balances([WALLET], permit=unlimited)
        wanted = await upstream.balances([WALLET], permit=unlimited, include_oversized=True)
    assert found[WALLET].state == state
    assert wanted[WALLET].balances == Balances(
        2**63, (Holding(MINT, count, 6, count, is_frozen=False),)
    )


async def test_a_wallet_known_as_oversized_is_not_listed(
    service: BalanceService, clock: Clock
) -> None:
    async with opened(service, clock=clock) as upstream:
        found = await upstream.balances([WALLET], permit=unlimited, known_oversized={WALLET})
    assert found[WALLET] == WalletBalances("oversized", Balances(2**63, ()))
    assert [method for method, _ in service.asked] == ["getMultipleAccounts"]


async def test_a_refused_key_ends_the_whole_request(service: BalanceService, clock: Clock) -> None:
    service.broken = {WALLET: httpx.Response(401)}
    async with opened(service, clock=clock) as upstream:
        with pytest.raises(UpstreamKeyRejectedError):
            await upstream.balances([WALLET, OTHER], permit=unlimited)


async def test_an_ended_request_asks_nothing(
    service: BalanceService, clock: Clock, budget_store: BudgetStore
) -> None:
    async with opened(service, budget_store, clock) as upstream:
        permit = upstream.permit("a", credit_budget=None, is_ended=lambda: True)
        with pytest.raises(RequestEndedError):
            await upstream.balances([WALLET], permit=permit)
    assert service.asked == []


async def test_accounts_come_by_the_hundred_and_say_what_is_no_wallet(
    service: BalanceService, clock: Clock
) -> None:
    many = [str(Pubkey.from_bytes(number.to_bytes(32, "big"))) for number in range(1, 251)]
    service.accounts = {
        many[0]: _account(),
        many[1]: _account(executable=True),
        many[2]: _account(TOKEN_PROGRAM),
        many[3]: _account(TOKEN_2022_PROGRAM),
        many[4]: None,
    }
    async with opened(service, clock=clock) as upstream:
        found = await upstream.accounts(many, permit=unlimited)
    assert [found[each].is_wallet for each in many[:5]] == [True, False, False, False, True]
    assert found[many[4]] == Account(0, None, is_executable=False)
    assert [len(params[0]) for _, params in service.asked] == [100, 100, 50]
