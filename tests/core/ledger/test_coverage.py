"""Which part of a history figures rest on: slots, and transactions that could not be read."""

from __future__ import annotations

from solders.signature import Signature

from streamproc.core.ledger.entries import Entry, Kind
from streamproc.core.result.wallet_analysis import History, Scope, coverage_of


def _at(slot: int) -> Entry:
    return Entry(
        signature=str(Signature.from_bytes(slot.to_bytes(64, "big"))),
        slot=slot,
        index=0,
        time=1_700_000_000,
        failed=False,
        estimated=False,
        fee_payer="w",
        network_fee=5000,
        sol_delta=-5000,
        tips=0,
        rent=0,
        kind=Kind.OTHER,
        deltas=(),
        routed_quote=None,
        counterparty=None,
    )


def test_what_could_not_be_read_is_counted_and_makes_the_coverage_partial() -> None:
    entries = [_at(slot) for slot in (5, 6, 7)]
    odd = [(6, "lost"), (0, ""), (7, entries[2].signature)]
    history = History("w", entries, [(0, 7)], 7, {}, odd, "known")
    whole = coverage_of(history, entries, Scope())
    assert (whole["state"], whole["unreadable"]) == ("partial", 2)
    assert (whole["gaps"], whole["token_accounts"]) == ([], "known")
    newest = coverage_of(history, entries[2:], Scope(max_transactions=1))
    assert newest["unreadable"] == 1
    none = coverage_of(History("w", entries, [(0, 7)], 7), entries, Scope())
    assert (none["state"], none["unreadable"], none["token_accounts"]) == ("complete", 0, "all")
