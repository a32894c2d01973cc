"""The result as a whole, and what it says beside wallets and pairs."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from streamproc.events import CohortFound
from streamproc.result.pairs import Cluster, Pair, SetFigures
from streamproc.result.wallets import WalletResult
from streamproc.units import Count, Credits, Decimals, Milliseconds, UnixSeconds, Usd


class TokenFacts(TypedDict):
    """What a mint is called and worth; null: not known, or not in time."""

    symbol: str | None
    """As its issuer says."""

    name: str | None
    """As its issuer says."""

    image_url: str | None
    """As its issuer says."""

    decimals: Decimals | None
    """Base units in a whole token, as a power of ten."""

    price_usd: Usd | None
    """Of one whole token, where liquidity is deepest."""

    liquidity_usd: Usd | None
    """There."""


class Missing(TypedDict):
    """Something that the result had to do without."""

    kind: Literal["history", "balances", "metadata", "price"]
    """What."""

    id: str
    """Of which wallet or mint."""

    reason: str
    """Why, in words."""


class Truncated(TypedDict):
    """How much was cut: to `max_pairs`, to `max_tokens_per_wallet`, or so that the event fits into 8 MiB."""

    pairs: Count
    """Pairs."""

    tokens: Count
    """Rows of all `pnl.tokens`."""

    balances: NotRequired[Count]
    """Rows of all `balances.tokens`, of an event that would be larger than 8 MiB."""

    names: NotRequired[Count]
    """Entries of `tokens`, as above."""

    missing: NotRequired[Count]
    """Items of `missing`, as above."""


class CohortResult(CohortFound):
    """How the wallets of a request were chosen by a token, and what follows from that."""

    left_out: str
    """What the choice means for the comparison: the token counts in no score and no test."""


class AnalysisResult(TypedDict):
    """The result of a request: `AnalysisCompleted`, bounded; in the store and for `streamproc result` the whole of it.

    The same inputs give the same bytes in everything but `completed_at`, `duration_ms`, `timings_ms`, `fetched_at` and
    `credits_spent`.
    """

    request_id: str
    """The request."""

    status: Literal["completed"]
    """Always completed."""

    completed_at: UnixSeconds
    """When."""

    duration_ms: Milliseconds
    """How long after the request."""

    engine_version: str
    """What computed it."""

    inputs_digest: str
    """SHA-256 (hex) over everything that it depends on."""

    cohort: CohortResult | None
    """How the wallets were chosen; null for a list."""

    wallets: list[WalletResult]
    """By address."""

    pairs: list[Pair]
    """Best `rank_by` score first, null scores last, then by addresses."""

    pairs_total: Count
    """How many there are in all."""

    set: SetFigures
    """The wallets as a whole."""

    clusters: list[Cluster]
    """Groups among them, the largest first."""

    tokens: dict[str, TokenFacts]
    """By mint: those of balances and reported pairs."""

    missing: list[Missing]
    """What the result had to do without."""

    truncated: Truncated | None
    """Null, or how much was cut."""

    credits_spent: Credits
    """Upstream credits that this request caused; a sync that requests share counts for the first."""

    timings_ms: dict[str, Milliseconds]
    """By part: `sync`, `facts`, `compare`."""
