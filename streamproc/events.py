"""The events: what is said on which topic, in the order in which a request meets them.

Frozen models; `topics.yaml` says which topic carries which event and which field is the key. What comes from outside
refuses unknown fields, what travels between agents ignores them, so that workers of two versions understand each other.
Lamports are integers, token amounts strings of base units, times unix seconds unless a name ends in `_ms`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, get_args

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
from solders.pubkey import Pubkey

from streamproc import limits
from streamproc.units import (
    Count,
    Credits,
    Milliseconds,
    Percent,
    Share,
    Slot,
    Unit,
    UnixMilliseconds,
    UnixSeconds,
    WholeSeconds,
)

ADDRESS_PATTERN: Final = "^[1-9A-HJ-NP-Za-km-z]{32,44}$"
REQUEST_ID_PATTERN = re.compile(rf"[A-Za-z0-9._-]{{1,{limits.REQUEST_ID_MAX_LENGTH}}}")


def _base58_of_32_bytes(text: str) -> str:
    """Return the address itself if it is base58 of exactly 32 bytes, else raise ValueError."""
    try:
        Pubkey.from_string(text)
    except ValueError as error:
        raise ValueError("must be base58 that decodes to 32 bytes") from error
    return text


def _enough_different(wallets: list[str]) -> list[str]:
    """Return the wallets if 1 to 1000 of them are different, else raise ValueError."""
    different = len(set(wallets))
    if not limits.WALLETS_MIN <= different <= limits.WALLETS_MAX:
        rule = f"must name {limits.WALLETS_MIN} to {limits.WALLETS_MAX} different addresses"
        raise ValueError(f"{rule}, not {different}")
    return wallets


RequestId = Annotated[str, StringConstraints(pattern=f"^{REQUEST_ID_PATTERN.pattern}$")]
Address = Annotated[str, AfterValidator(_base58_of_32_bytes), Unit("address", ADDRESS_PATTERN)]
RankBy = Literal[
    "capital",
    "binary",
    "idf",
    "jaccard",
    "ruzicka",
    "held_jaccard",
    "held_cosine",
    "held_traded_jaccard",
    "held_value_cosine",
]
DEFAULT_TENANT: Final = "default"
SCORES: Final[tuple[RankBy, ...]] = get_args(RankBy)  # of a pair, in the order of the contract
Outcome = Literal["analyzed", "failed", "excluded"]
BalanceState = Literal["ok", "failed", "oversized"]
# A number of a request that the store holds as it is.
Counted = Annotated[int, Field(ge=0, le=limits.INTEGER_MAX)]
Sequence = Annotated[int, Field(gt=0), Unit("sequence number")]
Tenant = RequestId  # the same letters, the same length
TerminalStatus = Literal["completed", "failed", "cancelled", "expired", "rejected"]
Stage = Literal[
    "accepted", "syncing", "analyzing", "completed", "failed", "cancelled", "expired", "rejected"
]


class Event(BaseModel):
    """One fact on one topic. Between agents unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    request_id: RequestId
    """The request: 1 to 64 of A-Za-z0-9._-."""


class OutsideEvent(Event):
    """An event written by others: strict about types, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


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


def _without_defaults(options: Options) -> dict[str, Any]:
    return options.model_dump(mode="json", exclude_defaults=True)


# As the parts of a request carry them, a thousand times: without what has its default.
PartOptions = Annotated[Options, PlainSerializer(_without_defaults)]


class AnalysisRequested(Options):
    """A backend asks for the analysis of 1 to 1000 wallets. Repeats of an address are dropped and reported."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    request_id: RequestId
    """A name of your choice, 1 to 64 of A-Za-z0-9._-; it is bound for good."""

    wallets: Annotated[list[Address], AfterValidator(_enough_different)]
    """1 to 1000 different addresses, base58 of 32 bytes."""

    tenant: Tenant = DEFAULT_TENANT
    """Whose quotas and share of the places count."""

    def options(self) -> Options:
        """The request without its id, wallets and tenant."""
        return Options.model_validate(
            self.model_dump(exclude={"request_id", "wallets", "tenant"}), strict=True
        )


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


class WalletSyncRequested(Event):
    """One wallet of a request is to be brought up to date and analyzed.

    Asked again it is the same record; `options` come without `excluded_mints`, which no single wallet needs.
    """

    wallet: str
    """The address."""

    options: PartOptions
    """Of the request; those with their default are left out."""

    requested_at_ms: UnixMilliseconds
    """A wallet synced later than this is fresh."""

    deadline_at: UnixSeconds
    """When the request expires."""

    tenant: str = DEFAULT_TENANT
    """Whose quotas and share of the places count."""


class BalanceFetchRequested(Event):
    """The present balances of all wallets of a request are to be fetched. As above."""

    wallets: list[str]
    """The addresses."""

    options: PartOptions
    """Of the request; those with their default are left out."""

    deadline_at: UnixSeconds
    """When the request expires."""

    tenant: str = DEFAULT_TENANT
    """Whose quotas and share of the places count."""


class WalletProgressed(Event):
    """How far one wallet's sync has come; at most one a second and wallet.

    `notice` says what it waits for ("upstream answers 503 since 40 s"), `notice_at` when, in tens of seconds: so all
    wallets of a request say the same.
    """

    wallet: str
    """The address."""

    transactions: Count
    """Read so far."""

    fraction: Share | None
    """Of its history; null when nobody can say."""

    notice: str | None = None
    """What it waits for, in words; null when for nothing."""

    notice_at: UnixSeconds = 0
    """When that was, in tens of seconds; 0 without a notice."""


class PublicError(BaseModel):
    """Why something failed: a word of the contract and a sentence for people."""

    model_config = ConfigDict(frozen=True)

    code: str
    """A word for machines."""

    message: str
    """A sentence for people."""


class Coverage(BaseModel):
    """Which part of a wallet's history the figures rest on.

    An *estimated* entry is one of which the upstream's list does not say all; only the enhanced API's lists are so.
    Either the balances were trimmed, and the entry is put together from the transfers that its record names. Or the
    owner of an account is not named that moved by just what a token account keeps, and its size alone decides that
    this is rent and no price. Such entries count in every figure like all others; amounts, prices and profits that
    rest on them may be off by what the list left out.
    """

    model_config = ConfigDict(frozen=True)

    state: Literal["complete", "capped", "partial"]
    """Whole, cut by `max_transactions`, or with something missing that was asked for."""

    transactions: Count
    """Distinct signatures, failed ones included."""

    failed_transactions: Count
    """Failed ones."""

    estimated_entries: Count
    """Estimates, because a list did not say all: counted in every figure, which may be off."""

    first_slot: Slot | None
    """Of these transactions; null without any."""

    last_slot: Slot | None
    """Of these transactions; null without any."""

    first_time: Annotated[int, Unit("unix seconds")] | None
    """Of these transactions; null without one that has a time."""

    last_time: Annotated[int, Unit("unix seconds")] | None
    """Of these transactions; null without one that has a time."""

    unreadable: Count = 0
    """Transactions that could not be read; with one the state is `partial`."""

    gaps: list[tuple[Slot, Slot]]
    """`[from_slot, to_slot]`, both included: what is not known or not used."""

    token_accounts: Literal["all", "known"] = "all"  # noqa: S105 - a word
    """`known`: token accounts that were opened, used and closed without the wallet being named may be missing."""


class Counts(BaseModel):
    """How much one wallet's analysis found."""

    model_config = ConfigDict(frozen=True)

    transactions: Count
    """Distinct signatures."""

    trades: Count
    """Buys and sells."""

    tokens: Count
    """Different tokens traded."""


class WalletAnalyzed(Event):
    """One wallet of a request is done: analyzed, failed or excluded.

    At least once per wallet; the join counts a wallet once. Everything up to `watermark_slot` is in the store.
    """

    wallet: str
    """The address."""

    outcome: Outcome
    """analyzed, failed or excluded."""

    error: PublicError | None = None
    """Why it failed or is excluded, else null."""

    watermark_slot: Slot | None = None
    """Everything up to this slot is in the store; null unless analyzed."""

    coverage: Coverage | None = None
    """What the figures rest on; null unless analyzed."""

    counts: Counts | None = None
    """How much was found; null unless analyzed."""

    fatal: bool = False
    """True: the error ends the whole request, whatever `min_success_ratio` says."""


class BalancesFetched(Event):
    """The balances of a request are in the store, per wallet ok, failed or oversized."""

    wallets: dict[str, BalanceState]
    """By address."""

    errors: dict[str, PublicError] = {}
    """Of the failed ones, by address."""

    fatal: PublicError | None = None
    """Ends the whole request, whatever `min_success_ratio` says; else null."""


class AnalysisDue(Event):
    """A timer says that a request's parts are overdue (heal), its deadline has passed (expire), or a bug (broken).

    Whoever publishes the end after the hand-over says so (ended): from then on nothing is due.
    """

    kind: Literal["heal", "expire", "ended", "broken"]
    """heal: parts are overdue; expire: the deadline has passed; ended: nothing is due; broken: a bug."""

    at: UnixSeconds
    """When it was due."""


class ReadyWallet(BaseModel):
    """How one wallet entered the comparison."""

    model_config = ConfigDict(frozen=True)

    outcome: Outcome
    """analyzed, failed or excluded."""

    watermark_slot: Slot | None = None
    """Up to which slot it is compared; null unless analyzed."""

    error: PublicError | None = None
    """Why it failed or is excluded, else null."""

    balances: BalanceState | None = None
    """Of an analyzed or failed one, else null."""


class AnalysisReady(Event):
    """Every wallet and the balances are accounted for; `next_seq` hands the progress over.

    `options` come without `excluded_mints`: `excludes_mints` says that the store has the request's own.
    """

    wallets: dict[str, ReadyWallet]
    """By address."""

    options: PartOptions
    """Of the request; those with their default are left out."""

    excludes_mints: bool = False
    """The store has the request's own list of excluded mints."""

    requested_at_ms: UnixMilliseconds
    """The request's record time."""

    deadline_at: UnixSeconds
    """When it expires."""

    next_seq: Sequence
    """Of the next progress record."""

    tenant: str = DEFAULT_TENANT
    """Whose quotas and share of the places count."""

    wallets_done: Count
    """Analyzed and excluded ones."""

    wallets_failed: Count
    """Failed ones."""

    at: UnixSeconds
    """When."""


class AnalysisProgressed(Event):
    """Where a request stands. `seq` has no gaps, `percent` never falls, nothing follows `terminal`."""

    seq: Sequence
    """1, 2, 3 ... without gaps; a repeat has the same content."""

    stage: Stage
    """Where the request stands; the last one is its end."""

    percent: Percent
    """Never falls."""

    wallets_total: Count
    """Different wallets of the request."""

    wallets_done: Count
    """Analyzed and excluded ones."""

    wallets_failed: Count
    """Failed ones."""

    balances_done: bool
    """The balances of all wallets are there."""

    message: str
    """In words."""

    terminal: bool
    """True: nothing follows."""

    at: UnixSeconds
    """When."""


class FailedWallet(BaseModel):
    """A wallet that could not be analyzed, and why."""

    model_config = ConfigDict(frozen=True)

    wallet: str
    """The address."""

    code: str
    """A word for machines."""

    message: str
    """A sentence for people."""


class FaultNote(BaseModel):
    """One fault of a rejected request."""

    model_config = ConfigDict(frozen=True)

    field: str
    """Which field."""

    value: str
    """What stood there, shortened."""

    rule: str
    """The rule that it breaks, in words."""


class AnalysisFailed(Event):
    """The request ended without a result: failed, cancelled, expired, or rejected as invalid."""

    status: Literal["failed", "cancelled", "expired", "rejected"]
    """How it ended."""

    code: str
    """A word for machines."""

    message: str
    """A sentence for people."""

    wallets_failed: list[FailedWallet] = []
    """The wallets that could not be analyzed."""

    faults: list[FaultNote] = []
    """Of a rejected request, at most 100."""

    faults_omitted: Count = 0
    """How many more there were."""

    at: UnixSeconds
    """When."""


class AnalysisCompleted(Event):
    """The result. Composed by `core.result`; its parts are described in docs/result.md."""

    status: Literal["completed"] = "completed"
    completed_at: UnixSeconds
    duration_ms: Milliseconds
    engine_version: str
    inputs_digest: str
    wallets: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    pairs_total: Count
    set: dict[str, Any]
    clusters: list[dict[str, Any]]
    tokens: dict[str, dict[str, Any]]
    missing: list[dict[str, Any]]
    truncated: dict[str, Count] | None
    credits_spent: Credits
    timings_ms: dict[str, Milliseconds]
