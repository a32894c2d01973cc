"""Public traces of Solana token launches (MELT, formerly MemeTrans, of git-disl) as a world with a truth of its own.

A folder of them holds one file a launch, named by the mint, a JSON object a line: `type` (what contains "swap" is a
trade), `timestamp`, `signature` and `trader_map`, which says by how much whose tokens changed; and beside these
`bundle2sig*.pkl` (bundle -> signatures), `first_sig_signer.jsonl` (`account`, and the `signer` who set it up) and
`exchange_account.txt` (signers that are exchanges). Who was in one bundle or one trade, or was set up by one signer, is
tied together: that is no proof of one owner, nor is its absence one of strangers.
"""

from __future__ import annotations

import hashlib
import pickle
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from gate_parts.cases import Case
from gate_parts.worlds import Books

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gate_parts.cases import Pair

Line = TypeVar("Line")

BUNDLES: Final = "bundle2sig*.pkl"
SIGNERS: Final = "first_sig_signer.jsonl"
EXCHANGES: Final = "exchange_account.txt"
TOKENS_MIN: Final = 20  # launches that a wallet traded, fewer say nothing
TIES_MAX: Final = 20  # wallets of one bundle or signer; more are a service
PLAIN: Final = {
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "list"),
    ("collections", "defaultdict"),
    ("collections", "OrderedDict"),
}


class NoTracesError(Exception):
    """The folder holds no launches of this form."""


class _Change(msgspec.Struct):
    """One transaction of a launch."""

    type: str
    timestamp: float  # unix seconds
    signature: str = ""
    trader_map: dict[str, float] = {}


class _Setup(msgspec.Struct):
    """Who set an account up."""

    account: str | None = None
    signer: str | None = None


@dataclass
class Traces:
    """What the wallets of all launches traded, and who is tied to whom."""

    books: dict[str, Books] = field(default_factory=dict)
    groups: list[set[str]] = field(default_factory=list)  # wallets tied together


def read_traces(folder: Path, launches: int) -> Traces:
    """Read at most so many launches, in the order of their mints; raise NoTracesError when there is none."""
    found = Traces()
    bundle_of = {sig: bundle for bundle, sigs in _bundles(folder) for sig in sigs}
    bundled: defaultdict[object, set[str]] = defaultdict(set)
    files = sorted(each for each in folder.rglob("*") if _is_launch(each))[:launches]
    if not files:
        raise NoTracesError(
            f"{folder}: no file has a JSON object with `trader_map` on its first line"
        )
    for number, file in enumerate(files):
        for change in _lines(file, _Change):
            if "swap" not in change.type:
                continue
            _trade(found, number, change)
            if len(change.trader_map) > 1:
                found.groups.append(set(change.trader_map))
            if change.signature in bundle_of:
                bundled[bundle_of[change.signature]] |= set(change.trader_map)
    found.groups += [*bundled.values(), *_set_up(folder, found.books.keys())]
    return found


def case_of(traces: Traces, wallets: int) -> Case:
    """A world of at most so many wallets that trade enough: tied ones, then others in the order of a digest."""
    enough = {name for name, books in traces.books.items() if len(books.rows) >= TOKENS_MIN}
    truth = _ties(traces.groups, enough)
    tied = Counter(name for pair in truth for name in pair)
    order = sorted(enough, key=lambda name: (name not in tied, _digest(name)))
    # Half of them are tied at most, so that there are others to tell them from.
    chosen = [each for each in order if each in tied][: wallets // 2]
    chosen += [each for each in order if each not in tied][: wallets - len(chosen)]
    among = set(chosen)
    return Case(
        "traces",
        0,
        [traces.books[name] for name in sorted(among)],
        truth=frozenset(pair for pair in truth if among.issuperset(pair)),
    )


def _ties(groups: Iterable[set[str]], among: set[str]) -> frozenset[Pair]:
    """The pairs of the groups, but for those that are as large as only a service's are."""
    small = (group & among for group in groups if len(group) <= TIES_MAX)
    return frozenset((min(pair), max(pair)) for group in small for pair in combinations(group, 2))


def _trade(found: Traces, number: int, change: _Change) -> None:
    """Note who bought and who sold."""
    for wallet, units in change.trader_map.items():
        books = found.books.setdefault(wallet, Books(wallet))
        if units > 0:
            books.buy(number, change.timestamp)
        elif units < 0:
            books.sell(number, change.timestamp)


def _set_up(folder: Path, wallets: Iterable[str]) -> Iterator[set[str]]:
    """Wallets that one signer set up, exchanges apart."""
    known, by_signer = set(wallets), defaultdict(set)
    exchanges = {line for file in folder.rglob(EXCHANGES) for line in file.read_text().split()}
    for file in folder.rglob(SIGNERS):
        for each in _lines(file, _Setup):
            if each.account in known and each.signer and each.signer not in exchanges:
                by_signer[each.signer].add(each.account)
    yield from by_signer.values()


def _bundles(folder: Path) -> Iterator[tuple[object, Iterable[str]]]:
    for file in sorted(folder.rglob(BUNDLES)):
        with file.open("rb") as content:
            yield from _Plain(content).load().items()


class _Plain(pickle.Unpickler):
    """Reads containers of texts and numbers, and runs nothing."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) in PLAIN:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no container")


def _is_launch(file: Path) -> bool:
    if not file.is_file() or file.suffix == ".pkl" or file.name in {SIGNERS, EXCHANGES}:
        return False
    with file.open("rb") as content:
        return b'"trader_map"' in content.readline()


def _lines(file: Path, kind: type[Line]) -> Iterator[Line]:
    with file.open("rb") as content:
        for line in content:
            yield msgspec.json.decode(line, type=kind)


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
