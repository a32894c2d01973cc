"""Traces by OpenTelemetry: one a request, continued from the `traceparent` of its records.

Nothing is imported and next to nothing costs until `set_up_tracing` has found the SDK and where to send spans. The
identity of a span about a record is made of the record's place, so that a record which comes again makes the same
records again, headers included. No attribute holds an address, a key or an error's sentence.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, TypeAlias

from streamproc import __version__
from streamproc.errors import ConfigurationError, Fault, RequestEndedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, SpanKind, Tracer

Attributes: TypeAlias = "Mapping[str, str | int | float | bool | None]"
log = logging.getLogger(__name__)

# What makes somebody expect traces, in the order in which the SDK's own configuration looks.
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP: Final = "http/protobuf"
_EXPORTERS: Final = {
    "otlp": ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "OTLPSpanExporter"),
    "console": ("opentelemetry.sdk.trace.export", "ConsoleSpanExporter"),
}


class _Tracing:
    """The SDK, set up; it alone touches OpenTelemetry's classes."""

    def __init__(self, provider: TracerProvider, ids: _Ids) -> None:
        self._tracer: Tracer = provider.get_tracer("streamproc", __version__)
        self._ids = ids

    def start(
        self,
        name: str,
        kind: SpanKind,
        *,
        parent: bytes | None,
        identity: bytes,
        attributes: Attributes,
        start_ms: int | None = None,
    ) -> Span:
        """A span with the identity that a traceparent names; without a parent it begins that one's trace."""
        from opentelemetry import trace  # noqa: PLC0415 - not before tracing is on
        from opentelemetry.context import Context  # noqa: PLC0415

        context = Context()
        if parent is not None:
            trace_id, span_id, flags = _parts(parent)
            remote = trace.SpanContext(
                trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags)
            )
            context = trace.set_span_in_context(trace.NonRecordingSpan(remote), context)
        self._ids.wished = _parts(identity)[:2]
        return self._tracer.start_span(
            name,
            context,
            kind,
            _without_nulls(attributes),
            start_time=None if start_ms is None else start_ms * 1_000_000,
        )

    @contextmanager
    def child(self, name: str, kind: SpanKind, attributes: Attributes) -> Iterator[None]:
        """A span within the current one while the block runs; an error of the block is its error."""
        with self._tracer.start_as_current_span(
            name,
            kind=kind,
            attributes=_without_nulls(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Exception as error:
                _fail(span, type(error).__name__)
                raise


class _Ids:
    """Identities of spans: the wished one once, else by chance; an `IdGenerator` of the SDK."""

    def __init__(self, chance: Callable[[], tuple[int, int]]) -> None:
        self._chance = chance
        self.wished: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        """Asked first, for a span that begins a trace."""
        return (self.wished or self._chance())[0]

    def generate_span_id(self) -> int:
        """Asked last, for every span."""
        wished, self.wished = self.wished, None
        return (wished or self._chance())[1]

    def is_trace_id_random(self) -> bool:
        """Whether trace identities are drawn by chance: those we begin are digests."""
        return False


@dataclass
class _Hop:
    """The handling of one record: its span, what its records continue, and the last try's error."""

    span: Span
    traceparent: bytes
    is_recorded: bool
    error: str | None = None


_active: _Tracing | None = None
_HOP: Final[ContextVar[_Hop | None]] = ContextVar("hop", default=None)
_NOTHING: Final[AbstractContextManager[None]] = nullcontext()


def set_up_tracing(
    environment: Mapping[str, str],
    *,
    instance: str | None = None,
    processor: SpanProcessor | None = None,
) -> Callable[[], None]:
    """Trace from now on if the OTEL_... variables ask for it; returns what sends the last spans and ends it.

    `instance` names this process among others. Spans go to `processor` where one is given. Raises ConfigurationError
    for a variable that cannot be met. Without the packages of `streamproc[tracing]` the log says so and nothing is
    traced.
    """
    wanted = "otlp" if processor else _exporter_wanted(environment)
    if wanted is None:
        return _end
    try:
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - only where it is asked for
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415

        processor = processor or BatchSpanProcessor(_exporter(wanted))
    except ImportError as error:
        log.warning("no traces, %s is missing: pip install 'streamproc[tracing]'", error.name)
        return _end
    chance = RandomIdGenerator()
    ids = _Ids(lambda: (chance.generate_trace_id(), chance.generate_span_id()))
    provider = TracerProvider(
        resource=_resource(instance),
        id_generator=ids,  # type: ignore[arg-type] # in all but name
        shutdown_on_exit=False,
    )
    provider.add_span_processor(processor)
    global _active  # noqa: PLW0603 - as the registry of metrics, one for the process
    _active = _Tracing(provider, ids)

    def end() -> None:
        _end()
        provider.shutdown()

    return end


def is_on() -> bool:
    """Whether spans are made."""
    return _active is not None


def current_traceparent() -> bytes | None:
    """What records of the handling under way continue; None without one."""
    hop = _HOP.get()
    return None if hop is None else hop.traceparent


@contextmanager
def processing(
    topic: str, *, arrived: bytes | None, begun: bytes, attributes: Attributes
) -> Iterator[None]:
    """A span about the handling of one record while the block runs, all its tries together.

    It continues the traceparent that `arrived` with the record, else it begins a trace; its own identity is that of
    the traceparent `begun`, which is made of the record's place.
    """
    if _active is None:
        yield
        return
    from opentelemetry.trace import SpanKind, use_span  # noqa: PLC0415

    span = _active.start(
        f"process {topic}", SpanKind.CONSUMER, parent=arrived, identity=begun, attributes=attributes
    )
    is_recorded = span.is_recording()
    hop = _Hop(span, _traceparent(span) if is_recorded else arrived or begun, is_recorded)
    token = _HOP.set(hop)
    try:
        with use_span(span, record_exception=False, set_status_on_exception=False):
            yield
    finally:
        _HOP.reset(token)
        if hop.error is not None:
            _fail(span, hop.error)
        span.end()


@contextmanager
def attempt() -> Iterator[None]:
    """One try of the handling under way: its error is an event, and the span's own when no later try succeeds."""
    hop = _HOP.get()
    if hop is None:
        yield
        return
    hop.error = None
    try:
        yield
    except RequestEndedError:
        hop.span.add_event("request ended")
        raise
    except Exception as error:
        hop.error = type(error).__name__
        hop.span.add_event("try failed", {"error.type": hop.error})
        raise


def waited(
    name: str, *, parent: bytes | None, identity: bytes, start_ms: int, attributes: Attributes
) -> bytes | None:
    """A span that began then (unix milliseconds) and ends now; returns what the records at its end continue."""
    if _active is None or parent is None:
        return parent
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    span = _active.start(
        name,
        SpanKind.INTERNAL,
        parent=parent,
        identity=identity,
        attributes=attributes,
        start_ms=start_ms,
    )
    said = _traceparent(span) if span.is_recording() else parent
    span.end()
    return said


def step(name: str, attributes: Attributes | None = None) -> AbstractContextManager[None]:
    """A span about a step of the handling under way while the block runs; nothing where none is."""
    return _child(name, attributes, is_call=False)


def call(name: str, attributes: Attributes | None = None) -> AbstractContextManager[None]:
    """The same about a call to another server."""
    return _child(name, attributes, is_call=True)


def describe(attributes: Attributes) -> None:
    """Say more about the span under way; None says nothing."""
    if _active is None or _HOP.get() is None:
        return
    from opentelemetry.trace import get_current_span  # noqa: PLC0415

    get_current_span().set_attributes(_without_nulls(attributes))


def _child(
    name: str, attributes: Attributes | None, *, is_call: bool
) -> AbstractContextManager[None]:
    """A span within the one under way, if it is recorded."""
    hop = _HOP.get()
    if _active is None or hop is None or not hop.is_recorded:
        return _NOTHING
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    kind = SpanKind.CLIENT if is_call else SpanKind.INTERNAL
    return _active.child(name, kind, attributes or {})


def _end() -> None:
    """Trace no more."""
    global _active  # noqa: PLW0603 - see set_up_tracing
    _active = None


def _exporter_wanted(environment: Mapping[str, str]) -> str | None:
    """The exporter that the variables ask for; None: no traces. Raises ConfigurationError for one that there is not."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    default = "otlp" if any(environment.get(name) for name in _ENDPOINTS) else "none"
    name = environment.get("OTEL_TRACES_EXPORTER") or default
    if name == "none":
        return None
    if name not in _EXPORTERS:
        rule = "must be otlp, console or none"
        raise ConfigurationError([Fault("OTEL_TRACES_EXPORTER", name, rule)])
    for variable in _PROTOCOLS:
        protocol = environment.get(variable) or _HTTP
        if name == "otlp" and protocol != _HTTP:
            raise ConfigurationError([Fault(variable, protocol, f"must be {_HTTP}")])
    return name


def _exporter(name: str) -> SpanExporter:
    """The exporter of that name; it reads its own variables."""
    module, kind = _EXPORTERS[name]
    exporter: SpanExporter = getattr(import_module(module), kind)()
    return exporter


def _resource(instance: str | None) -> Resource:
    """Who sends the spans; what the variables say of it counts."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

    said = dict(Resource.create().attributes)
    if str(said.get("service.name", "")).startswith("unknown_service"):  # the SDK's own word
        said["service.name"] = "streamproc"
    named = {} if instance is None else {"service.instance.id": instance}
    return Resource({"service.version": __version__, **said, **named})


def _parts(traceparent: bytes) -> tuple[int, int, int]:
    """Trace, span and flags of a traceparent in the W3C form."""
    _, trace_id, span_id, flags = traceparent.split(b"-")
    return int(trace_id, 16), int(span_id, 16), int(flags, 16)


def _traceparent(span: Span) -> bytes:
    """The traceparent of what continues this span."""
    context = span.get_span_context()
    return b"00-%032x-%016x-01" % (context.trace_id, context.span_id)


def _fail(span: Span, name: str) -> None:
    """Say that a span failed, by the class of its error: a sentence may quote what is no one's business."""
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

    span.set_attribute("error.type", name)
    span.set_status(Status(StatusCode.ERROR))


def _without_nulls(attributes: Attributes) -> dict[str, str | int | float | bool]:
    """The attributes that are known."""
    return {name: value for name, value in attributes.items() if value is not None}
