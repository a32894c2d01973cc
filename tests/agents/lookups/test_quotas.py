"""The operator's file of quotas, and quotas held where requests are recorded and credits spent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamproc.agents.lookups.quotas import DailyCredits, quotas_of
from streamproc.core.quotas import Ceiling, Quota, Quotas, refusal
from streamproc.errors import ConfigurationError, CreditBudgetExceededError
from streamproc.settings import Settings
from streamproc.store import NewRequest

if TYPE_CHECKING:
    from pathlib import Path

    from streamproc.core.quotas import Usage
    from streamproc.store import Recorded, Store


def settings(file: Path | None) -> Settings:
    return Settings.model_validate(
        {"kafka_brokers": "127.0.0.1:1", "postgres_dsn": "postgresql://h/d", "quotas_file": file}
    )


def test_the_file_says_what_counts_for_whom(tmp_path: Path) -> None:
    file = tmp_path / "quotas.yaml"
    file.write_text(
        "installation: {credits_per_day: 1000000}\n"
        "default: {running_requests: 5}\n"
        "tenants:\n  acme: {running_requests: 50, wallets: 20000, credits_per_day: 500000}\n"
    )
    assert quotas_of(settings(file)) == Quotas(
        installation=Ceiling(credits_per_day=1_000_000),
        default=Quota(running_requests=5),
        tenants={"acme": Quota(running_requests=50, wallets=20_000, credits_per_day=500_000)},
    )
    assert quotas_of(settings(None)) == Quotas()
    file.write_text("")
    assert quotas_of(settings(file)) == Quotas()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("- a\n", "STREAMPROC_QUOTAS_FILE"),
        ("tenants: {acme: {wallets: -1}}", "tenants.acme.wallets"),
        ("tenants: {acme: {wallets: 1.5}}", "tenants.acme.wallets"),
        ("tenants: {acme: {wallets: '10'}}", "tenants.acme.wallets"),
        ("tenants: {acme: {walets: 10}}", "tenants.acme.walets"),
        ("tenants: {'a b': {wallets: 10}}", "a b"),
        ("tenants: {acme: [}", "YAML"),
        ("default: {wallets: 9223372036854775808}", "default.wallets"),
        ("installation: {wallets: 10}", "installation.wallets"),
        ("!!python/object/apply:os.system ['true']", "YAML"),
        ("tenants: {acme: {wallets: 2026-13-45}}", "YAML"),
        ("tenants: {acme: {wallets: !!int many}}", "YAML"),
        ("tenants: {acme: {wallets: !!bool many}}", "YAML"),
        ("tenants: {acme: {wallets: !!timestamp now}}", "YAML"),
        ("[" * 5000, "YAML"),
        ("tenants: {acme: {wallets: 1}, acme: {wallets: 2}}", "'acme' must stand once"),
        ("default: {wallets: 1, 'wallets': 2}", "'wallets' must stand once"),
        ("default: {}\ntenants: {}\ndefault: {wallets: 1}", "'default' must stand once"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, content: str, named: str) -> None:
    file = tmp_path / "quotas.yaml"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=named):
        quotas_of(settings(file))


def test_what_stands_in_a_file_once_may_be_referred_to(tmp_path: Path) -> None:
    file = tmp_path / "quotas.yaml"
    file.write_text(
        "default: &usual {running_requests: 5, wallets: 10}\n"
        "tenants: {acme: {<<: *usual, wallets: 20}, other: *usual}\n"
    )
    usual = Quota(running_requests=5, wallets=10)
    acme = Quota(running_requests=5, wallets=20)
    tenants = {"acme": acme, "other": usual}
    assert quotas_of(settings(file)) == Quotas(default=usual, tenants=tenants)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="STREAMPROC_QUOTAS_FILE"):
        quotas_of(settings(tmp_path / "nowhere.yaml"))
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="STREAMPROC_QUOTAS_FILE"):
        quotas_of(settings(tmp_path / "bytes.yaml"))


def new(name: str, tenant: str = "acme", wallets: int = 2) -> NewRequest:
    names = [f"w{number}" for number in range(wallets)]
    return NewRequest(name, name.encode(), f"t/0/{name}", names, {}, 0, 1, tenant=tenant)


@pytest.mark.real
async def test_of_many_requests_at_once_no_more_are_recorded_than_the_quota_allows(
    store: Store,
) -> None:
    quotas = Quotas(tenants={"acme": Quota(running_requests=3)})

    async def record(request: NewRequest) -> Recorded | str:
        def refuse(usage: Usage) -> str | None:
            return refusal(quotas, request.tenant, usage, wallets=len(request.wallets))

        return await store.record_within(request, refuse)

    found = await asyncio.gather(*(record(new(f"r{number}")) for number in range(12)))
    assert sum(isinstance(each, str) for each in found) == 9
    assert not isinstance(await record(new("r-other", "other")), str), "another tenant's"
    recorded = next(n for n, each in enumerate(found) if not isinstance(each, str))
    again = await record(new(f"r{recorded}"))
    assert not isinstance(again, str), "what is recorded already is not asked for again"


@pytest.mark.real
async def test_credits_of_today_are_the_tenants_own_and_everybodys(store: Store) -> None:
    for name, tenant, spent in (("a", "acme", 30), ("b", "acme", 12), ("c", "other", 5)):
        await store.record_request(new(name, tenant))
        await store.settle_credits(name, reserved=0, spent=spent)
    assert await store.credits_today("acme") == (42, 47)
    assert await store.credits_today("nobody") == (0, 47)
    own = DailyCredits(store, Quotas(tenants={"acme": Quota(credits_per_day=42)}))
    with pytest.raises(CreditBudgetExceededError, match="acme: quota credits_per_day of 42"):
        await own.check("acme")
    await own.check("other")
    ceiling = DailyCredits(store, Quotas(installation=Ceiling(credits_per_day=47)))
    with pytest.raises(CreditBudgetExceededError, match="whole installation"):
        await ceiling.check("other")
