"""Makes the table and the picture of docs/similarity.md about the gate anew: `./run bench gate --page`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from gate_parts.cases import NOBODY
from similarity_parts.drawing import Frame, Series, bars

from streamproc.cli.views.markdown import with_block

if TYPE_CHECKING:
    from gate import Tallies, Tally

TOP: Final = Path(__file__).parents[2]
PAGE: Final = TOP / "docs" / "similarity.md"
PICTURE: Final = TOP / "docs" / "pictures" / "clean.svg"
METHODS: Final = ("jaccard > 0.3", "hypergeometric", "3 within 30 s", "former gate", "verdict")
STORES: Final = {False: "alone", True: "mixed"}


def write_page(tallies: Tallies) -> None:
    """Write the block and the picture."""
    text = with_block(PAGE.read_text("utf-8"), "gate", table(tallies))
    PAGE.write_text(text, encoding="utf-8")
    PICTURE.write_text(_picture(tallies), encoding="utf-8")
    print(f"{PAGE.relative_to(TOP)} and {PICTURE.name} are made anew")


def table(tallies: Tallies) -> str:
    """Worlds without a false pair and recall, by world, store and method; and the realised false discovery rates."""
    worlds = next(iter(tallies.values())).worlds
    kinds = list(dict.fromkeys(kind for kind, _, _ in tallies))
    lines = [
        (
            f"{worlds} worlds of each kind. Recall, where somebody belongs together; and false pairs in all of them;"
            " of the verdict also in how many it has no false pair, and in how many a cluster without a true one."
        ),
        "",
        f"| world | store | {' | '.join(METHODS)} | clean worlds | wrong clusters |",
        f"|---|---|{'---|' * len(METHODS)}---|---|",
    ]
    for kind in kinds:
        for mixed, store in STORES.items():
            cells = [_cell(tallies, kind, mixed=mixed, method=method) for method in METHODS]
            said = tallies[kind, mixed, "verdict"]
            cells += [f"{said.clean} of {said.worlds}", str(said.clustered)]
            lines.append(f"| {kind} | {store} | {' | '.join(cells)} |")
    rates = [_rate(tallies, method) for method in METHODS]
    lines.append(f"| all | false of what is found (95 % bound) | {' | '.join(rates)} | | |")
    return "\n".join(lines)


def _cell(tallies: Tallies, kind: str, *, mixed: bool, method: str) -> str:
    each = tallies[kind, mixed, method]
    if each.signals and method == "verdict":
        heard = tallies[kind, mixed, "common signal"]
        share = heard.signal / heard.signals
        return f"{share:.2f} common signal, {each.signal / each.signals:.2f} together; {each.false} false"
    if each.signals:
        return f"{each.signal / each.signals:.2f} flagged; {each.false:,} false"
    if each.true:
        return f"{each.found / each.true:.2f}; {each.false:,} false"
    return f"{each.false:,} false"


def _rate(tallies: Tallies, method: str) -> str:
    """The share of false pairs among all that a method finds, callers' followers apart, and its upper bound."""
    chosen = [each for (_, _, name), each in tallies.items() if name == method]
    false, found = sum(each.false for each in chosen), sum(each.found for each in chosen)
    if not false + found:
        return "-"
    from scipy.stats import beta  # noqa: PLC0415 - a second and a half, for the page alone

    bound = 1.0 if not found else float(beta.ppf(0.95, false + 1, found))
    return f"{false / (false + found):.1%} ({bound:.1%})"


def _picture(tallies: Tallies) -> str:
    """Bars of the worlds of strangers in which a method accuses nobody."""
    series = [
        Series(store, [_clean(tallies, method, mixed=mixed) for method in METHODS])
        for mixed, store in STORES.items()
    ]
    title = "Worlds of strangers in which nobody is accused"
    frame = Frame(title, "method", "% of worlds", y_max=100, width=900)
    return bars(frame, list(METHODS), series)


def _clean(tallies: Tallies, method: str, *, mixed: bool) -> float:
    chosen: list[Tally] = [
        each
        for (kind, store, name), each in tallies.items()
        if kind in NOBODY and store is mixed and name == method
    ]
    return 100 * sum(each.clean for each in chosen) / max(1, sum(each.worlds for each in chosen))
