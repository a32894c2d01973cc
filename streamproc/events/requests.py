"""What backends ask for, and what becomes of it first."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from streamproc import limits
from streamproc.events.base import (
    DEFAULT_TENANT,
    Address,
    Counted,
    Event,
    OutsideEvent,
    RankBy,
    RequestId,
    Tenant,
)
from streamproc.events.cohorts import Cohort, CohortFound
from streamproc.json_types import Json  # noqa: TC001 - pydantic reads it
from streamproc.units import (
    Count,
    Share,
    Unit,
    UnixMilliseconds,
    UnixSeconds,
    WholeSeconds,
)


def _enough_different(wallets: list[str] | None) -> list[str] | None:
    """Return the wallets if 1 to 1000 of them are different, or there is no list; else raise ValueError."""
    if wallets is None:
        return None
    different = len(set(wallets))
    if not limits.WALLETS_MIN <= different <= limits.WALLETS_MAX:
        rule = f"must name {limits.WALLETS_MIN} to {limits.WALLETS_MAX} different addresses"
        raise ValueError(f"{rule}, not {different}")
    return wallets


class Options(BaseModel):
    """What a request asks for beside its wallets; every field has a default.

    An option of a later version is carried on as it came, so that a worker which knows it finds it.
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)

    max_transactions: Annotated[Count, Field(ge=1, le=limits.MAX_TRANSACTIONS_MAX)] | None = None
    """Newest so many per wallet; null is the full history."""

    since: Annotated[Counted, Unit("unix seconds")] | None = None
    """Bounds what is analyzed from below; null is from the beginning."""

    until: Annotated[Counted, Unit("unix seconds")] | None = None
    """Bounds what is analyzed from above, inclusive; null is up to now."""

    min_success_ratio: Share = 1.0
    """Share of wallets that must be analyzed, or the request fails."""

    deadline_s: Annotated[WholeSeconds, Field(ge=1, le=limits.DEADLINE_MAX_S)] = (
        limits.DEADLINE_DEFAULT_S
    )
    """Measured from the request's record time; then it expires."""

    max_age_s: Annotated[WholeSeconds, Field(le=limits.MAX_AGE_MAX_S)] = 0
    """A wallet synced at most so long ago is not synced again."""

    excluded_mints: Annotated[list[Address], Field(max_length=limits.EXCLUDED_MINTS_MAX)] | None = (
        None
    )
    """Left out of the comparison, instead of the default list; null is that list."""

    include_oversized: bool = False
    """Fetch balances of wallets with more than 10 000 token accounts too."""

    rank_by: RankBy = "idf"
    """The score that orders the pairs."""

    enrich: bool = True
    """Ask for names and prices of mints."""

    credit_budget: Annotated[Counted, Unit("upstream credits")] | None = None
    """Upstream credits that the request may spend; null is without a bound."""

    max_pairs: Annotated[Count, Field(ge=1, le=limits.PAIRS_MAX)] = limits.PAIRS_DEFAULT
    """Most pairs in the result's event."""

    max_tokens_per_wallet: Annotated[Count, Field(ge=1, le=limits.TOKENS_PER_WALLET_MAX)] = (
        limits.TOKENS_PER_WALLET_DEFAULT
    )
    """Most token rows of each wallet in the result's event."""

    @field_validator("until")
    @classmethod
    def _not_before_since(cls, until: int | None, info: ValidationInfo) -> int | None:
        since = info.data.get("since")
        if until is not None and since is not None and since > until:
            raise ValueError("must not lie before since")
        return until

    def of_a_part(self) -> Options:
        """The options as every part of a request carries them: up to 10 000 mints stay in the store, once."""
        return self.model_copy(update={"excluded_mints": None})


def _without_defaults(options: Options) -> Json:
    return options.model_dump(mode="json", exclude_defaults=True)


# As the parts of a request carry them, a thousand times: without what has its default.
PartOptions = Annotated[Options, PlainSerializer(_without_defaults)]


class AnalysisRequested(Options):
    """A backend asks for the analysis of 1 to 1000 wallets: a list, or a cohort. Repeats are dropped and reported."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    request_id: RequestId
    """A name of your choice, 1 to 64 of A-Za-z0-9._-; it is bound for good."""

    cohort: Cohort | None = None
    """The wallets by a rule, in place of `wallets`; see docs/cohorts.md."""

    wallets: Annotated[list[Address], AfterValidator(_enough_different)] | None = Field(
        default=None, validate_default=True
    )
    """1 to 1000 different addresses, base58 of 32 bytes; needed unless there is a cohort."""

    tenant: Tenant = DEFAULT_TENANT
    """Whose quotas and share of the places count."""

    @field_validator("wallets")
    @classmethod
    def _one_of_both(cls, wallets: list[str] | None, info: ValidationInfo) -> list[str] | None:
        if "cohort" not in info.data:  # it is there, and has faults of its own
            return wallets
        is_cohort = info.data["cohort"] is not None
        if wallets is None and not is_cohort:
            raise ValueError("are needed, or a cohort")
        if wallets is not None and is_cohort:
            raise ValueError("must not stand beside a cohort: one of both")
        return wallets

    @property
    def listed(self) -> list[str]:
        """The wallets of a list as they were named; none of a cohort, which is not chosen yet."""
        return self.wallets or []

    @property
    def most_wallets(self) -> int:
        """How many different wallets there will be at most."""
        return len(set(self.listed)) if self.cohort is None else self.cohort.count

    def options(self) -> Options:
        """The request without its id, wallets, cohort and tenant."""
        return Options.model_validate(
            self.model_dump(exclude={"request_id", "wallets", "cohort", "tenant"}), strict=True
        )


class CohortRequested(Event):
    """The wallets of a recorded request are to be chosen; the join hears of it too, and waits."""

    cohort: Cohort
    """The rule."""

    options: PartOptions
    """Of the request; those with their default are left out."""

    requested_at_ms: UnixMilliseconds
    """The request's record time."""

    deadline_at: UnixSeconds
    """When the request expires."""

    tenant: str = DEFAULT_TENANT
    """Whose quotas and share of the places count."""


class CohortFailed(Event):
    """The wallets of a request cannot be chosen: the request fails, with this code and message."""

    code: str
    """A word for machines."""

    message: str
    """A sentence for people."""


class AnalysisCancelRequested(OutsideEvent):
    """A backend no longer wants the result. After the end it is ignored."""

    reason: (
        Annotated[str, StringConstraints(max_length=limits.ERROR_TEXT_MAX_CHARACTERS)] | None
    ) = None
    """A sentence for the record."""


class AnalysisAccepted(Event):
    """The request is valid and recorded; this opens the join."""

    wallets: list[str]
    """Different ones, sorted."""

    repeats_dropped: Count
    """How many addresses were named again."""

    requested_at_ms: UnixMilliseconds
    """The request's record time."""

    deadline_at: UnixSeconds
    """When it expires."""

    options: Options
    """As they count, defaults filled in."""

    tenant: str = DEFAULT_TENANT
    """Whose quotas and share of the places count."""

    cohort: CohortFound | None = None
    """How the wallets were chosen; null for a list."""
