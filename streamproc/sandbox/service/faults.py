"""Faults on demand: rules, given as data, that say which call goes wrong and how."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.service.versions import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.json_types import Json, JsonView

TOO_NEW: Final = TEXT.format(version=2)  # a version that nobody reads yet
# Whole replies in place of the answer: status and, for JSON-RPC, the error.
HTTP_STATUS: Final = {
    "400": 400,
    "401": 401,
    "403": 403,
    "429": 429,
    "500": 500,
    "502": 502,
    "503": 503,
    "504": 504,
}
RPC_ERRORS: Final = {
    "-32015": TOO_NEW,
    "-32429": "rate limited",
    "-32601": "Method not found",
    "-32602": "Invalid params",
    "-32603": "Invalid pagination token",
}
REPLACED: Final = ("reset", "hang", "html", "not_json", "empty_body", "wrong_shape")
# The answer, damaged on its way.
DAMAGED: Final = ("truncated", "cut_json", "drip")
# A page of a history that lies.
PAGES: Final = (
    "short_page",
    "empty_page",
    "other_wallet",
    "repeat_cursor",
    "duplicates",
    "token_at_end",
)
KINDS: Final = (*HTTP_STATUS, *RPC_ERRORS, *REPLACED, *DAMAGED, *PAGES)


@dataclass(frozen=True)
class Fault:
    """One rule: which calls it looks at (`method`, `wallet`) and which of those go wrong (`nth`, `times` ...).

    `method` is a JSON-RPC method, `history` or `parse` (enhanced API) or `prices`; `wallet` is any text of the call.
    Of the calls that match, counted from 1: only the `nth` when given, none before `first`, at most `times`, each with
    `probability` (drawn from `seed`).
    """

    kind: str
    method: str | None = None
    wallet: str | None = None
    nth: int | None = None
    first: int = 1
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    retry_after_s: float | None = None
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; one of {', '.join(KINDS)}")

    def concerns(self, method: str, text: str) -> bool:
        """Say whether this rule looks at a call at all."""
        fits_method = self.method is None or self.method == method
        return fits_method and (self.wallet is None or self.wallet in text)


@dataclass
class _Rule:
    fault: Fault
    seen: int = 0
    fired: int = 0
    rng: random.Random = field(default_factory=random.Random)

    def fires(self, *, already: bool) -> bool:
        """Count one matching call; say whether it goes wrong by this rule, not `already` by an earlier one."""
        fault = self.fault
        self.seen += 1
        drawn = self.rng.random() < fault.probability
        if fault.nth is not None and self.seen != fault.nth:
            return False
        if already or self.seen < fault.first or not drawn:
            return False
        if fault.times is not None and self.fired >= fault.times:
            return False
        self.fired += 1
        return True


class FaultBook:
    """The rules in force; the first that fires decides."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._rules: list[_Rule] = []
        self.replace(faults)

    def replace(self, faults: Iterable[Fault]) -> None:
        """Put these rules in force instead of the present ones; all counts start again."""
        seeded = ((fault, random.Random(fault.seed)) for fault in faults)  # noqa: S311 - faults, not secrets
        self._rules = [_Rule(fault, rng=rng) for fault, rng in seeded]

    def draw(self, method: str, text: str) -> Fault | None:
        """Return what goes wrong with this call, None when nothing does."""
        drawn = None
        for rule in self._rules:
            if rule.fault.concerns(method, text) and rule.fires(already=drawn is not None):
                drawn = rule.fault
        return drawn

    def shown(self) -> list[Json]:
        """Return the rules with how often each looked and fired."""
        return [
            {**asdict(rule.fault), "seen": rule.seen, "fired": rule.fired} for rule in self._rules
        ]


def fault_from_json(given: JsonView) -> Fault:
    """Return a rule from its JSON; raise ValueError for unknown fields or kinds."""
    names = {f.name for f in fields(Fault)}
    unknown = set(given) - names
    if unknown or "kind" not in given:
        raise ValueError(
            f"a fault has a kind and some of {', '.join(sorted(names))}; not {sorted(unknown)}"
        )
    return Fault(**{**given, "kind": str(given["kind"])})


def fault_from_text(text: str) -> Fault:
    """Return a rule from `KIND[:name=value,...]`, as in `429:method=prices,times=3`; raise ValueError otherwise."""
    kind, _, rest = text.partition(":")
    given: Json = {"kind": kind}
    kinds = {"nth": int, "first": int, "times": int, "seed": int}
    floats = {"probability": float, "retry_after_s": float, "delay_s": float}
    readers = {"method": str, "wallet": str, **kinds, **floats}
    for item in filter(None, rest.split(",")):
        name, equals, value = item.partition("=")
        if not equals or name not in readers:
            raise ValueError(
                f"{item!r} is not name=value with a name of {', '.join(sorted(readers))}"
            )
        given[name] = readers[name](value)
    return fault_from_json(given)
