"""`pairs[]`, `set` and `clusters[]`: how alike the wallets are. Each figure is defined in docs/similarity.md."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from streamproc.units import Count, Ratio, Seconds, Share, Unit

Probability = Annotated[float, Field(ge=0, le=1), Unit("probability")]
Kind = Literal["chance", "interval", "timing", "direction", "link"]
Verdict = Literal["linked", "follows", "coordinated", "common_signal", "alike", "untested"]


class Scores(TypedDict):
    """0..1 each, or null, which `null_scores` explains."""

    capital: Share | None
    """Shares of priced buying cost per mint, cosine."""

    binary: Share | None
    """The sets of traded mints as cosine, all mints weigh the same."""

    idf: Share | None
    """The same, rare mints weigh more."""

    jaccard: Share | None
    """Traded mints in common, of all traded by either."""

    ruzicka: Share | None
    """Sum of the smaller capital shares, of the larger."""

    held_jaccard: Share | None
    """Mints held now in common, of all held by either."""

    held_cosine: Share | None
    """Mints held now, cosine."""

    held_traded_jaccard: Share | None
    """Mints both held and traded in common, of all such of either."""

    held_value_cosine: Share | None
    """Value held in US dollars per priced mint, cosine."""


class SharedWeight(TypedDict):
    """A mint that both wallets traded."""

    mint: str
    """The token."""

    weight_a: Share
    """Its share of the first wallet's priced buying cost."""

    weight_b: Share
    """Its share of the second wallet's."""


class EvidenceItem(TypedDict):
    """One thing that a verdict or score rests on; null where a field does not apply to the kind."""

    kind: Kind
    """What it is about."""

    value: Ratio | None
    """The kind's own figure."""

    low: Ratio | None
    """Lower end of the interval."""

    high: Ratio | None
    """Upper end of the interval."""

    p: Probability | None
    """chance: of as much by chance; direction: of the sign test."""

    q: Probability | None
    """The same, corrected over all tested pairs."""

    lift: Ratio | None
    """Observed / expected."""

    n: Count | None
    """How many mints or transactions it rests on."""

    leader: str | None
    """The wallet that came first."""

    lag_s: Seconds | None
    """By how many seconds, median."""

    mints: list[str]
    """At most 10 to look up."""

    signatures: list[str]
    """At most 5 to look up."""

    reason: str
    """What it found, in words."""


class Ends(TypedDict):
    """Two wallets, by address."""

    wallet_a: str
    """The address that comes first."""

    wallet_b: str
    """The other."""


class Spoken(TypedDict):
    """What is said of a pair in the end."""

    verdict: Verdict
    """What is said of the pair in the end; see docs/similarity.md."""

    because: list[Kind]
    """The kinds of evidence that carry the verdict; none for alike and untested."""

    q: Probability | None
    """All kinds together, corrected over all pairs; null when untested."""

    sentence: str
    """The verdict in words, with the reason where it is untested."""


class Figured(TypedDict):
    """What is counted of a pair."""

    scores: Scores
    """How alike."""

    null_scores: dict[str, str]
    """By score that is null: why."""

    shared_tokens: Count
    """Tokens traded by both."""

    tokens_a: Count
    """Tokens traded by the first."""

    tokens_b: Count
    """Tokens traded by the second."""

    overlap: Share | None
    """Shared / the smaller of the two; null when that is 0."""

    label: str | None
    """Of 0.4 binary + 0.6 capital: from 0.7 very high, 0.5 high, 0.3 moderate, 0.15 low, else very low; or null."""

    trend: str | None
    """Holding against trading: converging, stable, diverging; null when either is unknown."""

    lower_bound: bool
    """One of the histories is not complete."""


class Pair(Ends, Spoken, Figured):
    """Two wallets, `wallet_a` < `wallet_b`."""

    top_shared: list[SharedWeight]
    """At most 20."""

    evidence: list[EvidenceItem]
    """What the verdict and scores rest on; none beyond the best pairs."""


class SharedToken(TypedDict):
    """A mint that at least two wallets traded."""

    mint: str
    """The token."""

    wallets: Count
    """How many wallets traded it."""


class LooseGroup(TypedDict):
    """A set of wallets that moves together although no pair of it stands out."""

    wallets: list[str]
    """The members."""

    n: Count
    """Times that a member bought within close_s of another what both bought, one member after the other."""

    value: Ratio
    """How many chance and the company's level give at most."""

    lift: Ratio
    """n / value."""

    p: Probability
    """Of so many by chance, in any set of this size."""

    close_s: Seconds
    """How close."""

    mints: list[str]
    """In which members were close, those first in which most were, at most 100."""

    sentence: str
    """The same in words."""


class SetFigures(TypedDict):
    """The wallets as a whole."""

    sentence: str
    """What all pairs together are, in words."""

    verdicts: dict[Verdict, Count]
    """How many pairs have each verdict."""

    mean: Scores
    """By score, over the pairs where it is not null; null without any."""

    median: Scores
    """The same."""

    shared_tokens: list[SharedToken]
    """Mints that at least two wallets traded, most wallets first, at most 5 000."""

    shared_tokens_total: Count
    """How many there are."""

    wallets_without_trades: list[str]
    """Addresses."""

    loose_groups: NotRequired[list[LooseGroup] | None]
    """Sets that move together, the least likely first; null where fewer than 20 wallets are known."""


class Cluster(TypedDict):
    """A group of wallets that act together."""

    id: str
    """From the members, so it stays from run to run."""

    wallets: list[str]
    """The members."""

    mean_score: Share | None
    """Mean `rank_by` score of the pairs inside; null without any."""

    common_mints: list[str]
    """Traded by every member, the rarest first, at most 100."""

    sentence: str
    """How many pairs inside are more than chance, and how."""
