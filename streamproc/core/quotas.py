"""What a tenant, and the installation, may have: the operator's numbers, and what is said when they are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
UNTIL_MIDNIGHT: Final = "until 00:00 UTC"


class Quota(BaseModel):
    """What one tenant may have at most; null is without a limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    running_requests: Count | None = None  # that have not ended
    wallets: Count | None = None  # of running requests together
    credits_per_day: Count | None = None  # upstream credits of requests recorded this UTC day


class Ceiling(BaseModel):
    """What all tenants may have together; null is without a limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    credits_per_day: Count | None = None


class Quotas(BaseModel):
    """The operator's file: the installation's ceiling, the quota of a tenant that is not named, and the named ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    installation: Ceiling = Ceiling()
    default: Quota = Quota()
    tenants: dict[str, Quota] = {}

    def of(self, tenant: str) -> Quota:
        """The quota that counts for this tenant; a named one stands alone and takes nothing from the default."""
        return self.tenants.get(tenant, self.default)

    def binds(self, tenant: str) -> bool:
        """Whether anything is limited for this tenant."""
        return self.of(tenant) != Quota() or self.counts_credits(tenant)

    def counts_credits(self, tenant: str) -> bool:
        """Whether this tenant's credits of a day are limited, by its own quota or by the installation's ceiling."""
        own, all_together = self.of(tenant).credits_per_day, self.installation.credits_per_day
        return own is not None or all_together is not None


NO_QUOTAS: Final = Quotas()


class Usage(NamedTuple):
    """What is used now, the new request not counted. Credits are of requests recorded this UTC day."""

    running_requests: int
    wallets: int
    credits_today: int
    credits_today_of_all: int


def refusal(quotas: Quotas, tenant: str, usage: Usage, *, wallets: int) -> str | None:
    """Why a new request of so many wallets is refused: the quota by its name, its number, and what is used; or None.

    >>> quotas = Quotas(tenants={"acme": Quota(running_requests=2)})
    >>> refusal(quotas, "acme", Usage(2, 40, 0, 0), wallets=3)
    'quota running_requests of 2: 2 are running'
    >>> refusal(quotas, "other", Usage(9, 40, 0, 0), wallets=3) is None
    True
    """
    quota = quotas.of(tenant)
    if quota.running_requests is not None and usage.running_requests >= quota.running_requests:
        return f"quota running_requests of {quota.running_requests}: {usage.running_requests} are running"
    if quota.wallets is not None and usage.wallets + wallets > quota.wallets:
        return f"quota wallets of {quota.wallets}: {usage.wallets} are in running requests, {wallets} would join"
    return spent(quotas, tenant, usage.credits_today, usage.credits_today_of_all)


def spent(quotas: Quotas, tenant: str, today: int, today_of_all: int) -> str | None:
    """Why no more credits may be spent for this tenant today; None while they may."""
    own, together = quotas.of(tenant).credits_per_day, quotas.installation.credits_per_day
    if own is not None and today >= own:
        return f"quota credits_per_day of {own}: {today} are spent {UNTIL_MIDNIGHT}"
    if together is not None and today_of_all >= together:
        whole = f"quota credits_per_day of {together} of the whole installation"
        return f"{whole}: {today_of_all} are spent {UNTIL_MIDNIGHT}"
    return None


def quotas_from(content: Mapping[str, object]) -> Quotas:
    """The quotas in a file's content; raises pydantic's ValidationError."""
    return Quotas.model_validate(content)
