"""Profit and loss as JSON and back: the record that results and the store hold."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final, cast

from streamproc.core.pnl.records import QuotePnl, RealizedDay, TokenPnl, WalletPnl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.json_types import Json, JsonView
    from streamproc.result import Pnl
    from streamproc.result.pnl import TokenRow

# Token amounts are strings: they pass 2**53, where other languages' JSON readers lose digits.
_AMOUNTS: Final = frozenset(
    {"bought", "sold", "received", "sent", "open_amount", "open_basis_amount"}
)
# Signed units by mint.
_FLOWS: Final = ("stable_net_flow", "round_trips")


def pnl_to_json(pnl: WalletPnl) -> Pnl:
    """The record: lamports as integers, amounts of tokens and quotes as strings of base units."""
    record = {
        **_plain(pnl, leave={"tokens", "realized_by_day", *_FLOWS}),
        **{name: _texts(getattr(pnl, name)) for name in _FLOWS},
        "rate_sources": dict(pnl.rate_sources),
        "unread": dict(pnl.unread),
        "realized_by_day": [day._asdict() for day in pnl.realized_by_day],
        "tokens": [_row_to_json(row) for row in pnl.tokens],
    }
    return cast("Pnl", record)


def pnl_from_json(record: Pnl) -> WalletPnl:
    """The figures that such a record holds; fields that nobody knows any more are passed over."""
    value: JsonView = record
    flows = {name: {mint: int(units) for mint, units in value[name].items()} for name in _FLOWS}
    rows = tuple(_row_from_json(row) for row in record["tokens"])
    days = tuple(RealizedDay(**day) for day in value.get("realized_by_day", ()))
    read: JsonView = {**flows, "realized_by_day": days, "tokens": rows}
    known = {each.name: value[each.name] for each in fields(WalletPnl) if each.name not in read}
    return WalletPnl(**{**known, **read})


def _row_to_json(row: TokenPnl) -> TokenRow:
    """One row."""
    plain = _plain(row, leave={"quotes"})
    quotes = {
        mint: {
            "spent": str(quote.spent),
            "received": str(quote.received),
            "realized": str(quote.realized),
        }
        for mint, quote in row.quotes.items()
    }
    record = {**plain, **{name: str(plain[name]) for name in _AMOUNTS}, "quotes": quotes}
    return cast("TokenRow", record)


def _row_from_json(record: TokenRow) -> TokenPnl:
    """One row, read."""
    value: JsonView = record
    quotes = {
        mint: QuotePnl(int(quote["spent"]), int(quote["received"]), int(quote["realized"]))
        for mint, quote in record["quotes"].items()
    }
    known = {each.name: value[each.name] for each in fields(TokenPnl)}
    amounts = {name: int(value[name]) for name in _AMOUNTS}
    return TokenPnl(**{**known, **amounts, "quotes": quotes})


def _texts(flow: Mapping[str, int]) -> dict[str, str]:
    """Signed units as text."""
    return {mint: str(units) for mint, units in flow.items()}


def _plain(record: WalletPnl | TokenPnl, *, leave: set[str]) -> Json:
    """A record's fields as they stand, in their order, but for some."""
    return {
        each.name: getattr(record, each.name) for each in fields(record) if each.name not in leave
    }
