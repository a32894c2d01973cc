"""What happens to records, offsets and topics."""

from __future__ import annotations

from typing import Final

from tests.faults.plans.plan import Injection, Plan

POISONED: Final = frozenset({"not_json", "tombstone", "invalid", "invalid_request"})
DRIFTED: Final = frozenset({"invalid"})
TOO_LARGE: Final = frozenset({"output_refused"})
CANCELLED: Final = frozenset({"cancelled", "completed"})
TWICE: Final = (Injection("cancel", 0.7), Injection("cancel", 0.9))
OF_RECORDS: Final = (
    Plan(
        "same request three times",
        injections=(Injection("resend", 0.3), Injection("resend", 0.9)),
    ),
    Plan(
        "every part five times",
        injections=(Injection("repeat", 1.0), Injection("after-repeat")),
    ),
    Plan("parts of another version", injections=(Injection("drift", 0.6),), letters=DRIFTED),
    Plan("offsets reset to earliest", injections=(Injection("after-rewind"),)),
    Plan("parts after the end", injections=(Injection("after-repeat"),)),
    Plan("results too large", injections=(Injection("shrink", 0.1),), letters=TOO_LARGE),
    Plan(
        "changelog trimmed",
        is_long=True,
        loses_count=True,
        injections=(Injection("trim", 1.2),),
    ),
    Plan(
        "changelog missing",
        is_long=True,
        loses_count=True,
        injections=(Injection("unmake", 1.2),),
    ),
    Plan(
        "changelog of another size",
        is_long=True,
        loses_count=True,
        injections=(Injection("widen", 1.2),),
    ),
    Plan("cancel at the start", injections=(Injection("cancel", 0.0),), ends=CANCELLED),
    Plan("cancel in the middle, twice", injections=TWICE, ends=CANCELLED),
    Plan("cancel after the end", injections=(Injection("after-cancel"),)),
    Plan("aborted transactions", injections=(Injection("abort", 0.5),)),
    Plan("a transaction left open", injections=(Injection("hold-open", 0.3),)),
    Plan("an option of the next version", injections=(Injection("option", 0.4),)),
    Plan("partitions added to a topic", injections=(Injection("grow", 0.6),)),
    Plan("poison in each topic", injections=(Injection("poison", 0.5),), letters=POISONED),
    Plan(
        "deadline while the owner is dead",
        injections=(Injection("kill", 0.4, 6),),
        deadline_s=5,
        ends=frozenset({"expired"}),
    ),
)
