"""Traces: off unless asked for, by the usual variables; one span a record, whose identity is its place's."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from streamproc import tracing
from streamproc.agents.shared.handlers import trace_from, traced
from streamproc.engine import Record
from streamproc.errors import ConfigurationError, RequestEndedError
from streamproc.tracing import set_up_tracing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

CAME = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"


class Traced:
    """What was traced."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """The spans that have ended, in order."""
        return self.exporter.get_finished_spans()


@contextmanager
def tracing_on() -> Iterator[Traced]:
    """Tracing into memory."""
    found = Traced()
    end = set_up_tracing({}, processor=SimpleSpanProcessor(found.exporter))
    try:
        yield found
    finally:
        end()


def record(traceparent: bytes | None = None, offset: int = 7) -> Record:
    headers = () if traceparent is None else (("traceparent", traceparent),)
    return Record("wallet-sync", 3, offset, b"key", b"{}", headers, 1)


def test_without_being_asked_nothing_is_traced_and_nothing_imported() -> None:
    code = """
import sys
import streamproc.app, streamproc.tracing as tracing
end = tracing.set_up_tracing({"OTEL_SERVICE_NAME": "x"})
with tracing.step("a"), tracing.call("b"), tracing.attempt():
    tracing.describe({"c": 1})
end()
assert not tracing.is_on()
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER: must be otlp, console or none"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf",
        ),
    ],
)
def test_a_variable_that_cannot_be_met_is_named(variables: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        set_up_tracing(variables)
    assert named in str(caught.value)


def test_without_its_packages_the_log_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    set_up_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1"})()
    assert "pip install 'streamproc[tracing]'" in caplog.text
    assert not tracing.is_on()


def test_a_record_s_span_continues_its_trace_and_its_own_records_continue_the_span() -> None:
    with tracing_on() as found:
        with traced("sync", record(CAME + b"01")):
            said = trace_from(record(CAME + b"01"))
        with traced("sync", record(CAME + b"01")):  # the same record once more
            assert trace_from(record(CAME + b"01")) == said
        with traced("sync", record(CAME + b"01", offset=8)):
            assert trace_from(record(CAME + b"01")) != said
    span = found.spans[0]
    assert span.name == "process wallet-sync"
    assert span.parent is not None
    assert b"00-%032x-%016x-01" % (span.parent.trace_id, span.parent.span_id) == CAME + b"01"
    assert span.context is not None
    assert said == b"00-%032x-%016x-01" % (span.context.trace_id, span.context.span_id)
    wanted = {
        "messaging.system": "kafka",
        "messaging.destination.name": "wallet-sync",
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 7,
        "streamproc.request_id": "key",
    }
    assert span.attributes is not None
    assert wanted.items() <= dict(span.attributes).items()


def test_a_record_without_a_trace_begins_the_one_that_it_begins_untraced() -> None:
    untraced = trace_from(record())
    with tracing_on() as found, traced("sync", record()):
        assert trace_from(record()) == untraced[:-2] + b"01"
    assert found.spans[0].parent is None


def test_who_asked_for_no_trace_gets_none_and_the_header_goes_on_as_it_came() -> None:
    with tracing_on() as found, traced("sync", record(CAME + b"00")), tracing.step("compare"):
        assert trace_from(record(CAME + b"00")) == CAME + b"00"
    assert found.spans == ()


def test_a_try_that_failed_is_an_event_and_the_last_one_decides() -> None:
    with tracing_on() as found:
        for ends_well in (True, False):
            with traced("sync", record(CAME + b"01")):
                with pytest.raises(ValueError, match="secret"), tracing.attempt():
                    raise ValueError("the secret key")
                if ends_well:
                    with tracing.attempt():
                        pass
        with (
            pytest.raises(RequestEndedError),
            traced("sync", record(CAME + b"01")),
            tracing.attempt(),
        ):
            raise RequestEndedError("it was cancelled")
    well, badly, ended = found.spans
    assert [event.name for event in well.events] == ["try failed"]
    assert well.status.status_code is StatusCode.UNSET
    assert (badly.status.status_code, (badly.attributes or {})["error.type"]) == (
        StatusCode.ERROR,
        "ValueError",
    )
    assert ended.status.status_code is StatusCode.UNSET
    assert "secret" not in "".join(span.to_json() for span in found.spans)


def test_steps_and_calls_lie_within_the_handling_of_a_record_and_nowhere_else() -> None:
    with tracing_on() as found:
        with tracing.step("nobody's"), tracing.call("statement"):
            pass
        with (
            traced("sync", record()),
            tracing.step("compare"),
            tracing.call("get", {"rpc.method": "get"}),
        ):
            tracing.describe({"streamproc.answer": "200", "error.type": None})
    call, step, whole = found.spans
    assert [span.name for span in found.spans] == ["get", "compare", "process wallet-sync"]
    assert call.parent == step.context
    assert step.parent == whole.context
    assert dict(call.attributes or {}) == {"rpc.method": "get", "streamproc.answer": "200"}


def test_a_collector_that_is_away_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    end = set_up_tracing(os.environ)
    assert tracing.is_on()
    with traced("sync", record()):
        pass
    end()  # raises nothing, and comes back
    assert not tracing.is_on()
