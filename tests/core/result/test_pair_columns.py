"""All pairs as columns say what the result's records say, pair by pair, in any process."""

from __future__ import annotations

import io

import numpy as np
import pytest

from streamproc.core.result.pair_columns import (
    TESTS,
    PairColumns,
    packed_columns,
    pair_columns,
    unpacked_columns,
)
from streamproc.core.similarity import (
    Comparison,
    HeldMint,
    SimilarityInputs,
    TradedMint,
    WalletRow,
    compare,
)


@pytest.fixture
def comparison() -> Comparison:
    """25 wallets; one without trades, one whose balances are not known, one known in part."""
    generator = np.random.default_rng(3)
    rows = []
    for number in range(25):
        mints = generator.choice(40, 0 if number == 7 else 12, replace=False)
        traded = tuple(TradedMint(f"m{m}", 2, int(generator.integers(10**12))) for m in mints)
        held = None if number == 9 else tuple(HeldMint(f"m{m}", 1.0) for m in mints[:4])
        rows.append(WalletRow(f"w{number:02}", traded, held, coverage_complete=number != 11))
    return compare(SimilarityInputs(tuple(rows), "digest"))


def test_every_pair_reads_as_in_its_record(comparison: Comparison) -> None:
    columns = unpacked_columns(packed_columns(pair_columns(comparison)))
    assert len(columns) == comparison.pairs_total == 300
    for row, record in zip(columns.rows(), comparison.pairs, strict=True):
        shown = {name: value for name, value in row.items() if name not in TESTS}
        assert shown == {name: record[name] for name in shown}
        tests = [each for each in record["evidence"] if each["kind"] == "chance"]
        assert row["lift"] == (tests[0]["lift"] if tests else None)
        assert row["q"] == record["q"]
        assert (row["p"] is None) == (row["q"] is None)


def test_equal_columns_are_equal_bytes_and_numpy_reads_them(comparison: Comparison) -> None:
    content = packed_columns(pair_columns(comparison))
    assert packed_columns(pair_columns(comparison)) == content
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        assert archive["idf"].dtype == np.float64
        assert archive["wallets"].tolist() == list(comparison.rows.wallets)


def test_no_pairs_are_no_rows() -> None:
    nobody = unpacked_columns(packed_columns(pair_columns(compare(SimilarityInputs((), "d")))))
    assert list(nobody.rows()) == []


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(ValueError, match="pickled"):
        unpacked_columns(b"nothing of the kind")


def test_rows_do_not_change_the_columns(comparison: Comparison) -> None:
    columns = pair_columns(comparison)
    before = {name: values.copy() for name, values in columns.arrays.items()}
    assert sum(1 for _ in columns.rows()) == 300
    assert all(
        np.array_equal(columns.arrays[n], v, equal_nan=n != "wallets") for n, v in before.items()
    )
    assert isinstance(columns, PairColumns)
