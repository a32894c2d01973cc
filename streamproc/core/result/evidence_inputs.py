"""What evidence rests on beside the wallets of a request: frozen with it, so that it is composed the same way again."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.comparison_inputs import Background, Met, Transfer, Witness

if TYPE_CHECKING:
    from collections.abc import Mapping

_FAST: Final = 1  # zlib's level
_LITTLE: Final = "<i4"  # the same bytes on every machine
_LITTLE_LONG: Final = "<i8"


@dataclass(frozen=True, slots=True)
class EvidenceInputs:
    """Stored wallets beside those of the request, and who met whom."""

    background: Background | None = None
    transfers: tuple[Transfer, ...] = ()
    first_funders: Mapping[str, Witness] = field(default_factory=dict)  # by wallet
    fee_payers: Mapping[str, tuple[Witness, ...]] = field(default_factory=dict)  # by wallet
    counterparties: Mapping[str, Met] = field(default_factory=dict)  # by address
    known_wallets: int = 0  # in the store

    @property
    def digest(self) -> str:
        """SHA-256, in hex, over all of it."""
        return hashlib.sha256(_canonical(self)).hexdigest()


class _Columns(msgspec.Struct, array_like=True):
    """A background with its numbers as little-endian bytes of 32 bits."""

    wallets: tuple[str, ...]
    mints: tuple[str, ...]
    wallet_numbers: bytes
    mint_numbers: bytes
    times: bytes | None = None  # 64 bits each


class _Packed(msgspec.Struct, array_like=True):
    """The evidence inputs as they are kept; everything sorted."""

    background: _Columns | None
    transfers: list[tuple[str, str, str, int, int, str | None, int]]
    first_funders: list[tuple[str, str, str]]
    fee_payers: list[tuple[str, list[tuple[str, str]]]]
    counterparties: list[tuple[str, int, int]]
    known_wallets: int = 0


def packed(evidence_inputs: EvidenceInputs) -> bytes:
    """The evidence inputs as bytes, small."""
    return zlib.compress(_canonical(evidence_inputs), _FAST)


def unpacked(content: bytes) -> EvidenceInputs:
    """The evidence inputs that `packed` made these bytes of."""
    read = msgspec.msgpack.decode(zlib.decompress(content), type=_Packed)
    return EvidenceInputs(
        background=None if read.background is None else _background(read.background),
        transfers=tuple(Transfer(*each) for each in read.transfers),
        first_funders={wallet: Witness(*witness) for wallet, *witness in read.first_funders},
        fee_payers={
            wallet: tuple(Witness(*each) for each in witnesses)
            for wallet, witnesses in read.fee_payers
        },
        counterparties={address: Met(*met) for address, *met in read.counterparties},
        known_wallets=read.known_wallets,
    )


def possible_hubs(evidence_inputs: EvidenceInputs) -> set[str]:
    """The addresses that would link two wallets unless they are hubs: in transfers, or shared by two wallets."""
    found = {each for transfer in evidence_inputs.transfers for each in _ends(transfer)}
    funders = [[each.address] for each in evidence_inputs.first_funders.values()]
    payers = [[each.address for each in payers] for payers in evidence_inputs.fee_payers.values()]
    for group in (funders, payers):
        seen: set[str] = set()
        for addresses in group:
            found |= seen.intersection(addresses)
            seen.update(addresses)
    return found


def _ends(transfer: Transfer) -> tuple[str, str]:
    """Both addresses of a transfer."""
    return transfer.sender, transfer.receiver


def _canonical(evidence_inputs: EvidenceInputs) -> bytes:
    """The same bytes for equal evidence inputs, in whatever order they were found."""
    transfers = {
        (e.sender, e.receiver, e.signature, e.slot, e.lamports, e.mint, e.units)
        for e in evidence_inputs.transfers
    }
    kept = _Packed(
        background=_columns(evidence_inputs.background),
        transfers=sorted(transfers, key=lambda each: (each[3], *each[:5], each[5] or "", each[6])),
        first_funders=sorted(
            (wallet, each.address, each.signature)
            for wallet, each in evidence_inputs.first_funders.items()
        ),
        fee_payers=sorted(
            (wallet, sorted((each.address, each.signature) for each in witnesses))
            for wallet, witnesses in evidence_inputs.fee_payers.items()
        ),
        counterparties=sorted((each, *met) for each, met in evidence_inputs.counterparties.items()),
        known_wallets=evidence_inputs.known_wallets,
    )
    return msgspec.msgpack.encode(kept)


def _columns(background: Background | None) -> _Columns | None:
    """The background with its entries by wallet, then by mint."""
    import numpy as np  # noqa: PLC0415 - a third of a second that no start waits for

    if background is None:
        return None
    wallet, mint = background.wallet_numbers, background.mint_numbers
    order = np.lexsort((mint, wallet))
    times = background.times
    return _Columns(
        wallets=background.wallets,
        mints=background.mints,
        wallet_numbers=wallet[order].astype(_LITTLE).tobytes(),
        mint_numbers=mint[order].astype(_LITTLE).tobytes(),
        times=None if times is None else times[order].astype(_LITTLE_LONG).tobytes(),
    )


def _background(columns: _Columns) -> Background:
    """The background in these columns."""
    import numpy as np  # noqa: PLC0415 - as above

    wallet, mint = (
        np.frombuffer(each, dtype=_LITTLE).astype(np.int64)
        for each in (columns.wallet_numbers, columns.mint_numbers)
    )
    times = columns.times
    read = None if times is None else np.frombuffer(times, dtype=_LITTLE_LONG).astype(np.int64)
    return Background(columns.wallets, columns.mints, wallet, mint, read)
