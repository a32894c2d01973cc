"""Makes the pictures and tables of docs/similarity.md anew: `./run bench similarity --page`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import orjson
from similarity_parts.drawing import Frame, Series, bars, curves
from similarity_parts.planted import PLANTED, Recipe, planted_world

from streamproc.cli.views.markdown import with_block
from streamproc.core.chain.solana import EXCLUDED_MINTS
from streamproc.core.ledger.entries import Page
from streamproc.core.result.composition import Prices, WalletFacts, wallet_row
from streamproc.core.result.evidence_inputs import EvidenceInputs
from streamproc.core.result.wallet_analysis import History, Scope, analyze
from streamproc.core.similarity import SimilarityInputs, compare
from streamproc.core.similarity.evidence.chance import Q_MAX, benjamini_hochberg
from streamproc.core.wire.raw import raw_page
from streamproc.events import SCORES, ReadyWallet
from streamproc.report.wording import by_verdict
from streamproc.sandbox.wire.raw_form import raw_form
from streamproc.sandbox.world.world import SIZES, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamproc.core.similarity import Comparison, WalletRow

TOP: Final = Path(__file__).parents[2]
PAGE: Final = TOP / "docs" / "similarity.md"
PICTURES: Final = TOP / "docs" / "pictures"
ZIPFS: Final = (1.0, 0.7)
PLANTED_SEEDS: Final = range(10)
NULL_SEEDS: Final = range(100, 120)
DEMO_WALLETS: Final = 24
DEMO_PAIRS: Final = 10
STEPS: Final = np.linspace(0, 1, 101)

Pair = tuple[str, str]


def write_page() -> None:
    """Write pictures and tables."""
    PICTURES.mkdir(exist_ok=True)
    planted = {zipf: _planted(zipf) for zipf in ZIPFS}
    empty = {zipf: _empty(zipf) for zipf in ZIPFS}
    (PICTURES / "precision.svg").write_text(_precision_picture(planted), encoding="utf-8")
    (PICTURES / "gate.svg").write_text(_gate_picture(empty), encoding="utf-8")
    (PICTURES / "p.svg").write_text(_p_picture(empty), encoding="utf-8")
    text = PAGE.read_text("utf-8")
    text = with_block(text, "planted", _planted_table(planted))
    text = with_block(text, "empty", _empty_table(empty))
    text = with_block(text, "demo", demo_table(DEMO_WALLETS, seed=1))
    PAGE.write_text(text, encoding="utf-8")
    print(f"{PAGE.relative_to(TOP)} and its pictures are made anew")


class Found(NamedTuple):
    """What was found in worlds with planted copies."""

    precision: dict[str, float]  # average precision of each ranking, mean over worlds
    gated: float  # planted pairs that the gate lets in, mean over worlds
    false: int  # others that it lets in, in all worlds


class Empty(NamedTuple):
    """What tests say of worlds in which nothing was planted; counts over all worlds."""

    pairs: int
    gated: int
    by_q: int  # q alone, against popularity
    by_hypergeometric: int  # q alone, as if every token were equally popular
    p: NDArray[np.float64]  # of every pair


def average_precision(ranked: Sequence[Pair], truth: frozenset[Pair]) -> float:
    """The mean, over true pairs, of the share of true pairs among those ranked no worse; 1 when they come first."""
    places = [place for place, pair in enumerate(ranked, start=1) if pair in truth]
    return sum(hits / place for hits, place in enumerate(places, start=1)) / len(truth)


def _planted(zipf: float) -> Found:
    """Worlds with copies."""
    precision: dict[str, list[float]] = {name: [] for name in SCORES}
    gated, false = [], 0
    for seed in PLANTED_SEEDS:
        world = planted_world(Recipe(seed, zipf))
        found = compare(world.inputs)
        names = _pair_names(found)
        for name, values in found.scores.by_name.items():
            order = np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable")
            precision[name].append(average_precision([names[n] for n in order], world.truth))
        flagged = {names[n] for n in np.flatnonzero(found.gate.is_gated)}
        gated.append(len(flagged & world.truth))
        false += len(flagged - world.truth)
    means = {name: float(np.mean(values)) for name, values in precision.items()}
    return Found(means, float(np.mean(gated)), false)


def _empty(zipf: float) -> Empty:
    """Worlds without copies."""
    pairs = gated = by_q = by_hypergeometric = 0
    values = []
    for seed in NULL_SEEDS:
        found = compare(planted_world(Recipe(seed, zipf, planted=0)).inputs)
        chance, scores = found.chance, found.scores
        pairs += found.pairs_total
        gated += int(found.gate.is_gated.sum())
        by_q += int((chance.q <= Q_MAX).sum())
        plain = _hypergeometric(found)
        by_hypergeometric += int((benjamini_hochberg(plain, len(plain)) <= Q_MAX).sum())
        values.append(np.where(scores.shared > 0, chance.p, 1.0))
    return Empty(pairs, gated, by_q, by_hypergeometric, np.concatenate(values))


def _hypergeometric(found: Comparison) -> NDArray[np.float64]:
    """The p of each overlap if every token were equally likely."""
    from scipy.stats import hypergeom  # noqa: PLC0415 - a second and a half, for who counts pairs by it alone

    scores = found.scores
    tokens = len(found.rows.traded.columns.mints)
    a, b = scores.tokens[scores.wallet_a], scores.tokens[scores.wallet_b]
    return np.asarray(hypergeom.sf(scores.shared - 1, tokens, a, b))


def _pair_names(found: Comparison) -> list[Pair]:
    """The addresses of each pair, by pair number."""
    wallets = found.rows.wallets
    a, b = found.scores.wallet_a.tolist(), found.scores.wallet_b.tolist()
    return [(wallets[left], wallets[right]) for left, right in zip(a, b, strict=True)]


# --- pictures and tables ---


def _precision_picture(planted: dict[float, Found]) -> str:
    """Bars of each score's precision."""
    names = sorted(SCORES, key=lambda name: -planted[1.0].precision[name])
    series = [
        Series(f"Zipf {zipf}", [found.precision[name] for name in names])
        for zipf, found in planted.items()
    ]
    title = f"Average precision of each ranking on {PLANTED} planted copies"
    frame = Frame(title, "score to rank by", "average precision", width=1120)
    return bars(frame, [name.replace("_", " ") for name in names], series)


def _gate_picture(empty: dict[float, Empty]) -> str:
    """Bars of false alarms by test."""
    groups = [
        "equally popular tokens, q <= 0.05",
        "popularity, q <= 0.05",
        "the gate: q <= 0.05, lift >= 1.5",
    ]
    series = [
        Series(
            f"Zipf {zipf}",
            [100 * n / each.pairs for n in (each.by_hypergeometric, each.by_q, each.gated)],
        )
        for zipf, each in empty.items()
    ]
    title = "Pairs flagged where nobody copies anybody"
    return bars(Frame(title, "test", "% of pairs", y_max=100, width=760), groups, series)


def _p_picture(empty: dict[float, Empty]) -> str:
    """How often p is at most x, beside the line of a perfect continuous test."""
    series = [
        Series(f"Zipf {zipf}", points=[(x, float(np.mean(each.p <= x))) for x in STEPS.tolist()])
        for zipf, each in empty.items()
    ]
    line = Series("uniform", points=[(0.0, 0.0), (1.0, 1.0)], dashed=True)
    title = "How often p is that small where nobody copies anybody"
    return curves(
        Frame(title, "p", "share of pairs with a p at most so large", width=560, height=480),
        [*series, line],
    )


def _planted_table(planted: dict[float, Found]) -> str:
    """Precision and gate, by popularity."""
    lines = [
        "| popularity | idf | binary | jaccard | ruzicka | capital | gated of 25 | false in 10 worlds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for zipf, found in planted.items():
        scores = " | ".join(
            f"{found.precision[n]:.2f}" for n in ("idf", "binary", "jaccard", "ruzicka", "capital")
        )
        lines.append(f"| Zipf {zipf} | {scores} | {found.gated:.1f} | {found.false} |")
    return "\n".join(lines)


def _empty_table(empty: dict[float, Empty]) -> str:
    """False alarms, by test."""
    lines = [
        "| popularity | pairs | equally popular tokens, q <= 0.05 | popularity, q <= 0.05 | the gate |",
        "|---|---|---|---|---|",
    ]
    for zipf, each in empty.items():
        lines.append(
            f"| Zipf {zipf} | {each.pairs:,} | {each.by_hypergeometric:,} | {each.by_q:,} | {each.gated:,} |"
        )
    return "\n".join(lines)


# --- the generated world ---


def demo_table(wallets: int, *, seed: int) -> str:
    """The first pairs of the demo's world by verdict: who they really are, and what is said of them."""
    world = World(seed=seed, wallets=wallets, transactions=SIZES["demo"][1])
    found = compare(SimilarityInputs(tuple(_rows(world)), f"demo {seed}", EXCLUDED_MINTS))
    names = {wallet.address: wallet.name for wallet in world.wallets}
    groups = {wallet.address: wallet.group for wallet in world.wallets}
    lines = ["| pair | in truth | idf | verdict | what is said |", "|---|---|---|---|---|"]
    for pair in by_verdict(found.pairs)[:DEMO_PAIRS]:
        a, b = pair["wallet_a"], pair["wallet_b"]
        truth = groups[a] if groups[a] and groups[a] == groups[b] else "strangers"
        verdict = pair["verdict"]
        said = pair["sentence"]
        for address in (a, b):
            said = said.replace(f"{address[:4]}...{address[-4:]}", names[address])
        score = f"{pair['scores']['idf']:.2f}"
        lines.append(f"| {names[a]}, {names[b]} | {truth} | {score} | {verdict} | {said} |")
    return "\n".join(lines)


def _rows(world: World) -> list[WalletRow]:
    """Every wallet of the world as the product reads it: the raw form of its transactions, analyzed."""
    rows = []
    for address in world.addresses:
        signatures = {entry.signature for entry in world.entries(address)}
        data = [
            raw_form(t, world.chain) for t in world.transactions if t.place.signature in signatures
        ]
        page = raw_page(orjson.dumps({"result": {"data": data, "paginationToken": None}}), address)
        assert isinstance(page, Page)
        history = History(
            address, page.entries, [(0, world.last_slot)], world.last_slot, page.decimals
        )
        analysis = analyze(history, Scope())
        facts = WalletFacts(
            address,
            ReadyWallet(outcome="analyzed", watermark_slot=world.last_slot),
            pnl=analysis.pnl,
            coverage=analysis.coverage,
        )
        rows.append(wallet_row(facts, Prices(), EvidenceInputs()))
    return rows
