"""What events are made of: their bases, and the kinds of values that stand in several of them."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)
from solders.pubkey import Pubkey

from streamproc import limits
from streamproc.units import (
    Unit,
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


class PublicError(BaseModel):
    """Why something failed: a word of the contract and a sentence for people."""

    model_config = ConfigDict(frozen=True)

    code: str
    """A word for machines."""

    message: str
    """A sentence for people."""
