"""In which order a transaction names its accounts, and which of them come from a lookup table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.chain import known

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

LOADED_MIN_KEYS: Final = 4  # fewer accounts than this are not worth a lookup table


def ordered_keys(
    signers: Collection[str], touched: Collection[str], programs: Iterable[str], version: int | None
) -> tuple[tuple[str, ...], int, int]:
    """Return all keys (signers, writable, programs, loaded), the programs' and the loaded ones' number.

    Version 1 has neither lookup tables nor instructions of the compute budget; legacy ones have no tables.
    """
    budget = () if version == 1 else (known.COMPUTE_BUDGET,)
    run = [program for program in (*programs, *budget) if program not in touched]
    others = [key for key in touched if key not in signers]
    kept = len(others)
    if version == 0 and len(others) >= LOADED_MIN_KEYS:
        kept = (len(others) + 1) // 2
    return (*signers, *others[:kept], *run, *others[kept:]), len(run), len(others) - kept
