"""Quotas: the number itself may be reached and not passed, and a refusal names it."""

from __future__ import annotations

import pytest

from streamproc.core.quotas import Ceiling, Quota, Quotas, Usage, refusal, spent

IDLE = Usage(running_requests=0, wallets=0, credits_today=0, credits_today_of_all=0)


@pytest.mark.parametrize(
    ("quota", "usage", "wallets", "says"),
    [
        (Quota(), Usage(10**6, 10**6, 10**12, 10**12), 1000, None),
        (Quota(running_requests=2), IDLE._replace(running_requests=1), 5, None),
        (Quota(running_requests=2), IDLE._replace(running_requests=2), 5, "running_requests of 2"),
        (Quota(running_requests=0), IDLE, 1, "running_requests of 0"),
        (Quota(wallets=100), IDLE._replace(wallets=95), 5, None),
        (Quota(wallets=100), IDLE._replace(wallets=95), 6, "wallets of 100"),
        (Quota(wallets=100), IDLE, 101, "wallets of 100"),
        (Quota(credits_per_day=500), IDLE._replace(credits_today=499), 5, None),
        (Quota(credits_per_day=500), IDLE._replace(credits_today=500), 5, "credits_per_day of 500"),
    ],
)
def test_a_quota_may_be_reached_and_not_passed(
    quota: Quota, usage: Usage, wallets: int, says: str | None
) -> None:
    why = refusal(Quotas(tenants={"acme": quota}), "acme", usage, wallets=wallets)
    assert (why is None) if says is None else (why is not None and says in why)


def test_a_named_tenant_takes_nothing_from_the_default() -> None:
    quotas = Quotas(default=Quota(running_requests=1), tenants={"acme": Quota(wallets=9)})
    busy = IDLE._replace(running_requests=5)
    assert refusal(quotas, "acme", busy, wallets=1) is None
    assert refusal(quotas, "anybody", busy, wallets=1) is not None
    assert quotas.binds("acme")
    assert quotas.binds("anybody")
    assert not Quotas().binds("anybody")


def test_the_ceiling_of_the_installation_holds_for_everybody() -> None:
    quotas = Quotas(installation=Ceiling(credits_per_day=1000), tenants={"acme": Quota()})
    assert quotas.binds("acme")
    assert spent(quotas, "acme", 0, 999) is None
    why = spent(quotas, "acme", 0, 1000)
    assert why is not None
    assert "whole installation" in why
