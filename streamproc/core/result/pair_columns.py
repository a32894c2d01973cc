"""Every pair of a result as columns: a zip archive of numpy arrays, which `numpy.load` reads as well."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from streamproc.core.similarity.evidence.item import rounded
from streamproc.core.similarity.scores.labels import label_of, trend_of
from streamproc.core.similarity.verdict import VERDICTS
from streamproc.events import SCORES
from streamproc.json_types import Json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streamproc.core.similarity import Comparison

_FAST: Final = 1  # zlib's level
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the same bytes whenever they are written
TESTS: Final = ("p", "q", "lift")
FIGURES: Final = ("overlap", *SCORES, *TESTS)  # 64 bits each, NaN for null

Row = Json


@dataclass(frozen=True, slots=True, eq=False)
class PairColumns:
    """All pairs, best first, as arrays by name.

    `wallets` (W,) addresses; `tokens` (W,) mints traded; `is_complete` (W,); and of P pairs `wallet_a` and `wallet_b`
    (wallet numbers), `shared_tokens`, `verdict` (place in VERDICTS), and each of FIGURES.
    """

    arrays: dict[str, NDArray[np.generic]]

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.arrays["wallet_a"])

    def rows(self) -> Iterator[Row]:
        """Every pair with the names and values of the result's `pairs[]`, and its `p`, `q` and the overlap's `lift`."""
        found = self.arrays
        wallets, tokens = found["wallets"].tolist(), found["tokens"].tolist()
        complete = found["is_complete"].tolist()
        is_judged = (
            "verdict" in found
        )  # results that were stored before there were verdicts have none
        for place in range(len(self)):
            a, b = int(found["wallet_a"][place]), int(found["wallet_b"][place])
            figures = {name: float(found[name][place]) for name in FIGURES}
            known = {name: None if value != value else value for name, value in figures.items()}  # noqa: PLR0124 - NaN
            yield {
                "wallet_a": wallets[a],
                "wallet_b": wallets[b],
                "verdict": VERDICTS[int(found["verdict"][place])] if is_judged else None,
                "scores": {name: known[name] for name in SCORES},
                "shared_tokens": int(found["shared_tokens"][place]),
                "tokens_a": tokens[a],
                "tokens_b": tokens[b],
                "overlap": known["overlap"],
                "label": label_of(figures["binary"], figures["capital"]),
                "trend": trend_of(figures["held_jaccard"], figures["jaccard"]),
                "lower_bound": not (complete[a] and complete[b]),
                **{name: rounded(known[name]) for name in TESTS},
            }


def pair_columns(comparison: Comparison) -> PairColumns:
    """The columns of a comparison, in its ranking."""
    scores, chance, rank = comparison.scores, comparison.chance, comparison.ranked
    figures = {"overlap": scores.overlap, **scores.by_name}
    tests = {"p": comparison.gate.p, "q": comparison.gate.q, "lift": chance.lift}
    by_pair = {name: values[rank] for name, values in {**figures, **tests}.items()}
    return PairColumns(
        {
            "wallets": np.array(comparison.rows.wallets, dtype=np.str_),
            "tokens": scores.tokens.astype("<i4"),
            "is_complete": np.asarray(comparison.rows.is_complete, dtype=np.bool_),
            "wallet_a": scores.wallet_a[rank].astype("<i4"),
            "wallet_b": scores.wallet_b[rank].astype("<i4"),
            "shared_tokens": scores.shared[rank].astype("<i4"),
            "verdict": comparison.verdicts.code[rank].astype("i1"),
            **{name: values.astype("<f8") for name, values in by_pair.items()},
        }
    )


def packed_columns(columns: PairColumns) -> bytes:
    """The archive's bytes; equal for equal columns."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST) as archive:
        for name, values in columns.arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            array = io.BytesIO()
            np.lib.format.write_array(array, values, allow_pickle=False)
            archive.writestr(member, array.getvalue(), zipfile.ZIP_DEFLATED, _FAST)
    return buffer.getvalue()


def unpacked_columns(content: bytes) -> PairColumns:
    """The columns in these bytes; raises ValueError when they are no such archive."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return PairColumns({name: archive[name] for name in archive.files})
