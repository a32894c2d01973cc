"""Addresses and signatures of a generated world: real shapes, derived from the seed and a name."""

from __future__ import annotations

import hashlib

from solders.pubkey import Pubkey
from solders.signature import Signature


class AddressBook:
    """Names to addresses; the same seed and name give the same address, always."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._known: dict[str, str] = {}

    def named(self, name: str) -> str:
        """Return the base58 address (32 bytes) that belongs to this name."""
        found = self._known.get(name)
        if found is None:
            digest = hashlib.sha256(f"{self._seed}/{name}".encode()).digest()
            found = self._known[name] = str(Pubkey.from_bytes(digest))
        return found

    def keyed(self, name: str) -> str:
        """Return the first address of this name, or of it with a number, that has a private key: a wallet's."""
        return self._numbered(name, on_curve=True)

    def derived(self, name: str) -> str:
        """Return the first such address that can have none: one that a program derives, as a pool's."""
        return self._numbered(name, on_curve=False)

    def _numbered(self, name: str, *, on_curve: bool) -> str:
        kept = f"{name}#{'keyed' if on_curve else 'derived'}"
        if kept in self._known:
            return self._known[kept]
        number, address = 0, self.named(name)
        while Pubkey.from_string(address).is_on_curve() != on_curve:
            number += 1
            address = self.named(f"{name}#{number}")
        self._known[kept] = address
        return address

    def signature(self, number: int) -> str:
        """Return the base58 signature (64 bytes) of the world's transaction with this number."""
        digest = hashlib.sha512(f"{self._seed}/transaction/{number}".encode()).digest()
        return str(Signature.from_bytes(digest))


def is_address(text: object) -> bool:
    """Say whether this is base58 text of exactly 32 bytes."""
    if not isinstance(text, str):
        return False
    try:
        Pubkey.from_string(text)
    except ValueError:
        return False
    return True
