"""The end that a request is to have: a draft until the store has decided it, and who publishes what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from streamproc.events import AnalysisFailed, AnalysisProgressed

# The join until it hands over, then the similarity agent; the join stands in for one that does not publish an end.
Publisher = Literal["join", "similarity", "stand_in"]


class EndDraft(NamedTuple):
    """How the join wants a request to end, by whom that is published, and the last progress record."""

    failed: AnalysisFailed
    publisher: Publisher
    progress: AnalysisProgressed | None  # None for the similarity agent, which makes its own
