"""A pair's evidence on the page: a sentence for each item, and the transactions in which anybody can look it up."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import htpy as h

from streamproc.report.wording import evidence_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htpy import Renderable

    from streamproc.json_types import Json
    from streamproc.report.markup import Explorer

KINDS: Final = {
    "chance": "Same tokens",
    "interval": "How sure the score is",
    "timing": "Same time",
    "direction": "Who comes first",
    "link": "Linked on the chain",
}
EVERYBODY: Final = 0.5  # what holds for such a share of the wallets tells no two of them apart
LEAST_WALLETS: Final = 6  # of fewer, all may well be one person's


def is_of_everybody(result: Json) -> frozenset[str]:
    """The reasons of links that hold for half of the wallets or more, as of a payer that pays for nearly everybody.

    They tell no two wallets apart, so the page does not list them as evidence.
    """
    analyzed = sum(wallet["outcome"] == "analyzed" for wallet in result["wallets"])
    if analyzed < LEAST_WALLETS:
        return frozenset()
    touched: dict[str, set[str]] = defaultdict(set)
    for pair in result["pairs"]:
        for item in _links(pair):
            touched[str(item.get("reason"))] |= {pair["wallet_a"], pair["wallet_b"]}
    return frozenset(
        reason for reason, wallets in touched.items() if len(wallets) >= EVERYBODY * analyzed
    )


def _links(pair: Json) -> Iterable[Json]:
    return (item for item in pair.get("evidence") or [] if item.get("kind") == "link")


def evidence_list(pair: Json, explorer: Explorer, hidden: frozenset[str]) -> Renderable | None:
    """The items in words, each with its transactions; None without any.

    What carries the verdict is always shown.
    """
    carries = "link" in (pair.get("because") or [])
    items = [
        item
        for item in pair.get("evidence") or []
        if carries or str(item.get("reason")) not in hidden
    ]
    seen: set[str] = set()
    return h.ul(".evidence")[[_item(item, explorer, seen) for item in items]] if items else None


def _item(item: Json, explorer: Explorer, seen: set[str]) -> Renderable:
    """One item; transactions that stand above it already are not listed again."""
    signatures = [each for each in item.get("signatures") or [] if each not in seen]
    seen.update(signatures)
    return h.li[
        h.b[KINDS.get(item["kind"], item["kind"])],
        h.span[evidence_sentence(item)],
        h.span(".seen")[
            "Transactions: ", (explorer.transaction(signature) for signature in signatures)
        ]
        if signatures
        else None,
    ]
