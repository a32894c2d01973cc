"""Accounts as they are now: lamports, and whether an address is a wallet at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streamproc import limits
from streamproc.core.solana import TOKEN_PROGRAMS
from streamproc.errors import UpstreamInconsistentError
from streamproc.upstream.calls import PLAIN_CREDITS, Call
from streamproc.upstream.rpc import rpc_question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.upstream.asking import Asker
    from streamproc.upstream.calls import Permit

METHOD: Final = "getMultipleAccounts"


class Account(NamedTuple):
    """An address now; one that was never funded has 0 lamports and no owner."""

    lamports: int
    owner: str | None
    is_executable: bool

    @property
    def is_wallet(self) -> bool:
        """Whether the address can be a wallet: programs, mints and token accounts are none."""
        return not self.is_executable and self.owner not in TOKEN_PROGRAMS


class _Account(msgspec.Struct):
    lamports: int
    owner: str
    executable: bool


class _Accounts(msgspec.Struct):
    value: list[_Account | None]


class _Answer(msgspec.Struct):
    result: _Accounts


_ANSWER: Final = msgspec.json.Decoder(_Answer)
NEVER_FUNDED: Final = Account(0, None, is_executable=False)


async def accounts(
    asker: Asker, rpc_url: str, addresses: Sequence[str], permit: Permit
) -> dict[str, Account]:
    """Each address's account now; raises what the upstream says about the first hundred that it refuses."""
    found: dict[str, Account] = {}
    for start in range(0, len(addresses), limits.ACCOUNTS_PER_CALL):
        asked = list(addresses[start : start + limits.ACCOUNTS_PER_CALL])
        options = {
            "commitment": "finalized",
            "encoding": "base64",
            "dataSlice": {"offset": 0, "length": 0},
        }
        call = Call("rpc", METHOD, PLAIN_CREDITS)
        answer = await asker.ask(rpc_question(rpc_url, call, [asked, options], _ANSWER), permit)
        if len(answer.result.value) != len(asked):
            raise UpstreamInconsistentError("more or fewer accounts came than were asked for")
        shown = (
            NEVER_FUNDED if each is None else Account(each.lamports, each.owner, each.executable)
            for each in answer.result.value
        )
        found.update(zip(asked, shown, strict=True))
    return found
