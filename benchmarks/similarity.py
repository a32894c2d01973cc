"""How much processor time and memory comparing wallets takes, and how it compares with a plain reading.

Worlds are generated: so many wallets, each with about 300 traded mints of 20 000 with Zipf popularity, a fifth of them
held. Each size is measured in a process of its own. Ratios are of the same run on the same machine.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from similarity_parts.plain_scores import plain_scores
from similarity_parts.planted import Recipe, planted_world

from streamproc.core.result.pair_columns import packed_columns, pair_columns
from streamproc.core.similarity import SimilarityInputs, compare
from streamproc.core.similarity.scores.rows import rows_from_inputs
from streamproc.core.similarity.scores.scores import Scores, all_scores
from streamproc.events import SCORES

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.core.similarity.scores.rows import Rows

SIZES = (100, 1000)
MINTS = 300
TOKENS = 20_000
REPEATS = 3
PLAIN_UP_TO = 100  # wallets; a thousand take minutes
TOLERANCE = 1e-12


class Figures(NamedTuple):
    """What one size took; seconds of processor time, bytes."""

    wallets: int
    rows: float
    three_products: float  # three cosines and shared counts by sparse matrix products
    nine_scores: float
    everything: float  # rows, scores, chance, evidence of the best 5000 pairs, clusters
    columns: float
    columns_bytes: int
    peak_bytes: int
    plain: float | None
    largest_difference: float | None


def main(arguments: list[str]) -> int:
    """Print the figures, or make the documentation page's pictures."""
    parser = argparse.ArgumentParser(prog="./run bench similarity", description=__doc__)
    parser.add_argument(
        "--page", action="store_true", help="make docs/similarity.md's pictures and tables"
    )
    parser.add_argument(
        "--whole", action="store_true", help="the plain reading of 1000 wallets too (minutes)"
    )
    options = parser.parse_args(arguments)
    if options.page:
        from similarity_parts.page import write_page  # noqa: PLC0415 - needs the sandbox

        write_page()
        return 0
    print_figures([_apart(measured, size, options.whole) for size in SIZES])
    return 0


def measured(wallets: int, whole: bool) -> Figures:  # noqa: FBT001 - travels to a process
    """Measure one size."""
    inputs = _world(wallets)
    rows = rows_from_inputs(inputs)
    took = {
        "rows": _cpu_s(lambda: rows_from_inputs(inputs)),
        "three_products": _cpu_s(lambda: three_products(rows)),
        "nine_scores": _cpu_s(lambda: all_scores(rows)),
    }
    peak_before_all = _peak_bytes()
    took["everything"] = _cpu_s(lambda: compare(inputs), repeats=1)
    peak = max(_peak_bytes(), peak_before_all)
    found = compare(inputs)
    content = packed_columns(pair_columns(found))
    took["columns"] = _cpu_s(lambda: packed_columns(pair_columns(found)), repeats=1)
    plain, difference = (
        _plain(inputs, found.scores) if whole or wallets <= PLAIN_UP_TO else (None, None)
    )
    return Figures(
        wallets=wallets,
        **took,
        columns_bytes=len(content),
        peak_bytes=peak,
        plain=plain,
        largest_difference=difference,
    )


def three_products(rows: Rows) -> list[csr_array]:
    """Three cosines of all pairs and their shared counts, by sparse products: the least that a comparison needs."""
    columns = rows.traded.columns
    shape = len(rows.wallets), len(columns.mints)
    degree = np.diff(columns.start)
    idf = (np.log((1 + shape[0]) / (1 + degree)) + 1)[columns.mint()]
    found = []
    for weights in (rows.traded.capital, np.ones(len(idf)), idf):
        matrix = csr_array((weights, (columns.wallet, columns.mint())), shape=shape)
        norms = np.sqrt(matrix.multiply(matrix).sum(axis=1))
        norms[norms == 0] = 1.0
        found.append((matrix @ matrix.T).toarray() / np.outer(norms, norms))
    ones = csr_array((np.ones(len(idf)), (columns.wallet, columns.mint())), shape=shape)
    return [*found, (ones @ ones.T).toarray()]


def print_figures(all_figures: list[Figures]) -> None:
    """Print a table, and how the time grows."""
    print(
        f"{MINTS} mints a wallet, seconds of processor time, best of {REPEATS}; everything: one run\n"
    )
    print(
        f"{'wallets':>8}{'rows':>8}{'3 products':>12}{'9 scores':>10}{'everything':>12}"
        f"{'columns':>9}{'MB kept':>9}{'peak MB':>9}{'plain':>9}{'ratio':>8}"
    )
    for each in all_figures:
        plain = (
            f"{each.plain:9.2f}{each.plain / each.nine_scores:8.0f}" if each.plain else f"{'':17}"
        )
        print(
            f"{each.wallets:>8}{each.rows:>8.3f}{each.three_products:>12.3f}{each.nine_scores:>10.3f}"
            f"{each.everything:>12.2f}{each.columns:>9.2f}{each.columns_bytes / 1e6:>9.1f}"
            f"{each.peak_bytes / 1e6:>9.0f}{plain}"
        )
    small, large = all_figures[0], all_figures[-1]
    print(
        f"\nnine scores by three products: {large.nine_scores / large.three_products:.2f} at {large.wallets} wallets"
    )
    pairs = (large.wallets / small.wallets) ** 2
    print(
        f"everything, from {small.wallets} to {large.wallets} wallets: "
        f"{large.everything / small.everything:.1f} times the time for {pairs:.0f} times the pairs"
    )
    for each in all_figures:
        if each.largest_difference is not None:
            print(
                f"{each.wallets} wallets: the nine scores equal the plain ones within {each.largest_difference:.1e}"
            )


def _plain(inputs: SimilarityInputs, scores: Scores) -> tuple[float, float]:
    """Seconds that the plain reading takes, and its largest difference; raises AssertionError when they differ."""
    started = time.process_time()
    plain = list(plain_scores(inputs))
    took = time.process_time() - started
    largest = 0.0
    for name in SCORES:
        fast = scores.by_name[name]
        slow = np.array(
            [np.nan if each[2][name] is None else each[2][name] for each in plain], dtype=float
        )
        assert np.array_equal(np.isnan(fast), np.isnan(slow)), f"{name}: null in different places"
        largest = max(largest, float(np.nanmax(np.abs(fast - slow))))
    assert largest < TOLERANCE, f"scores differ by {largest}"
    return took, largest


def _world(wallets: int) -> SimilarityInputs:
    """A world of the benchmark's kind."""
    recipe = Recipe(1, 0.8, wallets // 4, wallets=wallets, tokens=TOKENS, typical=MINTS, spread=0.1)
    return planted_world(recipe).inputs


def _apart(work: Callable[..., Figures], *values: object) -> Figures:
    """What the function returns, from a fresh process: its peak of memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *values).result()


def _cpu_s(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Least seconds of processor time, threads included."""
    took = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        took.append(time.process_time() - started)
    return min(took)


def _peak_bytes() -> int:
    """The most memory that this process ever had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
