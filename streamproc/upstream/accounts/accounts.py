"""Accounts as they are now: lamports, and whether an address is a wallet at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streamproc import limits
from streamproc.core.chain.solana import TOKEN_PROGRAMS
from streamproc.errors import UpstreamInconsistentError
from streamproc.upstream.client.calls import PLAIN_CREDITS, Call
from streamproc.upstream.client.rpc import rpc_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.retry import Caller

METHOD: Final = "getMultipleAccounts"


class Account(NamedTuple):
    """An address now; one that was never funded has 0 lamports and no owner, of an odd one nothing is known."""

    lamports: int
    owner: str | None
    is_executable: bool
    is_odd: bool = False

    @property
    def is_wallet(self) -> bool:
        """Whether the address can be a wallet: programs, mints and token accounts are none."""
        return not self.is_executable and self.owner not in TOKEN_PROGRAMS


class _Account(msgspec.Struct):
    lamports: int
    owner: str
    executable: bool


class _Accounts(msgspec.Struct):
    value: list[msgspec.Raw]


class _Answer(msgspec.Struct):
    result: _Accounts


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_ACCOUNT: Final = msgspec.json.Decoder(_Account | None)
NEVER_FUNDED: Final = Account(0, None, is_executable=False)
ODD: Final = Account(0, None, is_executable=False, is_odd=True)
LAMPORTS_MAX: Final = 2**64 - 1


async def accounts(
    caller: Caller, rpc_url: str, addresses: Sequence[str], permit: Permit
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
        answer = await caller.ask(rpc_query(rpc_url, call, [asked, options], _ANSWER), permit)
        if len(answer.result.value) != len(asked):
            raise UpstreamInconsistentError("more or fewer accounts came than were asked for")
        found.update(zip(asked, map(_account, answer.result.value), strict=True))
    return found


def _account(item: msgspec.Raw) -> Account:
    """One item of an answer, which costs itself when it is odd."""
    try:
        read = _ACCOUNT.decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ODD
    if read is None:
        return NEVER_FUNDED
    if not 0 <= read.lamports <= LAMPORTS_MAX:
        return ODD
    return Account(read.lamports, read.owner, read.executable)
