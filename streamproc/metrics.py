"""What a worker counts about itself, in Prometheus' form; one registry, so that a test can start afresh."""

from __future__ import annotations

import platform

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from streamproc import __version__

# They are a series more for each counter, and say nothing that is asked for.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

BUILD = Gauge(
    "streamproc_build_info",
    "1, with what runs here as labels",
    ["version", "python"],
    registry=REGISTRY,
)
BUILD.labels(__version__, platform.python_version()).set(1)

REQUESTS = Counter(
    "streamproc_requests", "Requests by terminal outcome", ["outcome"], registry=REGISTRY
)
REQUEST_SECONDS = Histogram(
    "streamproc_request_duration_seconds",
    "From acceptance to the terminal record",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
    registry=REGISTRY,
)
IN_FLIGHT = Gauge(
    "streamproc_records_in_flight", "Records being worked on", ["agent"], registry=REGISTRY
)
JOIN_WAITING = Gauge(
    "streamproc_join_waiting", "Requests whose parts are awaited here", registry=REGISTRY
)
UPSTREAM_CALLS = Counter(
    "streamproc_upstream_calls", "Calls by method and answer", ["method", "code"], registry=REGISTRY
)
THROTTLE_SECONDS = Counter(
    "streamproc_upstream_throttle_seconds", "Waited for the rate", ["bucket"], registry=REGISTRY
)
CREDITS = Counter("streamproc_upstream_credits", "Credits spent", ["method"], registry=REGISTRY)
DEAD_LETTERS = Counter(
    "streamproc_dead_letters", "Records diverted, by reason", ["reason"], registry=REGISTRY
)
REPEATS_DROPPED = Counter(
    "streamproc_repeats_dropped", "Records recognised as repeats", ["agent"], registry=REGISTRY
)
LATE_PARTS = Counter(
    "streamproc_late_parts_dropped",
    "Parts of requests that had ended, or never opened",
    ["why"],
    registry=REGISTRY,
)
RECORDS = Counter("streamproc_records", "Records worked off", ["agent"], registry=REGISTRY)
RETRIES = Counter("streamproc_retries", "Records tried again", ["agent"], registry=REGISTRY)
LAG = Gauge(
    "streamproc_lag_records",
    "Records not yet worked off",
    ["topic", "partition"],
    registry=REGISTRY,
)
