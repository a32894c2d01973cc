"""In which order pairs are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamproc.core.similarity.scores.scores import Scores
    from streamproc.events import RankBy


def ranked_pairs(scores: Scores, rank_by: RankBy) -> NDArray[np.int64]:
    """Return the pair numbers, (P,): best score first, nulls last, equal ones by their addresses."""
    return np.argsort(-scores.by_name[rank_by], kind="stable").astype(np.int64)
