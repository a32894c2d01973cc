"""The operator's list of addresses that are never analyzed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.core.chain.solana import is_address
from streamproc.errors import (
    ConfigurationError,
    Fault,
)

if TYPE_CHECKING:
    from streamproc.settings import Settings


def excluded_wallets(settings: Settings) -> frozenset[str]:
    """The operator's addresses that are never analyzed; raises ConfigurationError with every bad line."""
    path = settings.excluded_wallets_file
    if path is None:
        return frozenset()
    name = "STREAMPROC_EXCLUDED_WALLETS_FILE"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        rule = f"must name a readable text file: {error}"
        raise ConfigurationError([Fault(name, str(path), rule)]) from error
    found = [(n, line.split("#")[0].strip()) for n, line in enumerate(lines, start=1)]
    faults = [
        Fault(f"{name} line {number}", text, "must be an address")
        for number, text in found
        if text and not is_address(text)
    ]
    if faults:
        raise ConfigurationError(faults)
    return frozenset(text for _, text in found if text)
