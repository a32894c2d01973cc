"""What is said of a pair in the end: one word, the kinds of evidence that carry it, q, and a sentence.

`linked`: more than chance, and tied together on the chain. `follows`: more than chance, and one of them leads.
`coordinated`: more than chance, in no order. `common_signal`: more than chance, but many others did the same at the
same times. `alike`: tested, and explained by popularity, season, habits or taste. `untested`: with the reason and what
would help. Only the first three make clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np

from streamproc.core.similarity.evidence.chance import Q_MAX, benjamini_hochberg
from streamproc.core.similarity.evidence.direction import DAY_S, WINDOW_S, lag_words, sign_test
from streamproc.core.similarity.evidence.item import counted, one_or_many, rounded, short
from streamproc.core.similarity.gate import REASONS, TESTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamproc.core.similarity.evidence.orders import Orders
    from streamproc.core.similarity.gate import Gate
    from streamproc.core.similarity.scores.meeting import Meeting
    from streamproc.json_types import Json

Verdict = Literal["linked", "follows", "coordinated", "common_signal", "alike", "untested"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)  # the strongest first
LINKED, FOLLOWS, COORDINATED, COMMON_SIGNAL, ALIKE, UNTESTED = range(6)


class Verdicts:
    """The verdicts on all pairs; `code` (P,) are places in VERDICTS."""

    def __init__(self, gate: Gate, orders: Orders, linked: NDArray[np.int64]) -> None:
        """Take the gate's decision, who came first how often, and the numbers of pairs that are linked."""
        self._gate = gate
        self.order_q, self._by_day = order_q(orders, gate.is_gated)
        self._leads = np.nan_to_num(self.order_q, nan=1.0) <= Q_MAX
        self.code = np.where(gate.untested == TESTED, ALIKE, UNTESTED).astype(np.int8)
        self.code[gate.is_gated] = COORDINATED
        self.code[gate.is_gated & self._leads] = FOLLOWS
        self.code[gate.is_signal] = COMMON_SIGNAL
        self.code[linked[gate.is_gated[linked]]] = LINKED

    @property
    def is_together(self) -> NDArray[np.bool_]:
        """Which pairs make clusters, (P,)."""
        return np.asarray(self.code <= COORDINATED, dtype=np.bool_)

    def window_s(self, pair: int) -> int:
        """Within how long the pair's order is looked at: a day where only that shows who follows."""
        return DAY_S if self._leads[pair] and self._by_day[pair] else WINDOW_S

    def of(self, pair: int, meeting: Meeting, evidence: Sequence[Json]) -> Json:
        """Return the pair's fields `verdict`, `because`, `q` and `sentence`."""
        code = int(self.code[pair])
        q = float(self._gate.q[pair])
        return {
            "verdict": VERDICTS[code],
            "because": self._because(pair, code),
            "q": None if np.isnan(q) else rounded(q),
            "sentence": self._sentence(pair, code, meeting, evidence),
        }

    def _because(self, pair: int, code: int) -> list[str]:
        """The kinds that carry the verdict; none for what was not found or not tested."""
        if code in {ALIKE, UNTESTED}:
            return []
        carried = [
            ("chance", bool(self._gate.by_chance[pair])),
            ("timing", bool(self._gate.by_timing[pair])),
            ("direction", code in {LINKED, FOLLOWS} and bool(self._leads[pair])),
            ("link", code == LINKED),
        ]
        return [kind for kind, carries in carried if carries]

    def _sentence(self, pair: int, code: int, meeting: Meeting, evidence: Sequence[Json]) -> str:
        """One sentence in words."""
        if code == UNTESTED:
            return f"Not tested: {REASONS[int(self._gate.untested[pair])]}."
        said = {each["kind"]: each for each in reversed(evidence)}
        overlap, timing = _overlap_words(said.get("chance")), _timing_words(said.get("timing"))
        if code == ALIKE:
            return f"Nothing beyond what popularity, season and taste explain: {overlap}."
        names = f"{short(meeting.wallet_a)} and {short(meeting.wallet_b)}"
        if code == COMMON_SIGNAL:
            head = f"{names} hear the same signal, as many others do"
        elif code == LINKED:
            head = f"{names} trade together and are linked on the chain ({said['link']['reason']})"
        elif code == FOLLOWS:
            head = _follow_words(said["direction"], meeting)
        else:
            head = f"{names} trade together, neither ahead of the other"
        return f"{head}: {overlap}{timing}."


def order_q(
    orders: Orders, is_gated: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the sign tests of gated pairs after Benjamini-Hochberg over them, NaN elsewhere; and which are of a day.

    Both (P,). The less likely order of the two windows counts, its p doubled.
    """
    found, by_day = np.full(len(is_gated), np.nan), np.zeros(len(is_gated), dtype=np.bool_)
    asked = np.flatnonzero(is_gated & (orders.day_a + orders.day_b > 0))
    soon = _sign_tests(orders.first_a[asked], orders.first_b[asked])
    day = _sign_tests(orders.day_a[asked], orders.day_b[asked])
    by_day[asked] = day < soon
    found[asked] = benjamini_hochberg(np.minimum(1.0, 2 * np.minimum(soon, day)), len(asked))
    return found, by_day


def _sign_tests(first_a: NDArray[np.int32], first_b: NDArray[np.int32]) -> NDArray[np.float64]:
    firsts = zip(first_a.tolist(), first_b.tolist(), strict=True)
    return np.array([sign_test(a, b) for a, b in firsts], dtype=np.float64)


def cluster_sentence(wallets: int, codes: Sequence[int], pairs: int) -> str:
    """Return what is said of a group: how many of its pairs act together, and how.

    >>> cluster_sentence(3, [1, 1, 2], 3)
    '3 wallets that act together: 3 of 3 pairs are more than chance (2 follow, 1 coordinated).'
    >>> cluster_sentence(2, [1], 1)
    '2 wallets that act together: 1 of 1 pair is more than chance (1 follows).'
    """
    return f"{wallets} wallets that act together: {_more_than_chance(codes, pairs)}."


def set_sentence(codes: NDArray[np.int8], groups: int, loose: Sequence[int] = ()) -> str:
    """Return what is said of all wallets of a request together; `loose` are the sizes of the loose groups.

    >>> set_sentence(np.array([4, 4, 1], dtype=np.int8), 1)
    '1 of 3 pairs is more than chance (1 follows), in 1 group; 2 are explained by popularity, season and taste.'
    """
    if not len(codes):
        return "There is no pair to compare."
    counts = np.bincount(codes, minlength=len(VERDICTS)).tolist()
    together = codes[codes <= COORDINATED].tolist()
    parts = [f"None of {counted(len(codes), 'pair')} is more than chance"]
    if together:
        parts = [f"{_more_than_chance(together, len(codes))}, in {counted(groups, 'group')}"]
    if heard := counts[COMMON_SIGNAL]:
        parts.append(f"{heard} {one_or_many(heard, 'hears', 'hear')} a common signal")
    if alike := counts[ALIKE]:
        verb = one_or_many(alike, "is", "are")
        parts.append(f"{alike} {verb} explained by popularity, season and taste")
    if counts[UNTESTED]:
        parts.append(f"{counts[UNTESTED]} could not be tested")
    if loose:
        verb = one_or_many(len(loose), "moves", "move")
        sizes = " and ".join(map(str, loose))
        parts.append(
            f"{counted(len(loose), 'loose group')} of {sizes} wallets {verb} together although no pair in"
            f" {one_or_many(len(loose), 'it', 'them')} stands out"
        )
    return "; ".join(parts) + "."


def _more_than_chance(codes: Sequence[int], pairs: int) -> str:
    """How many of so many pairs are together, and how: `codes` are those of the pairs that are."""
    counts = [codes.count(code) for code in (LINKED, FOLLOWS, COORDINATED)]
    words = ("linked", one_or_many(counts[1], "follows", "follow"), "coordinated")
    kinds = [f"{count} {word}" for count, word in zip(counts, words, strict=True) if count]
    verb = one_or_many(len(codes), "is", "are")
    return f"{len(codes)} of {counted(pairs, 'pair')} {verb} more than chance ({', '.join(kinds)})"


def _overlap_words(chance: Json | None) -> str:
    if chance is None:
        return "no shared tokens"
    shared = counted(chance["n"], "shared token")
    if chance["value"] is None:
        return shared
    return f"{shared} where season, popularity and company explain {chance['value']:.3g}"


def _timing_words(timing: Json | None) -> str:
    return "" if timing is None else f", {timing['reason']}"


def _follow_words(direction: Json, meeting: Meeting) -> str:
    leader, names = direction["leader"], (meeting.wallet_a, meeting.wallet_b)
    follower = names[1] if leader == names[0] else names[0]
    times = round(direction["value"] * direction["n"])
    return (
        f"{short(follower)} follows {short(leader)} in {times} of {counted(direction['n'], 'token')},"
        f" a median {lag_words(direction['lag_s'])} later"
    )
