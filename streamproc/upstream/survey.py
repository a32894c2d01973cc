"""What an upstream can do and how the chain is now, from one call of each kind: for people who set it up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeVar

import msgspec

from streamproc.core.chain.solana import RENT_RATES, USDC
from streamproc.errors import (
    StrategyUnsupportedError,
    StreamprocError,
    UpstreamInconsistentError,
    UpstreamRejectedError,
    UpstreamTooNewError,
)
from streamproc.json_types import Json, JsonValue
from streamproc.upstream.client.connections import make_client
from streamproc.upstream.client.errors import PlanRefusedError
from streamproc.upstream.client.http import Request, Wire
from streamproc.upstream.client.rpc import reader, rpc_request
from streamproc.upstream.history.full_page import METHOD as PAGES
from streamproc.upstream.history.full_page import TRANSACTION_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

    from streamproc.settings import Settings

    State = Literal["ok", "failed", "skipped"]

T = TypeVar("T")

# Named by some transaction of nearly every block: an exchange's program.
BUSY: Final = "JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4"
LOOKED_AT: Final = 20  # of its newest transactions: 10 credits in pages, one each singly
NEWEST_VERSION: Final = 127  # what is declared to see whatever there is
ACCOUNT_BYTES: Final = 1000  # of an account whose rent is compared with that of one without data


class Finding(NamedTuple):
    """One line: what was looked at, how it is, and what was found in words."""

    what: str
    state: State
    found: str


class _Shown(msgspec.Struct):
    version: JsonValue = "legacy"


class _Page(msgspec.Struct):
    data: list[_Shown]


class _Pages(msgspec.Struct):
    result: _Page


class _Signature(msgspec.Struct):
    signature: str


class _Signatures(msgspec.Struct):
    result: list[_Signature]


class _Transaction(msgspec.Struct):
    result: _Shown | None


class _Rent(msgspec.Struct):
    result: int


class _Anything(msgspec.Struct):
    result: JsonValue = None


class Survey:
    """The queries, each asked once."""

    def __init__(self, wire: Wire, settings: Settings) -> None:
        """Ask the services that the settings name."""
        self._wire = wire
        self._rpc_url = settings.helius_rpc_url
        self._api_url = settings.helius_api_url
        self._source = settings.history_source

    async def findings(self) -> list[Finding]:
        """All there is to say; only the first line when nobody answers or the key is refused."""
        health = await self._rpc("getHealth", [], _Anything)
        unusable = isinstance(health, StreamprocError) and not isinstance(
            health, StrategyUnsupportedError | UpstreamRejectedError
        )
        if isinstance(health, StreamprocError) and unusable:
            return [Finding("upstream", "failed", str(health))]
        host = Request(self._rpc_url).host
        pages, by_pages = await self._pages()
        standard, singly = await self._standard()
        versions = by_pages if by_pages is not None else singly
        return [
            Finding("upstream", "ok", f"{host} answers"),
            pages,
            await self._enhanced(),
            standard,
            await self._names(),
            _version(versions),
            await self._rent(),
        ]

    async def _pages(self) -> tuple[Finding, list[JsonValue] | None]:
        """Whether the first choice answers, and the versions of what it shows."""
        found = await self._page(NEWEST_VERSION)
        if isinstance(found, UpstreamRejectedError):  # of so high a version, perhaps
            found = await self._page(TRANSACTION_VERSION)
        finding = self._finding(f"histories: {PAGES}", found, "gtfa")
        if isinstance(found, StreamprocError):
            return finding, None
        return finding, [each.version for each in found.result.data]

    async def _page(self, version: int) -> _Pages | StreamprocError:
        """The newest transactions of a busy address."""
        options = {
            "transactionDetails": "full",
            "limit": LOOKED_AT,
            "sortOrder": "desc",
            "commitment": "finalized",
            "encoding": "json",
            "maxSupportedTransactionVersion": version,
        }
        return await self._rpc(PAGES, [BUSY, options], _Pages)

    async def _enhanced(self) -> Finding:
        """Whether the enhanced API answers."""
        url = f"{self._api_url}/v0/addresses/{BUSY}/transactions"
        request = Request(url, (("limit", "1"),), method="enhancedTransactions")
        return self._finding(
            "histories: enhanced API", await self._ask(request, list[JsonValue]), "enhanced"
        )

    async def _standard(self) -> tuple[Finding, list[JsonValue]]:
        """Whether the standard methods answer, and the versions of what they show."""
        options: Json = {"limit": 3, "commitment": "finalized"}
        listed = await self._rpc("getSignaturesForAddress", [BUSY, options], _Signatures)
        shown: list[JsonValue] = []
        answer: object = listed
        for each in () if isinstance(listed, StreamprocError) else listed.result:
            options = {"encoding": "json", "maxSupportedTransactionVersion": NEWEST_VERSION}
            params = [each.signature, {**options, "commitment": "finalized"}]
            answer = await self._rpc("getTransaction", params, _Transaction)
            if isinstance(answer, _Transaction) and answer.result is not None:
                shown.append(answer.result.version)
        return self._finding("histories: standard methods", answer, "rpc"), shown

    async def _names(self) -> Finding:
        """Whether names of tokens are to be had."""
        found = await self._rpc("getAssetBatch", {"ids": [USDC]}, _Anything)
        return self._finding("names: getAssetBatch", found, None)

    async def _rent(self) -> Finding:
        """What a byte of an account costs now."""
        asked = [
            await self._rpc("getMinimumBalanceForRentExemption", [size], _Rent)
            for size in (0, ACCOUNT_BYTES)
        ]
        refused = [each for each in asked if isinstance(each, StreamprocError)]
        if refused:
            return self._finding("rent", refused[0], None)
        sums = [each.result for each in asked if isinstance(each, _Rent)]
        rate, rest = divmod(sums[1] - sums[0], ACCOUNT_BYTES)
        if rest == 0 and rate in RENT_RATES:
            return Finding("rent", "ok", f"{rate} lamports a byte")
        return Finding(
            "rent",
            "failed",
            f"{(sums[1] - sums[0]) / ACCOUNT_BYTES:g} lamports a byte, which this release does not know:"
            " what opens or closes accounts may be misread; a newer release is needed",
        )

    def _finding(self, what: str, answer: object, source: str | None) -> Finding:
        """How one thing is: what the settings do without may be missing."""
        if not isinstance(answer, StreamprocError):
            return Finding(what, "ok", "answers")
        if source is not None and source == self._source:
            return Finding(what, "failed", str(answer))
        is_absent = isinstance(answer, StrategyUnsupportedError | PlanRefusedError)
        is_spare = self._source not in {"auto", source} and source is not None
        if is_absent or is_spare or isinstance(answer, UpstreamTooNewError):
            return Finding(what, "skipped", str(answer))
        return Finding(what, "failed", str(answer))

    async def _rpc(self, method: str, params: object, form: type[T]) -> T | StreamprocError:
        """The answer to a JSON-RPC call, or the error that it means."""
        return await self._ask(rpc_request(self._rpc_url, method, params), form)

    async def _ask(self, request: Request, form: type[T]) -> T | StreamprocError:
        """The answer to one call, or the error that it means."""
        verdict, body = await self._wire.fetch(request)
        if verdict.error is not None:
            return self._wire.cleaned(verdict.error)
        try:
            return reader(msgspec.json.Decoder(form))(body.data)
        except StreamprocError:
            return UpstreamInconsistentError(f"{request.where}: the answer is of another form")


def _version(seen: Iterable[JsonValue]) -> Finding:
    """The highest version that was seen, held against what this release reads."""
    what, versions = "transaction version", list(seen)
    if not versions:
        return Finding(what, "skipped", "no transaction was seen")
    numbers = [each for each in versions if isinstance(each, int)]
    odd = [each for each in versions if not isinstance(each, int) and each != "legacy"]
    highest = max(numbers, default=None)
    reads = f"this release reads up to {TRANSACTION_VERSION}"
    if odd or (highest is not None and highest > TRANSACTION_VERSION):
        told = "another kind" if odd else highest
        return Finding(what, "failed", f"{told} was seen, {reads}: a newer release is needed")
    told = "legacy" if highest is None else highest
    return Finding(what, "ok", f"{told} at most in {len(versions)} transactions; {reads}")


async def survey(
    settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None
) -> list[Finding]:
    """What can be said of the upstream; needs no store. `transport` is for tests."""
    bases = settings.helius_rpc_url, settings.helius_api_url
    async with make_client(*bases, transport=transport) as client:
        wire = Wire(
            client,
            settings.helius_api_key,
            keyed_hosts=settings.keyed_hosts(),
            secrets=settings.secrets(),
        )
        return await Survey(wire, settings).findings()
