"""The table of errors, row by row, each in the middle of a history; and the key, which nobody ever sees."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import deflate
import httpx
import pytest

from streamproc import limits
from streamproc.errors import (
    StreamprocError,
    UpstreamCreditsExhaustedError,
    UpstreamKeyRejectedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from streamproc.upstream import Upstream, unlimited
from streamproc.upstream.client.errors import (
    PausedError,
    Reply,
    SlowError,
    http_fault,
    transport_fault,
)
from tests.upstream.services import (
    KEY,
    SLOT,
    WALLET,
    BudgetStore,
    Clock,
    HistoryService,
    RawBody,
    answered,
    opened,
    rpc_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.core.ledger.entries import Entry

TRANSACTIONS = [(SLOT + number, number) for number in range(1, 1301)]


def _raising(error: Exception) -> Callable[[], httpx.Response]:
    def fault() -> httpx.Response:
        raise error

    return fault


def _good_page_cut_off() -> httpx.Response:
    body = answered({"data": [], "paginationToken": None}).content
    return httpx.Response(200, content=body[: len(body) // 2])


PASSING: dict[str, Callable[[], httpx.Response]] = {
    "500": lambda: httpx.Response(500, text="no"),
    "502": lambda: httpx.Response(502, text="<html>"),
    "503": lambda: httpx.Response(503),
    "504": lambda: httpx.Response(504),
    "404 without JSON": lambda: httpx.Response(404, text="nobody here"),
    "429": lambda: httpx.Response(429),
    "-32429": lambda: rpc_error(-32429),
    "-32603": lambda: rpc_error(-32603, "internal error"),
    "a lost pagination token": lambda: rpc_error(-32603, "Invalid pagination token"),
    "HTML with 200": lambda: httpx.Response(200, text="<html>wait</html>"),
    "an empty body": lambda: httpx.Response(200, content=b""),
    "JSON cut off": _good_page_cut_off,
    "another shape": lambda: httpx.Response(200, json={"ok": True}),
    "no JSON": lambda: httpx.Response(200, text="upstream connect error"),
    "broken gzip": lambda: httpx.Response(
        200, stream=RawBody(b"\x1f\x8b broken"), headers={"content-encoding": "gzip"}
    ),
    "a connection refused": _raising(httpx.ConnectError("refused")),
    "a connection reset": _raising(httpx.ReadError("reset")),
    "a protocol error": _raising(httpx.RemoteProtocolError("incomplete chunked read")),
    "a read time-out": _raising(httpx.ReadTimeout("slow")),
    "a connect time-out": _raising(httpx.ConnectTimeout("slow")),
}
LASTING: dict[str, tuple[Callable[[], httpx.Response], type[StreamprocError]]] = {
    "400": (lambda: httpx.Response(400, text="bad"), UpstreamRejectedError),
    "-32602": (lambda: rpc_error(-32602), UpstreamRejectedError),
    "401": (lambda: httpx.Response(401, text="invalid api key"), UpstreamKeyRejectedError),
}


async def _collected(upstream: Upstream) -> list[str]:
    return [
        entry.signature
        async for page in upstream.history(WALLET, permit=unlimited)
        for entry in page.entries
    ]


async def test_what_was_too_much_at_once_is_no_sign_that_the_service_is_slow(clock: Clock) -> None:
    """413 asks for smaller pages, as a time-out does; but nobody waits for the service or is told that it is away."""
    service = HistoryService(*TRANSACTIONS)
    service.faults = {2: lambda: httpx.Response(413)}
    async with opened(service, clock=clock) as upstream:
        assert len(set(await _collected(upstream))) == len(TRANSACTIONS)
    fault = http_fault(Reply(413, httpx.Headers(), b""))
    assert isinstance(fault, UpstreamTimeoutError)
    assert not isinstance(fault, SlowError)


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
async def test_what_passes_costs_a_history_nothing(
    fault: Callable[[], httpx.Response], clock: Clock
) -> None:
    service = HistoryService(*TRANSACTIONS)
    service.faults = {2: fault, 4: fault}
    async with opened(service, clock=clock) as upstream:
        assert len(set(await _collected(upstream))) == len(TRANSACTIONS)


@pytest.mark.parametrize(("fault", "raised"), LASTING.values(), ids=LASTING)
async def test_what_lasts_is_raised_at_once_after_the_good_pages(
    fault: Callable[[], httpx.Response], raised: type[StreamprocError], clock: Clock
) -> None:
    service = HistoryService(*TRANSACTIONS)
    service.faults = {2: fault}
    seen: list[Entry] = []
    async with opened(service, clock=clock) as upstream:
        with pytest.raises(raised):  # noqa: PT012 - the pages before it are what is looked at
            async for page in upstream.history(WALLET, permit=unlimited):
                seen += page.entries
    assert (len(seen), len(service.asked), clock.slept) == (limits.HISTORY_PAGE, 2, [])


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
async def test_what_never_passes_ends_after_bounded_tries(
    fault: Callable[[], httpx.Response], clock: Clock
) -> None:
    asked = 0

    def serve(_request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return fault()

    async with opened(serve, clock=clock) as upstream:
        with pytest.raises((UpstreamUnavailableError, UpstreamCreditsExhaustedError)):
            await _collected(upstream)
    assert 1 < asked < 60


@pytest.mark.parametrize(
    "refusal", [lambda: rpc_error(-32601), lambda: httpx.Response(403, text="plan")]
)
async def test_a_refused_method_is_replaced_by_the_other_list_and_that_is_remembered(
    refusal: Callable[[], httpx.Response], clock: Clock
) -> None:
    service = HistoryService(*TRANSACTIONS)
    service.is_full_supported = False

    def serve(request: httpx.Request) -> httpx.Response:
        answer = service(request)
        return refusal() if b"-32601" in answer.content else answer

    async with opened(serve, clock=clock) as upstream:
        for _ in range(2):
            assert len(set(await _collected(upstream))) == len(TRANSACTIONS)
        assert sum("filters" in asked for asked in service.asked) == 1
        clock.now_s += limits.STRATEGY_RETRY_S
        service.is_full_supported = True
        await _collected(upstream)
        assert sum("filters" in asked for asked in service.asked) > 1


async def test_a_key_that_may_use_neither_list_is_said_to_be_refused(clock: Clock) -> None:
    async with opened(lambda _: httpx.Response(403, text="plan"), clock=clock) as upstream:
        with pytest.raises(UpstreamKeyRejectedError, match="plan"):
            await _collected(upstream)


async def test_a_time_out_halves_the_page_and_a_good_one_keeps_it(clock: Clock) -> None:
    service = HistoryService(*TRANSACTIONS)
    service.faults = {1: PASSING["504"], 2: PASSING["a read time-out"]}
    async with opened(service, clock=clock) as upstream:
        await _collected(upstream)
    sizes = [asked["limit"] for asked in service.asked[:4]]
    assert sizes == [1000, 500, 250, 250]


@pytest.mark.usefixtures("small_pages")
async def test_pages_grow_back_after_some_in_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HISTORY_PAGE", 8)
    service = HistoryService(*TRANSACTIONS[-60:])
    service.faults = {1: PASSING["504"], 2: PASSING["504"]}
    async with opened(service, clock=clock) as upstream:
        found = [
            page async for page in upstream.history(WALLET, max_transactions=60, permit=unlimited)
        ]
    sizes = [asked["limit"] for asked in service.asked]
    assert sizes[:9] == [8, 4, 2, 2, 4, 4, 8, 8, 8]
    assert sum(len(page.entries) for page in found) == 60


async def test_refusals_slow_all_workers_down_and_a_named_pause_is_kept(
    clock: Clock, budget_store: BudgetStore
) -> None:
    service = HistoryService(*TRANSACTIONS)
    service.faults = {
        1: lambda: httpx.Response(429, headers={"Retry-After": "7"}),
        2: lambda: httpx.Response(429, headers={"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}),
    }
    async with opened(service, budget_store, clock) as upstream:
        await _collected(upstream)
    assert budget_store.penalties == [("rpc", 7.0), ("rpc", 0.0)]
    assert clock.slept[0] == 7.0
    assert 0 < clock.slept[1] < 7


async def test_refusals_for_minutes_mean_that_the_credits_are_gone(clock: Clock) -> None:
    async with opened(lambda _: httpx.Response(429), clock=clock) as upstream:
        with pytest.raises(UpstreamCreditsExhaustedError):
            await _collected(upstream)
    assert sum(clock.slept) >= limits.CREDITS_GONE_S


async def test_refusals_while_others_are_answered_are_waited_out(clock: Clock) -> None:
    service = HistoryService(*TRANSACTIONS)
    refusals = 3 * int(limits.CREDITS_GONE_S // limits.BACKOFF_CAP_S)
    for number in range(1, refusals + 1):
        service.faults[number] = PASSING["429"]

    def serve(request: httpx.Request) -> httpx.Response:
        if b"getMultipleAccounts" in request.content:
            return answered({"value": [None]})
        return service(request)

    class Busy(Clock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            await upstream.accounts([WALLET], permit=unlimited)

    async with opened(serve, clock=Busy()) as upstream:
        assert len(set(await _collected(upstream))) == len(TRANSACTIONS)


async def test_an_answer_too_large_is_asked_for_in_smaller_pages(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ANSWER_COMPRESSED_MAX_BYTES", 20_000)
    service = HistoryService(*TRANSACTIONS[:300])
    async with opened(service, clock=clock) as upstream:
        assert len(set(await _collected(upstream))) == 300
    assert min(asked["limit"] for asked in service.asked) < 100


async def test_an_answer_that_would_be_too_large_in_clear_is_not_decompressed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ANSWER_HERE_MAX_BYTES", 1_000_000)
    bomb = bytes(deflate.gzip_compress(b" " * 2_000_000))

    def serve(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=RawBody(bomb), headers={"content-encoding": "gzip"})

    async with opened(serve, clock=clock) as upstream:
        with pytest.raises(UpstreamTimeoutError, match="2000000 bytes"):
            await _collected(upstream)


async def test_gzip_is_asked_for_and_read(clock: Clock) -> None:
    service = HistoryService(*TRANSACTIONS)

    def serve(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept-encoding"] == "gzip"
        body = bytes(deflate.gzip_compress(service(request).content))
        return httpx.Response(200, stream=RawBody(body), headers={"content-encoding": "gzip"})

    async with opened(serve, clock=clock) as upstream:
        assert len(set(await _collected(upstream))) == len(TRANSACTIONS)


def _echo(request: httpx.Request) -> str:
    return f"bad call {request.url}"


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


def _error_body(message: str, **more: str) -> bytes:
    members = "".join(f',"{name}":"{value}"' for name, value in more.items())
    head = f'{{"jsonrpc":"2.0","id":1,"error":{{"code":-32602,"message":"{message}"}}'
    return f"{head}{members}}}".encode()


CANARIES: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "a long 400": lambda request: httpx.Response(400, text=_echo(request) + "x" * 70_000),
    "401 in HTML": lambda request: httpx.Response(
        401, html=f"<script>1</script>\x1b[31m{_echo(request)}"
    ),
    "-32602 escaped": lambda _: httpx.Response(200, content=_error_body(_escaped(KEY))),
    "a long -32602": lambda request: httpx.Response(
        400, content=_error_body(_echo(request), more="x" * 70_000)
    ),
    "400": lambda request: httpx.Response(400, text=_echo(request)),
    "403": lambda request: httpx.Response(403, text=_echo(request)),
    "500": lambda request: httpx.Response(500, text=_echo(request)),
    "429": lambda request: httpx.Response(429, text=_echo(request)),
    "no JSON": lambda request: httpx.Response(200, text=_echo(request)),
    "JSON": lambda request: httpx.Response(200, json={"said": _echo(request)}),
    "-32602": lambda request: rpc_error(-32602, _echo(request)),
    "connect": lambda request: _raising(httpx.ConnectError(_echo(request), request=request))(),
    "time-out": lambda request: _raising(httpx.ReadTimeout(_echo(request), request=request))(),
}


@pytest.mark.parametrize("serve", CANARIES.values(), ids=CANARIES)
async def test_the_key_is_in_no_text_cause_or_log(
    serve: Callable[[httpx.Request], httpx.Response],
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[str] = []

    def watched(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return serve(request)

    async with opened(watched, clock=clock) as upstream:
        with pytest.raises(StreamprocError) as caught:
            await _collected(upstream)
    assert KEY in asked[0]
    error: BaseException | None = caught.value
    assert KEY not in "".join(traceback.format_exception(caught.value))
    while error is not None:
        assert KEY not in f"{error} {error!r} {vars(error)}"
        assert not {"bad call", "script", "xxx"} & set(str(error).split()), "nobody quotes it"
        assert str(error).isprintable()
        assert not isinstance(error, httpx.HTTPError)
        error = error.__cause__ or error.__context__
    assert KEY not in caplog.text
    assert all(KEY not in record.getMessage() for record in caplog.records)


async def test_the_price_service_never_gets_the_key(clock: Clock) -> None:
    asked: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=[])

    async with opened(serve, clock=clock) as upstream:
        async for _ in upstream.prices([WALLET], permit=unlimited):
            pass
    assert KEY not in str(asked[0].url)
    assert KEY not in str(asked[0].headers)


def _all_errors(kind: type[Exception]) -> set[type[Exception]]:
    return {kind}.union(*(_all_errors(each) for each in kind.__subclasses__()))


def test_every_error_of_httpx_means_one_of_ours() -> None:
    kinds = _all_errors(httpx.HTTPError) | {httpx.InvalidURL} | _all_errors(httpx.StreamError)
    assert len(kinds) > 20
    for kind in kinds:
        error = kind.__new__(kind)
        means = SlowError if "Timeout" in kind.__name__ else PausedError
        assert type(transport_fault(error).error) is means
