"""Did two wallets buy the same mints at the same time?"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, Final

import numpy as np

from streamproc.core.similarity.evidence.closeness import SCALES
from streamproc.core.similarity.evidence.item import counted, item, one_or_many, short
from streamproc.core.similarity.evidence.timing_test import A_LEADS, B_LEADS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamproc.core.similarity.evidence.closeness import Scale
    from streamproc.core.similarity.evidence.timing_test import TimingTest
    from streamproc.core.similarity.scores.meeting import Meeting
    from streamproc.json_types import Json

TAU_S: Final = 60  # a minute apart counts a third of at once
FORGOTTEN_S: Final = 40 * TAU_S  # exp(-40) = 4e-18: nothing a float could add
CLOSE_S: Final = 60  # what the words call close
DECAY: Final = np.array([exp(-lag / TAU_S) for lag in range(FORGOTTEN_S + 1)])  # one libm, all CPUs


@dataclass(frozen=True, slots=True)
class Timing:
    """How close in time the first buys were."""

    closeness: float  # 0..1
    shared_buys: int  # mints that both bought
    within_a_minute: int


def timing_of(
    meeting: Meeting, *, bought_a: int, bought_b: int, largest_idf: float
) -> Timing | None:
    """Return S = sum of w exp(-|t_a - t_b| / 60 s) / sqrt(n_a n_b) over the mints that both bought, in 0..1.

    w is the mint's idf weight over the largest of all mints; n counts the mints that each wallet bought; t is the first
    buy. 1 means that both always bought the same rare mints in the same second. None without a mint that both bought.
    """
    both = meeting.both_bought()
    if not both.any():
        return None
    lags = np.abs(meeting.lag_s()[both])
    total = float(np.add.accumulate(_terms(meeting, largest_idf)[both])[-1])
    return Timing(
        closeness=min(1.0, total / float(np.sqrt(np.float64(bought_a) * bought_b))),
        shared_buys=len(lags),
        within_a_minute=int((lags <= CLOSE_S).sum()),
    )


@dataclass(frozen=True, slots=True)
class TestedTiming:
    """What the test of closeness says of one pair, on the scale that says most."""

    p: float
    q: float
    close: int  # mints
    near: int  # mints within the window
    expected: float
    scale: Scale | None  # None: who follows within a day
    leader: str | None  # who leads then


def tested_timing(test: TimingTest, q: float, pair: int, meeting: Meeting) -> TestedTiming:
    """Return the pair's figures."""
    number = int(test.scale[pair])
    leaders = {A_LEADS: meeting.wallet_a, B_LEADS: meeting.wallet_b}
    return TestedTiming(
        p=float(test.p[pair]),
        q=q,
        close=int(test.close[pair]),
        near=int(test.near[pair]),
        expected=float(test.expected[pair]),
        scale=SCALES[number] if number < len(SCALES) else None,
        leader=leaders.get(number),
    )


def timing_item(meeting: Meeting, found: Timing, tested: TestedTiming, largest_idf: float) -> Json:
    """Return the evidence: value S, n mints that both bought, those that carry most and the buys themselves.

    p, q and lift are of the closest scale: how many mints were close, over how many would be by chance.
    """
    terms = np.where(meeting.both_bought(), _terms(meeting, largest_idf), -1.0)
    order = np.argsort(-terms, kind="stable")[: found.shared_buys].astype(np.int64)
    carrying = order[terms[order] > 0]
    mints, signatures = meeting.carriers(carrying)
    return item(
        "timing",
        f"{found.within_a_minute} of {counted(found.shared_buys, 'mint')} that both bought"
        f" {one_or_many(found.within_a_minute, 'was', 'were')} first bought within a minute"
        f" of each other; {_words(tested)}",
        value=found.closeness,
        p=tested.p,
        q=tested.q,
        lift=tested.close / tested.expected if tested.expected else None,
        n=found.shared_buys,
        mints=mints,
        signatures=signatures,
    )


def _words(tested: TestedTiming) -> str:
    scale = tested.scale
    if not tested.near:
        return "nothing else was close in time"
    if scale is None:
        return (
            f"{tested.close} of {counted(tested.near, 'shared one')}"
            f" {one_or_many(tested.close, 'was', 'were')} first traded within a day after"
            f" {short(str(tested.leader))} had, where season and company give {tested.expected:.3g}"
        )
    what = "bought by one and sold by the other" if scale.is_opposite else "first bought"
    return (
        f"{tested.close} of {tested.near} {what} within {scale.close_s} s of those within {scale.window_s // 60} min,"
        f" where chance gives {tested.expected:.3g}"
    )


def _terms(meeting: Meeting, largest_idf: float) -> NDArray[np.float64]:
    lags = np.abs(meeting.lag_s())
    decay = np.where(lags > FORGOTTEN_S, 0.0, DECAY[np.minimum(lags, FORGOTTEN_S)])
    return np.asarray(meeting.idf / largest_idf * decay, dtype=np.float64)
