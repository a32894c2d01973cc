"""The result: composed from stored facts, the same bytes for the same inputs, bounded to fit in a record."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import orjson

from streamproc import limits
from streamproc.core.json_bytes import encode_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamproc.json_types import Json


# What differs between two runs on the same inputs; everything else is equal to the byte.
VOLATILE: Final = ("completed_at", "duration_ms", "timings_ms", "credits_spent")


_NOTHING_CUT: Final = {"tokens": 0, "balances": 0, "names": 0, "missing": 0}
# Of an event that is too large: what pairs, names and gaps may take of it.
_PAIRS_SHARE: Final = 0.25
_NAMES_SHARE: Final = 0.15
_MISSING_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything a result is made of, without bounds: all pairs that are wanted and all token rows."""

    request_id: str
    engine_version: str
    inputs_digest: str
    wallets: list[Json]  # by address; see docs/result.md
    pairs: list[bytes]  # JSON of each, ranked, best first
    pairs_total: int
    set_figures: Json
    clusters: list[Json]
    tokens: dict[str, Json]
    missing: list[Json]
    completed_at: int
    duration_ms: int
    credits_spent: int
    timings_ms: dict[str, int] = field(default_factory=dict)
    cohort: Json | None = None  # how the wallets were chosen, None for a list


def inputs_digest(inputs: Json) -> str:
    """SHA-256, in hex, over the sorted JSON of everything a result depends on."""
    return hashlib.sha256(encode_json(inputs, sort=True)).hexdigest()


def whole_result(outcome: Outcome) -> Json:
    """The result as the store keeps it: nothing cut but what `max_pairs` left in columns."""
    wallets = [encode_json(wallet) for wallet in outcome.wallets]
    return _json_of(outcome, wallets, outcome.pairs, _NOTHING_CUT)


def bounded_result(
    outcome: Outcome,
    *,
    max_pairs: int,
    max_tokens_per_wallet: int,
    max_bytes: int = limits.EVENT_MAX_BYTES,
) -> bytes:
    """The event's JSON: at most so many pairs, token rows a wallet, and bytes.

    What is over `max_bytes` is cut from the end: names and gaps of tokens beyond a share of it, then token and balance
    rows of every wallet alike until a quarter of it is left for pairs, then pairs, worst ones before better ones.
    `truncated` counts each.
    """
    pairs = outcome.pairs[:max_pairs]
    wallets, cut = _with_rows(outcome.wallets, max_tokens_per_wallet)
    value = encode_json(_json_of(outcome, wallets, pairs, cut))
    if len(value) <= max_bytes:
        return value
    shorter, cut_lists = _with_short_lists(outcome, max_bytes)
    most = max_tokens_per_wallet
    while True:
        rest = len(encode_json(_json_of(shorter, wallets, [], {**cut_lists, **cut})))
        if rest <= max_bytes * (1 - _PAIRS_SHARE) or most == 0:
            break
        most //= 2
        wallets, cut = _with_rows(outcome.wallets, most, most_held=most)
    pairs = pairs[: _fitting(pairs, max_bytes - rest)]
    return encode_json(_json_of(shorter, wallets, pairs, {**cut_lists, **cut}))


def _with_short_lists(outcome: Outcome, max_bytes: int) -> tuple[Outcome, dict[str, int]]:
    """The result with as much of `tokens` and `missing` as their shares hold, and how much that cut."""
    tokens = list(outcome.tokens.items())
    named = tokens[
        : _fitting([encode_json(list(each)) for each in tokens], max_bytes * _NAMES_SHARE)
    ]
    missing = [encode_json(each) for each in outcome.missing]
    told = outcome.missing[: _fitting(missing, max_bytes * _MISSING_SHARE)]
    cut = {"names": len(tokens) - len(named), "missing": len(missing) - len(told)}
    return replace(outcome, tokens=dict(named), missing=told), cut


def _fitting(items: Sequence[bytes], room: float) -> int:
    """How many items, from the best on, fit into that many bytes; each has a comma behind it."""
    for count, each in enumerate(items):
        room -= len(each) + 1
        if room < 0:
            return count
    return len(items)


def _with_rows(
    wallets: list[Json], most: int, *, most_held: int | None = None
) -> tuple[list[bytes], dict[str, int]]:
    """JSON of the wallets with at most so many token rows and balance rows each, and how many rows that cut in all."""
    bounded, cut = [], {"tokens": 0, "balances": 0}
    for wallet in wallets:
        pnl, tokens_cut = _with_tokens(_without_days(wallet.get("pnl")), most)
        balances, balances_cut = _with_tokens(wallet.get("balances"), most_held)
        cut["tokens"] += tokens_cut
        cut["balances"] += balances_cut
        bounded.append(encode_json({**wallet, "pnl": pnl, "balances": balances}))
    return bounded, cut


def _without_days(pnl: Json | None) -> Json | None:
    """The record without its days, of which a wallet may have thousands."""
    if pnl is None:
        return None
    return {name: value for name, value in pnl.items() if name != "realized_by_day"}


def _with_tokens(record: Json | None, most: int | None) -> tuple[Json | None, int]:
    """The record with at most so many of its `tokens`, and how many that cut; all of them for None."""
    if record is None or most is None or len(record["tokens"]) <= most:
        return record, 0
    return {**record, "tokens": record["tokens"][:most]}, len(record["tokens"]) - most


def _json_of(
    outcome: Outcome, wallets: list[bytes], pairs: list[bytes], cut: Mapping[str, int]
) -> Json:
    """The result's JSON with these wallets and pairs, which are encoded already; `cut` counts what else is left out."""
    whole_cut = {"pairs": outcome.pairs_total - len(pairs), **_NOTHING_CUT, **cut}
    return {
        "request_id": outcome.request_id,
        "status": "completed",
        "completed_at": outcome.completed_at,
        "duration_ms": outcome.duration_ms,
        "engine_version": outcome.engine_version,
        "inputs_digest": outcome.inputs_digest,
        "cohort": outcome.cohort,
        "wallets": [orjson.Fragment(wallet) for wallet in wallets],
        "pairs": [orjson.Fragment(pair) for pair in pairs],
        "pairs_total": outcome.pairs_total,
        "set": outcome.set_figures,
        "clusters": outcome.clusters,
        "tokens": outcome.tokens,
        "missing": outcome.missing,
        "truncated": whole_cut if any(whole_cut.values()) else None,
        "credits_spent": outcome.credits_spent,
        "timings_ms": outcome.timings_ms,
    }
