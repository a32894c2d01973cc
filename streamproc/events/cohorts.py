"""Cohorts: wallets that are chosen by a token instead of being listed, and what became of the choice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from streamproc import limits
from streamproc.events.base import Address, Counted
from streamproc.units import BaseUnits, Count, Decimals, Slot, Unit

LATEST_S: Final = 253_402_300_799  # the last second that a date can be written of
CohortKind = Literal["holders", "first_buyers"]
OutsiderKind = Literal["exchange", "program", "operator", "unreadable"]


class Cohort(BaseModel):
    """A set of wallets by its rule: the largest holders of a mint, or its first buyers before a time."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    mint: Address
    """The token."""

    kind: CohortKind
    """holders: largest first, by owner; first_buyers: earliest first, from the mint's first transaction on."""

    count: Annotated[Count, Field(ge=1, le=limits.WALLETS_MAX)]
    """How many wallets, 1 to 1000; fewer are chosen where there are no more."""

    before: Annotated[Counted, Unit("unix seconds")] | None = Field(
        default=None, validate_default=True
    )
    """Of first_buyers: who bought before this time, which must have come; null for holders."""

    @field_validator("before")
    @classmethod
    def _fits_the_kind(cls, before: int | None, info: ValidationInfo) -> int | None:
        kind = info.data.get("kind")
        if kind == "first_buyers" and before is None:
            raise ValueError("is needed for first_buyers, in unix seconds")
        if kind == "holders" and before is not None:
            raise ValueError("must be null for holders: they are those of now")
        return before

    @property
    def in_words(self) -> str:
        """The rule in a few words."""
        if self.kind == "holders":
            return f"the {self.count} largest holders of {self.mint}"
        at = datetime.fromtimestamp(min(self.before or 0, LATEST_S), UTC)
        return f"the first {self.count} buyers of {self.mint} before {at:%Y-%m-%d %H:%M:%S} UTC"


class CohortMember(BaseModel):
    """A wallet of a cohort, and what it was chosen by."""

    model_config = ConfigDict(frozen=True)

    wallet: str
    """The address."""

    amount: BaseUnits
    """Base units: what a holder's accounts hold that were read, or what a first purchase brought."""

    signature: str | None = None
    """Of the first purchase; null for holders."""

    slot: Slot | None = None
    """Of the first purchase; null for holders."""

    at: Annotated[int, Unit("unix seconds")] | None = None
    """Of the first purchase; null for holders and where the block has no time."""


class CohortOutsider(BaseModel):
    """An address that was met in choosing and is no member."""

    model_config = ConfigDict(frozen=True)

    address: str
    """The owner, or the buyer."""

    amount: BaseUnits
    """As a member's."""

    kind: OutsiderKind
    """exchange: a hot wallet; program: one, or an account of one, as pools are; operator: on its list."""

    reason: str
    """The same in words."""


class CohortCoverage(BaseModel):
    """What the choice rests on."""

    model_config = ConfigDict(frozen=True)

    state: Literal["whole", "largest", "bounded"]
    """whole: all that can matter was read; largest: all accounts of `least` and more; bounded: stopped at a bound."""

    accounts: Count | None = None
    """Token accounts read that hold some, of holders; else null."""

    least: BaseUnits | None = None
    """Every account that holds so many base units or more was read; null where all were, and for first buyers."""

    transactions: Count | None = None
    """Transactions of the mint read, of first buyers; else null."""

    unreadable: Count = 0
    """Of these, those that could not be read: whoever bought in them may be missing."""

    reason: str | None = None
    """Why reading stopped early, in words; null unless bounded."""


class CohortFound(BaseModel):
    """A cohort as it was chosen, once for the request."""

    model_config = ConfigDict(frozen=True)

    mint: str
    """The token."""

    kind: CohortKind
    """The rule."""

    count: Count
    """How many were asked for."""

    before: Annotated[int, Unit("unix seconds")] | None
    """Of first_buyers, as asked; null for holders."""

    token_program: str
    """Whose mint it is."""

    decimals: Decimals
    """Base units in a whole token, as a power of ten."""

    slot: Slot
    """At which it held: what was read is of this slot, or a few later."""

    members: list[CohortMember]
    """In the order of the rule; their wallets are those of the request."""

    outsiders: list[CohortOutsider]
    """Who came before the last member and is none, in the same order, at most 200."""

    outsiders_total: Count
    """How many there were."""

    coverage: CohortCoverage
    """What the choice rests on."""
