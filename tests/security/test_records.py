"""What strangers put on a topic: named failures only, whatever it is; and nothing of it is ever executed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc import events, limits
from streamproc.errors import DeadLetterError, InvalidInputError
from streamproc.events import AnalysisRequested, Event
from streamproc.intake import decode_outside
from streamproc.serde import decode_internal

DEPTH = 100_000
NESTED = [
    pytest.param(b"[" * DEPTH, id="open lists"),
    pytest.param(b"[" * DEPTH + b"]" * DEPTH, id="lists"),
    pytest.param(b'{"a":' * DEPTH, id="open objects"),
    pytest.param(b'{"a":' * DEPTH + b"1" + b"}" * DEPTH, id="objects"),
    pytest.param(b'{"result":' + b"[" * DEPTH + b"]" * DEPTH + b"}", id="in a field"),
    pytest.param(b'{"x":' + b'{"a":[' * DEPTH + b"]}" * DEPTH + b"}", id="in an unknown field"),
]
PACKAGE = Path(__file__).parents[2] / "streamproc"
# Modules that run what they read, and who may use them: nobody.
EXECUTING = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "shelve",
    "marshal",
    "jsonpickle",
    "joblib",
}
KINDS = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
]


@pytest.mark.parametrize("value", NESTED)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_deeply_nested_record_is_a_dead_letter(kind: type[Event], value: bytes) -> None:
    with pytest.raises(DeadLetterError) as caught:
        decode_internal(kind, value)
    assert len(str(caught.value)) <= 2 * limits.ERROR_TEXT_MAX_CHARACTERS
    with pytest.raises(DeadLetterError):
        decode_outside(AnalysisRequested, value)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_by_name(value: bytes) -> None:
    with pytest.raises((DeadLetterError, InvalidInputError)):
        decode_outside(AnalysisRequested, value)


@pytest.mark.parametrize(
    "value", [b'{"request_id": 1' + b"0" * 5000 + b"}", b'{"request_id": "\\ud800"}', b"\xff\xfe{}"]
)
def test_odd_numbers_and_letters_are_refused_by_name(value: bytes) -> None:
    with pytest.raises(DeadLetterError):
        decode_outside(AnalysisRequested, value)


def imports_of(path: Path) -> set[str]:
    """The top names of all modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def calls_of(path: Path) -> set[str]:
    """The names of all functions that a file calls without a dot."""
    return {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def test_no_module_reads_what_could_run() -> None:
    """Python objects travel in the process pool of a worker alone, between it and its own children."""
    files = list(PACKAGE.rglob("*.py"))
    assert len(files) > 100
    assert {
        path.name: imports_of(path) & EXECUTING for path in files if imports_of(path) & EXECUTING
    } == {}
    assert [path.name for path in files if calls_of(path) & {"eval", "exec", "__import__"}] == []


def test_only_the_workers_pool_starts_processes_that_are_sent_objects() -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "ProcessPoolExecutor" in path.read_text("utf-8") or "multiprocessing" in imports_of(path)
    }
    assert users == {"agents/shared/pool_worker.py"}
