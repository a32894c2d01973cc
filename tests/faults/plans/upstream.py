"""What the upstream says wrong."""

from __future__ import annotations

import random
from typing import Any, Final

from streamproc import limits
from streamproc.sandbox.service.faults import Fault
from tests.faults.plans.plan import FULL, Plan

COMPLETED: Final = frozenset({"completed"})
# A history that lies again and again ends its wallet.
EITHER: Final = frozenset({"completed", "failed"})
LIES: Final[tuple[tuple[str, str, dict[str, Any], frozenset[str]], ...]] = (
    ("slow drip", "drip", {"times": 4, "delay_s": 3.0}, COMPLETED),
    ("another wallet's data", "other_wallet", {"nth": 3}, EITHER),
    ("a cursor that repeats", "repeat_cursor", {"nth": 2}, EITHER),
    ("duplicates across pages", "duplicates", {"probability": 0.5, "times": 10}, COMPLETED),
    ("an empty page in the middle", "empty_page", {"nth": 2}, COMPLETED),
)
# What the upstream says in passing; the rest of its table ends a wallet, which is no fault of ours.
PASSING: Final = ("500", "502", "503", "504", "reset", "html", "not_json", "cut_json")


def passing_errors(seed: int) -> tuple[Fault, ...]:
    """A few errors of the kinds that pass, spread over the calls for histories.

    Refusals are waited out; of the others there are as many as one call may meet and still be answered: with one more
    a wallet may rightly fail.
    """
    chance = random.Random(seed)  # noqa: S311 - faults, not secrets
    kinds = chance.sample(PASSING, limits.UPSTREAM_TRIES - 1)
    return (
        Fault("429", method=FULL, probability=0.15, times=5, seed=seed),
        *(
            Fault(kind, method=FULL, probability=0.15, times=1, seed=seed + number)
            for number, kind in enumerate(kinds, start=1)
        ),
    )


OF_THE_UPSTREAM: Final = (
    Plan("upstream errors", upstream=passing_errors(1)),
    *(
        Plan(f"upstream: {name}", upstream=(Fault(kind, method=FULL, **options),), ends=ends)
        for name, kind, options, ends in LIES
    ),
)
