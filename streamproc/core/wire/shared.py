"""What both wire forms share: the bounds of a transaction's place, and what is said of one that cannot be read."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from streamproc.core.ledger.entries import Unreadable

MOST_DECIMALS: Final = 255  # a mint keeps them in one byte
Slot = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Time = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]  # unix seconds
Index = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]  # in a block
_REASON_CHARACTERS: Final = 200


class _Signed(msgspec.Struct, gc=False):
    signatures: list[str] = []


class _Named(msgspec.Struct, gc=False):
    """What either wire form says of who a transaction is."""

    slot: int | None = None
    signature: str | None = None
    transaction: _Signed | None = None


_NAMED: Final = msgspec.json.Decoder(_Named)


def unreadable_of(raw: msgspec.Raw, error: Exception) -> Unreadable:
    """What is said of an item that is no transaction of its form: signature and slot as far as it has them."""
    reason = str(error)[:_REASON_CHARACTERS]
    try:
        named = _NAMED.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unreadable(None, None, reason)
    signatures = named.transaction.signatures if named.transaction else []
    signature = named.signature or (signatures[0] if signatures else None)
    is_slot = named.slot is not None and 0 <= named.slot < 2**63
    return Unreadable(signature, named.slot if is_slot else None, reason)
