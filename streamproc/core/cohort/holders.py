"""Holders of a mint: its token accounts summed by owner, the largest first."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class HeldAccount(NamedTuple):
    """A token account of the mint, its owner, and what it holds in base units."""

    address: str
    owner: str
    units: int


class Holder(NamedTuple):
    """An owner, and what its accounts hold together in base units."""

    owner: str
    units: int


class Holdings:
    """Token accounts as they are read; one that is read again counts once, as it came last."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._accounts: dict[str, HeldAccount] = {}

    def __len__(self) -> int:
        """How many accounts with anything in them were read."""
        return len(self._accounts)

    def add(self, accounts: Iterable[HeldAccount]) -> None:
        """Take in accounts; an empty one holds nothing and counts for nothing."""
        for each in accounts:
            if each.units > 0:
                self._accounts[each.address] = each
            else:
                self._accounts.pop(each.address, None)

    def clear(self) -> None:
        """Forget what was read."""
        self._accounts.clear()

    def ranked(self) -> list[Holder]:
        """Every owner, the largest holder first, equal ones by address."""
        units: defaultdict[str, int] = defaultdict(int)
        for each in self._accounts.values():
            units[each.owner] += each.units
        return sorted(
            (Holder(*each) for each in units.items()), key=lambda each: (-each.units, each.owner)
        )
