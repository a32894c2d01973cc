"""A stored format's number rises with the fields that are stored and with the constants of the rules that fill them."""

from __future__ import annotations

import ast
import enum
import hashlib
import importlib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import streamproc
from streamproc.core import formats
from streamproc.core.formats import ANALYSIS_FORMAT, ENTRY_FORMAT, WORKINGS_FORMAT
from streamproc.core.pnl.records import WalletPnl

if TYPE_CHECKING:
    from types import ModuleType

    import pytest

ROOT: Final = Path(streamproc.__file__).parent.parent
PLAIN: Final = (int, float, str, bytes, type(None))
# What each number stands for. Where one of these changes, stored rows would be read or made otherwise: give the format
# the next number and its digest below. A number that was released keeps the digest that it has.


ENTRIES: Final = {2: "cffcaefaff399a0fb073d8ab6a2b0ee0"}


def test_entries_and_the_constants_of_their_rules_are_those_of_the_number() -> None:
    modules = modules_below(
        "streamproc.core.wire.raw",
        "streamproc.core.wire.enhanced",
        "streamproc.core.ledger.row_writer",
        "streamproc.core.ledger.row_reader",
    )
    assert digest_of(modules) == ENTRIES.get(ENTRY_FORMAT)


ANALYSES: Final = {
    2: "0945738e437ff4ce4dd6601ed31a63c8",
    3: "b7c71da71b08883af144978a09cb311e",
}


def test_analyses_and_the_constants_of_their_rules_are_those_of_the_number() -> None:
    modules = modules_below("streamproc.core.result.wallet_analysis")
    assert {
        "streamproc.core.pnl.wallet_pnl",
        "streamproc.core.pnl.rates",
        "streamproc.core.behavior.bot",
    } <= set(modules)
    # The numbers of other formats stand among the constants: analyses are made of entries, and follow them.
    assert digest_of(modules, ENTRY_FORMAT) == ANALYSES.get(ANALYSIS_FORMAT)


WORKINGS: Final = {2: "a2be3f7833a307116281354054453bd5"}


def test_what_a_composition_keeps_is_what_the_number_says() -> None:
    modules = ["streamproc.core.chain.tokens", "streamproc.core.result.evidence_inputs"]
    assert digest_of(modules, private=True) == WORKINGS.get(WORKINGS_FORMAT)


def test_whatever_a_rule_rests_on_changes_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dust, a table of addresses, a bound from `limits`, a field: each by itself."""
    modules = modules_below("streamproc.core.result.wallet_analysis")
    before = digest_of(modules)
    for module, name, value in (
        ("streamproc.core.chain.solana", "SOL_DUST_LAMPORTS", 9_999),
        ("streamproc.core.chain.solana", "STABLES", frozenset({"x"})),
        ("streamproc.limits", "OWN_RATE_REACH_S", 1),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(importlib.import_module(module), name, value)
            assert digest_of(modules) != before, name
    with monkeypatch.context() as changed:
        more = {**WalletPnl.__annotations__, "more": "int"}
        changed.setattr(WalletPnl, "__annotations__", more)
        assert digest_of(modules) != before
    assert digest_of(modules) == before


def modules_below(*names: str) -> list[str]:
    """These modules of the core and all that they import of it, by name."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [each for each in imported_by(name) if each.startswith("streamproc.core.")]
    return sorted(found - {formats.__name__})


def imported_by(name: str) -> Iterator[str]:
    """The modules that a module takes names from, those for types alone left out."""
    for node in tree_of(name).body:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def tree_of(name: str) -> ast.Module:
    """A module's source."""
    path = ROOT.joinpath(*name.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(source.read_text("utf-8"))


def digest_of(names: list[str], *more: object, private: bool = False) -> str:
    """SHA-256 over the fields of the modules' public records (or of all), and their constants, wherever they stand."""
    lines = [repr(more)]
    for name in names:
        module = importlib.import_module(name)
        lines += [*records(module, private=private), *constants(name, module)]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]


def records(module: ModuleType, *, private: bool) -> Iterator[str]:
    """The fields of a module's classes with their types, and the words of its enumerations."""
    for name, value in vars(module).items():
        is_own = isinstance(value, type) and value.__module__ == module.__name__
        if is_own and (private or not name.startswith("_")):
            words = [each.value for each in value] if issubclass(value, enum.Enum) else []
            fields = {
                field: getattr(kind, "__forward_arg__", kind)  # a named tuple wraps the type's text
                for field, kind in inspect.get_annotations(value).items()
            }
            yield f"{name}: {fields} {words}"


def constants(name: str, module: ModuleType) -> Iterator[str]:
    """What a module declares as Final, and what it takes from `limits`, as far as it is plain."""
    tree = tree_of(name)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and "Final" in ast.unparse(node.annotation)
        ):
            value = getattr(module, node.target.id, None)
            if is_plain(value):
                yield f"{node.target.id} = {canonical(value)}"
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "limits"
        ):
            yield f"limits.{node.attr} = {canonical(getattr(module.limits, node.attr))}"


def is_plain(value: Any) -> bool:  # noqa: ANN401 - any constant
    """Whether a constant is made of numbers and words alone."""
    if isinstance(value, Mapping):
        return is_plain([*value.keys(), *value.values()])
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(is_plain, value))
    return isinstance(value, PLAIN)


def canonical(value: Any) -> str:  # noqa: ANN401 - any constant
    """The constant as a text that does not depend on the order of sets."""
    if isinstance(value, Mapping):
        return repr(sorted((canonical(key), canonical(each)) for key, each in value.items()))
    if isinstance(value, (set, frozenset)):
        return repr(sorted(map(canonical, value)))
    if isinstance(value, (list, tuple)):
        return repr(list(map(canonical, value)))
    return repr(str(value) if isinstance(value, str) else value)
