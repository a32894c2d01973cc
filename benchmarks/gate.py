"""How often the gate finds who belongs together, and how often it says so of strangers, beside what people use.

Worlds of known truth (`gate_parts/cases.py`), each alone in the store and in a store that has seen other seasons.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from itertools import chain, combinations, repeat
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from gate_parts.cases import CASES, after_other_seasons, case, with_few
from gate_parts.former_gate import chance_of as former_chance
from gate_parts.worlds import NEVER

from streamproc.core.similarity import (
    Background,
    SimilarityInputs,
    TradedMint,
    WalletRow,
    compare,
)
from streamproc.core.similarity.evidence.chance import Q_MAX, benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gate_parts.cases import Case, Pair
    from gate_parts.worlds import Books
    from numpy.typing import NDArray

    from streamproc.core.similarity import Comparison

SLOTS_A_SECOND: Final = 2.5
CLOSE_S: Final = 30
CLOSE_TIMES: Final = 3
JACCARD_MIN: Final = 0.3
PAIRS_TOLD: Final = 1  # every pair is tested; telling one takes longer than testing it
VERDICT: Final = "verdict"
SIGNAL: Final = "common signal"
LOOSE: Final = "loose groups"
METHODS: Final = (
    "jaccard > 0.3",
    "hypergeometric",
    "3 within 30 s",
    "former gate",
    VERDICT,
    SIGNAL,
    LOOSE,
)


class Flagged(NamedTuple):
    """The pairs that each method flags, and the clusters of the verdict."""

    by_method: dict[str, set[Pair]]
    clusters: list[list[str]]


@dataclass
class Tally:
    """What one method did in worlds of one kind."""

    worlds: int = 0
    clean: int = 0  # worlds without a false pair
    true: int = 0
    found: int = 0
    false: int = 0
    signal: int = 0  # followers of a caller, of `signals`
    signals: int = 0
    clustered: int = 0  # worlds with a cluster of wallets that do not belong together

    def add(self, other: Tally) -> None:
        """Add another's worlds."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


Tallies = dict[tuple[str, bool, str], Tally]  # by kind, whether the store is mixed, and method


def main(arguments: list[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="./run bench gate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="worlds of each kind")
    parser.add_argument("--first", type=int, default=1000, help="the first seed")
    parser.add_argument("--kinds", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="worlds at once")
    parser.add_argument(
        "--few", action="store_true", help="of each world know 20 to 32 wallets and no other"
    )
    parser.add_argument("--page", action="store_true", help="make docs/similarity.md's table anew")
    parser.add_argument(
        "--product", action="store_true", help="put the worlds through the whole product instead"
    )
    parser.add_argument(
        "--traces", type=Path, help="a folder of MELT's launches: compare their wallets instead"
    )
    parser.add_argument("--launches", type=int, default=3000, help="of the traces, at most")
    parser.add_argument("--wallets", type=int, default=400, help="of the traces, at most")
    options = parser.parse_args(arguments)
    if options.traces:
        from gate_parts.traces import case_of, read_traces  # noqa: PLC0415 - needs the methods of this file

        return print_traces(case_of(read_traces(options.traces, options.launches), options.wallets))
    seeds = range(options.first, options.first + options.seeds)
    if options.product:
        from gate_parts.product import print_product  # noqa: PLC0415 - needs Kafka and Postgres

        return print_product(options.kinds, seeds)
    tallies = measured(options.kinds, seeds, options.processes, few=options.few)
    print_table(tallies)
    if options.page:
        from gate_parts.page import write_page  # noqa: PLC0415 - needs the pictures

        write_page(tallies)
    return 0


def measured(
    kinds: Sequence[str], seeds: Iterable[int], processes: int, *, few: bool = False
) -> Tallies:
    """Tallies by kind, whether the store is mixed, and method."""
    tallies = {
        (kind, mixed, method): Tally()
        for kind in kinds
        for mixed in (False, True)
        for method in METHODS
    }
    worlds = [(kind, seed) for kind in kinds for seed in seeds]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for found in pool.map(tallies_of, *zip(*worlds, strict=True), repeat(few)):
            for key, each in found.items():
                tallies[key].add(each)
    return tallies


def tallies_of(kind: str, seed: int, few: bool = False) -> Tallies:  # noqa: FBT001, FBT002 - one of a pool's arguments
    """What every method does in one world, or in one of few wallets, alone in the store and in a mixed one."""
    alone = case(kind, seed, mixed=False)
    alone = with_few(alone) if few else alone
    found: Tallies = {}
    for mixed, world in ((False, alone), (True, after_other_seasons(alone))):
        said = flagged(world)
        for method, pairs in said.by_method.items():
            found[kind, mixed, method] = tally_of(world, pairs)
        found[kind, mixed, VERDICT].clustered = any(
            not set(combinations(cluster, 2)) & world.truth for cluster in said.clusters
        )
    return found


def flagged(world: Case) -> Flagged:
    """What every method says of a world."""
    inputs = replace(inputs_of(world), max_pairs=PAIRS_TOLD)
    found = compare(inputs)
    names = _pair_names(found)
    is_flagged = {
        "jaccard > 0.3": np.nan_to_num(found.scores.by_name["jaccard"]) > JACCARD_MIN,
        "hypergeometric": benjamini_hochberg(_hypergeometric(found), len(names)) <= Q_MAX,
        "3 within 30 s": _close_buys(world, names) >= CLOSE_TIMES,
        "former gate": former_chance(
            found.rows, found.scores, inputs.background, inputs.left_out
        ).is_gated,
        VERDICT: found.verdicts.is_together,
        SIGNAL: found.gate.is_signal,
    }
    by_method = {
        method: {names[n] for n in np.flatnonzero(flags)} for method, flags in is_flagged.items()
    }
    loose = [combinations(each["wallets"], 2) for each in found.set["loose_groups"] or ()]
    by_method[LOOSE] = set(chain.from_iterable(loose))
    return Flagged(by_method, [cluster["wallets"] for cluster in found.clusters])


def inputs_of(world: Case) -> SimilarityInputs:
    """The world as the comparison reads it."""
    return SimilarityInputs(
        tuple(row_of(books) for books in world.asked),
        f"{world.kind} {world.seed}",
        background=background_of(world.stored),
    )


def row_of(books: Books) -> WalletRow:
    """One wallet."""
    return WalletRow(
        books.name,
        tuple(
            TradedMint(
                mint=f"m{mint:08}",
                trades=(bought != NEVER) + (sold != NEVER),
                buy_cost_lamports=10**9 if bought != NEVER else 0,
                first_buy_at=None if bought == NEVER else bought,
                first_buy_slot=None if bought == NEVER else int(bought * SLOTS_A_SECOND),
                first_buy_signature=None if bought == NEVER else f"{books.name}/{mint}",
                first_trade_at=min(at for at in (bought, sold) if at != NEVER),
                first_sell_at=None if sold == NEVER else sold,
            )
            for mint, (bought, sold) in sorted(books.rows.items())
        ),
        held=(),
    )


def background_of(stored: Sequence[Books]) -> Background | None:
    """Stored wallets."""
    if not stored:
        return None
    cells = [(n, mint) for n, books in enumerate(stored) for mint in books.rows]
    mints = sorted({mint for _, mint in cells})
    place = {mint: number for number, mint in enumerate(mints)}
    return Background(
        wallets=tuple(books.name for books in stored),
        mints=tuple(f"m{mint:08}" for mint in mints),
        wallet_numbers=np.array([n for n, _ in cells], dtype=np.int64),
        mint_numbers=np.array([place[mint] for _, mint in cells], dtype=np.int64),
        times=np.array(
            [min(at for at in stored[n].rows[mint] if at != NEVER) for n, mint in cells],
            dtype=np.int64,
        ),
    )


def print_table(tallies: Tallies) -> None:
    """Clean worlds, recall and false pairs."""
    print("world         store   method               clean  recall  signal   false  clusters")
    for (kind, mixed, method), each in tallies.items():
        recall = f"{each.found / each.true:.2f}" if each.true else "-"
        signal = f"{each.signal / each.signals:.2f}" if each.signals else "-"
        store = "mixed" if mixed else "alone"
        print(
            f"{kind:14}{store:8}{method:18}{each.clean:>5}/{each.worlds:<2}{recall:>8}{signal:>8}"
            f"{each.false:>8}{each.clustered:>10}"
        )


def print_traces(world: Case) -> int:
    """Print what each method flags among the wallets of public traces; 1 when too few traded enough."""
    print(
        f"{len(world.asked)} wallets, {len(world.truth)} pairs that a bundle, a trade or a signer ties"
    )
    if len(world.asked) < 2:
        return 1
    for method, pairs in flagged(world).by_method.items():
        tied = len(pairs & world.truth)
        print(
            f"{method:18} flags {len(pairs):6,}: {tied:5,} tied, {len(pairs) - tied:6,} not known to be"
        )
    return 0


def tally_of(world: Case, pairs: set[Pair]) -> Tally:
    """One world's tally of one method that flags these pairs."""
    wrong = pairs - world.truth - world.signal
    return Tally(
        worlds=1,
        clean=not wrong,
        true=len(world.truth),
        found=len(pairs & world.truth),
        false=len(wrong),
        signals=len(world.signal),
        signal=len(pairs & world.signal),
    )


def _hypergeometric(found: Comparison) -> NDArray[np.float64]:
    from scipy.stats import hypergeom  # noqa: PLC0415 - a second and a half, for who counts pairs by it alone

    scores = found.scores
    tokens = len(found.rows.traded.columns.mints)
    a, b = scores.tokens[scores.wallet_a], scores.tokens[scores.wallet_b]
    return np.asarray(hypergeom.sf(scores.shared - 1, tokens, a, b))


def _close_buys(world: Case, names: Sequence[Pair]) -> NDArray[np.int64]:
    """How many tokens both of each pair bought first within CLOSE_S of each other."""
    bought = {
        books.name: {m: row[0] for m, row in books.rows.items() if row[0] != NEVER}
        for books in world.asked
    }
    return np.array(
        [
            sum(abs(at - bought[b][m]) <= CLOSE_S for m, at in bought[a].items() if m in bought[b])
            for a, b in names
        ],
        dtype=np.int64,
    )


def _pair_names(found: Comparison) -> list[Pair]:
    wallets = found.rows.wallets
    a, b = found.scores.wallet_a.tolist(), found.scores.wallet_b.tolist()
    return [(wallets[left], wallets[right]) for left, right in zip(a, b, strict=True)]
