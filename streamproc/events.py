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
    NonNegativeInt,
    PlainSerializer,
    PositiveInt,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from solders.pubkey import Pubkey

from streamproc import limits

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
Address = Annotated[str, AfterValidator(_base58_of_32_bytes)]
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
Tenant = RequestId  # the same letters, the same length
TerminalStatus = Literal["completed", "failed", "cancelled", "expired", "rejected"]
Stage = Literal[
    "accepted", "syncing", "analyzing", "completed", "failed", "cancelled", "expired", "rejected"
]


class Event(BaseModel):
    """One fact on one topic. Between agents unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    request_id: RequestId


class OutsideEvent(Event):
    """An event written by others: strict about types, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Options(BaseModel):
    """What a request asks for beside its wallets; every field has a default.

    An option of a later version is carried on as it came, so that a worker which knows it finds it.
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)

    max_transactions: Annotated[int, Field(ge=1, le=limits.MAX_TRANSACTIONS_MAX)] | None = None
    since: Counted | None = None
    until: Counted | None = None
    min_success_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    deadline_s: Annotated[int, Field(ge=1, le=limits.DEADLINE_MAX_S)] = limits.DEADLINE_DEFAULT_S
    max_age_s: Annotated[int, Field(ge=0, le=limits.MAX_AGE_MAX_S)] = 0
    excluded_mints: Annotated[list[Address], Field(max_length=limits.EXCLUDED_MINTS_MAX)] | None = (
        None
    )
    include_oversized: bool = False
    rank_by: RankBy = "idf"
    enrich: bool = True
    credit_budget: Counted | None = None
    max_pairs: Annotated[int, Field(ge=1, le=limits.PAIRS_MAX)] = limits.PAIRS_DEFAULT
    max_tokens_per_wallet: Annotated[int, Field(ge=1, le=limits.TOKENS_PER_WALLET_MAX)] = (
        limits.TOKENS_PER_WALLET_DEFAULT
    )

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
    wallets: Annotated[list[Address], AfterValidator(_enough_different)]
    tenant: Tenant = DEFAULT_TENANT  # whose quotas and share of the places count

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


class AnalysisAccepted(Event):
    """The request is valid and recorded; this opens the join."""

    wallets: list[str]  # different ones, sorted
    repeats_dropped: NonNegativeInt
    requested_at_ms: NonNegativeInt  # the request's record time
    deadline_at: NonNegativeInt
    options: Options
    tenant: str = DEFAULT_TENANT


class WalletSyncRequested(Event):
    """One wallet of a request is to be brought up to date and analyzed.

    Asked again it is the same record; `options` come without `excluded_mints`, which no single wallet needs.
    """

    wallet: str
    options: PartOptions
    requested_at_ms: NonNegativeInt  # a wallet synced later than this is fresh
    deadline_at: NonNegativeInt
    tenant: str = DEFAULT_TENANT


class BalanceFetchRequested(Event):
    """The present balances of all wallets of a request are to be fetched. As above."""

    wallets: list[str]
    options: PartOptions
    deadline_at: NonNegativeInt
    tenant: str = DEFAULT_TENANT


class WalletProgressed(Event):
    """How far one wallet's sync has come; at most one a second and wallet.

    `notice` says what it waits for ("upstream answers 503 since 40 s"), `notice_at` when, in tens of seconds: so all
    wallets of a request say the same.
    """

    wallet: str
    transactions: NonNegativeInt
    fraction: Annotated[float, Field(ge=0, le=1)] | None
    notice: str | None = None
    notice_at: NonNegativeInt = 0


class PublicError(BaseModel):
    """Why something failed: a word of the contract and a sentence for people."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str


class Coverage(BaseModel):
    """Which part of a wallet's history the figures rest on."""

    model_config = ConfigDict(frozen=True)

    state: Literal["complete", "capped", "partial"]
    transactions: NonNegativeInt  # distinct signatures, failed ones included
    failed_transactions: NonNegativeInt
    estimated_entries: NonNegativeInt
    first_slot: NonNegativeInt | None
    last_slot: NonNegativeInt | None
    first_time: int | None
    last_time: int | None
    unreadable: NonNegativeInt = 0  # transactions that could not be read: the state is partial
    gaps: list[tuple[int, int]]
    # known: token accounts that were opened, used and closed without the wallet being named may be missing
    token_accounts: Literal["all", "known"] = "all"  # noqa: S105 - a word


class Counts(BaseModel):
    """How much one wallet's analysis found."""

    model_config = ConfigDict(frozen=True)

    transactions: NonNegativeInt
    trades: NonNegativeInt
    tokens: NonNegativeInt


class WalletAnalyzed(Event):
    """One wallet of a request is done: analyzed, failed or excluded.

    At least once per wallet; the join counts a wallet once. Everything up to `watermark_slot` is in the store.
    """

    wallet: str
    outcome: Outcome
    error: PublicError | None = None
    watermark_slot: NonNegativeInt | None = None
    coverage: Coverage | None = None
    counts: Counts | None = None
    fatal: bool = False  # true: the error ends the whole request, whatever min_success_ratio says


class BalancesFetched(Event):
    """The balances of a request are in the store, per wallet ok, failed or oversized."""

    wallets: dict[str, BalanceState]
    errors: dict[str, PublicError] = {}  # of the failed ones
    fatal: PublicError | None = None  # ends the whole request, whatever min_success_ratio says


class AnalysisDue(Event):
    """A timer says that a request's parts are overdue (heal), its deadline has passed (expire), or a bug (broken).

    Whoever publishes the end after the hand-over says so (ended): from then on nothing is due.
    """

    kind: Literal["heal", "expire", "ended", "broken"]
    at: NonNegativeInt


class ReadyWallet(BaseModel):
    """How one wallet entered the comparison."""

    model_config = ConfigDict(frozen=True)

    outcome: Outcome
    watermark_slot: NonNegativeInt | None = None
    error: PublicError | None = None
    balances: BalanceState | None = None


class AnalysisReady(Event):
    """Every wallet and the balances are accounted for; `next_seq` hands the progress over.

    `options` come without `excluded_mints`: `excludes_mints` says that the store has the request's own.
    """

    wallets: dict[str, ReadyWallet]
    options: PartOptions
    excludes_mints: bool = False
    requested_at_ms: NonNegativeInt
    deadline_at: NonNegativeInt
    next_seq: PositiveInt
    tenant: str = DEFAULT_TENANT
    wallets_done: NonNegativeInt
    wallets_failed: NonNegativeInt
    at: NonNegativeInt


class AnalysisProgressed(Event):
    """Where a request stands. `seq` has no gaps, `percent` never falls, nothing follows `terminal`."""

    seq: PositiveInt
    stage: Stage
    percent: Annotated[float, Field(ge=0, le=100)]
    wallets_total: NonNegativeInt
    wallets_done: NonNegativeInt
    wallets_failed: NonNegativeInt
    balances_done: bool
    message: str
    terminal: bool
    at: NonNegativeInt


class FailedWallet(BaseModel):
    """A wallet that could not be analyzed, and why."""

    model_config = ConfigDict(frozen=True)

    wallet: str
    code: str
    message: str


class FaultNote(BaseModel):
    """One fault of a rejected request."""

    model_config = ConfigDict(frozen=True)

    field: str
    value: str
    rule: str


class AnalysisFailed(Event):
    """The request ended without a result: failed, cancelled, expired, or rejected as invalid."""

    status: Literal["failed", "cancelled", "expired", "rejected"]
    code: str
    message: str
    wallets_failed: list[FailedWallet] = []
    faults: list[FaultNote] = []
    faults_omitted: NonNegativeInt = 0  # how many more there were
    at: NonNegativeInt


class AnalysisCompleted(Event):
    """The result. Composed by `core.result`; its parts are described in docs/result.md."""

    status: Literal["completed"] = "completed"
    completed_at: NonNegativeInt
    duration_ms: NonNegativeInt
    engine_version: str
    inputs_digest: str
    wallets: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    pairs_total: NonNegativeInt
    set: dict[str, Any]
    clusters: list[dict[str, Any]]
    tokens: dict[str, dict[str, Any]]
    missing: list[dict[str, Any]]
    truncated: dict[str, int] | None
    credits_spent: NonNegativeInt
    timings_ms: dict[str, int]
