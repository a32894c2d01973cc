"""Which of many addresses, in an order of preference, are the members: wallets, and no exchange, pool or program."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from streamproc import limits
from streamproc.core.cohort.outsiders import by_account, by_address
from streamproc.upstream.accounts.accounts import accounts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from streamproc.core.cohort.outsiders import WhyNot
    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.retry import Caller


class Members(NamedTuple):
    """The first addresses that are wallets, and those before the last of them that are none, each with the reason."""

    members: list[str]
    outsiders: list[tuple[str, WhyNot]]


class Selection:
    """Looks at addresses in their order, and asks about the account of each once."""

    def __init__(
        self, caller: Caller, rpc_url: str, permit: Permit, operators: Collection[str]
    ) -> None:
        """Ask there; `operators` are the addresses that the operator has never analyzed."""
        self._caller = caller
        self._url = rpc_url
        self._permit = permit
        self._operators = operators
        self._looked_at: dict[str, WhyNot | None] = {}

    def possible(self, addresses: Sequence[str]) -> int:
        """How many of them may be members, as far as that is known without asking."""
        return sum(self._why(each) is None for each in addresses)

    async def of(self, addresses: Sequence[str], count: int) -> Members:
        """The first so many that are wallets, fewer where there are no more."""
        members: list[str] = []
        outsiders: list[tuple[str, WhyNot]] = []
        for place, address in enumerate(addresses):
            if len(members) == count:
                break
            if address not in self._looked_at and self._why(address) is None:
                await self._ask(addresses[place:], count - len(members))
            why = self._why(address)
            if why is None:
                members.append(address)
            else:
                outsiders.append((address, why))
        return Members(members, outsiders)

    def _why(self, address: str) -> WhyNot | None:
        """Why an address is no member, as far as it is known."""
        if address in self._looked_at:
            return self._looked_at[address]
        return by_address(address, self._operators)

    async def _ask(self, addresses: Sequence[str], wanted: int) -> None:
        """Look at the accounts of the next ones, as many as are wanted and one call has room for."""
        unknown = (
            each for each in addresses if each not in self._looked_at and self._why(each) is None
        )
        asked = list(islice(unknown, min(wanted, limits.ACCOUNTS_PER_CALL)))
        found = await accounts(self._caller, self._url, asked, self._permit)
        for address, account in found.items():
            self._looked_at[address] = by_account(
                account.owner, is_executable=account.is_executable, is_odd=account.is_odd
            )
