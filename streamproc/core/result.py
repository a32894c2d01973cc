"""The result: composed from stored facts, the same bytes for the same inputs, bounded to fit in a record."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from streamproc import limits

Json = dict[str, Any]

# What differs between two runs on the same inputs; everything else is equal to the byte.
VOLATILE: Final = ("completed_at", "duration_ms", "timings_ms", "credits_spent")


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


def inputs_digest(inputs: Json) -> str:
    """SHA-256, in hex, over the sorted JSON of everything a result depends on."""
    return hashlib.sha256(encode_json(inputs, sort=True)).hexdigest()


def whole_result(outcome: Outcome) -> Json:
    """The result as the store keeps it: nothing cut but what `max_pairs` left in columns."""
    wallets = [encode_json(wallet) for wallet in outcome.wallets]
    return _json_of(outcome, wallets, outcome.pairs, tokens_cut=0)


def bounded_result(
    outcome: Outcome,
    *,
    max_pairs: int,
    max_tokens_per_wallet: int,
    max_bytes: int = limits.EVENT_MAX_BYTES,
) -> bytes:
    """The event's JSON: at most so many pairs, token rows a wallet, and bytes.

    What is over `max_bytes` is cut from the end: pairs first, worst ones before better ones, then token rows of every
    wallet alike. `truncated` counts both.
    """
    wallets, cut = _with_tokens(outcome.wallets, max_tokens_per_wallet)
    pairs = outcome.pairs[:max_pairs]
    value = encode_json(_json_of(outcome, wallets, pairs, tokens_cut=cut))
    if len(value) <= max_bytes:
        return value
    without_pairs = len(encode_json(_json_of(outcome, wallets, [], tokens_cut=cut)))
    pairs = pairs[: _fitting(pairs, max_bytes - without_pairs)]
    kept = max_tokens_per_wallet
    while True:
        value = encode_json(_json_of(outcome, wallets, pairs, tokens_cut=cut))
        if len(value) <= max_bytes or kept == 0:
            return value
        kept //= 2
        wallets, cut = _with_tokens(outcome.wallets, kept)


def _fitting(pairs: list[bytes], room: int) -> int:
    """How many pairs, from the best on, fit into that many bytes; each has a comma behind it."""
    for count, pair in enumerate(pairs):
        room -= len(pair) + 1
        if room < 0:
            return count
    return len(pairs)


def _with_tokens(wallets: list[Json], most: int) -> tuple[list[bytes], int]:
    """JSON of the wallets with at most so many token rows each, and how many rows that cut in all."""
    bounded, cut = [], 0
    for wallet in wallets:
        pnl = wallet.get("pnl")
        if pnl is None or len(pnl["tokens"]) <= most:
            bounded.append(encode_json(wallet))
            continue
        cut += len(pnl["tokens"]) - most
        shown = {**pnl, "tokens": pnl["tokens"][:most]}
        bounded.append(encode_json({**wallet, "pnl": shown}))
    return bounded, cut


def _json_of(
    outcome: Outcome, wallets: list[bytes], pairs: list[bytes], *, tokens_cut: int
) -> Json:
    """The result's JSON with these wallets and pairs, which are encoded already."""
    pairs_cut = outcome.pairs_total - len(pairs)
    truncated = {"pairs": pairs_cut, "tokens": tokens_cut} if pairs_cut or tokens_cut else None
    return {
        "request_id": outcome.request_id,
        "status": "completed",
        "completed_at": outcome.completed_at,
        "duration_ms": outcome.duration_ms,
        "engine_version": outcome.engine_version,
        "inputs_digest": outcome.inputs_digest,
        "wallets": [orjson.Fragment(wallet) for wallet in wallets],
        "pairs": [orjson.Fragment(pair) for pair in pairs],
        "pairs_total": outcome.pairs_total,
        "set": outcome.set_figures,
        "clusters": outcome.clusters,
        "tokens": outcome.tokens,
        "missing": outcome.missing,
        "truncated": truncated,
        "credits_spent": outcome.credits_spent,
        "timings_ms": outcome.timings_ms,
    }


def encode_json(value: object, *, sort: bool = False) -> bytes:
    """JSON in UTF-8, floats in shortest round trip, integers of any size: past 64 bits the standard library writes."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort else None)
    except TypeError:
        text = json.dumps(
            value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, sort_keys=sort
        )
        return text.encode()
