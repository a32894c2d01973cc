"""Tables keep names and types: CSV that no spreadsheet takes for a formula, Parquet that is exact."""

from __future__ import annotations

import copy
import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streamproc.errors import ConfigurationError
from streamproc.export.csv_form import csv_line, csv_lines
from streamproc.export.parquet_form import parquet_chunks
from streamproc.export.table import Table, columns_of
from streamproc.export.tables import ROWS, pairs_table, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULT: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "report" / "result.json").read_text("utf-8")
)


@pytest.mark.parametrize(
    "formula",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "\r=1",
        "=HYPERLINK(1)",
        "\uff1d1",
        "-",
        "+",
    ],
)
def test_no_cell_is_a_formula(formula: str) -> None:
    (cell,) = next(csv.reader([csv_line([formula])]))
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))
    assert "\r" not in cell


@pytest.mark.parametrize("number", [-5, -0.25, 1e-9, "-17", "+3", "-2.5e-7", "00", 10**30])
def test_numbers_are_left_as_they_are(number: object) -> None:
    assert next(csv.reader([csv_line([number])])) == [str(number)]


def test_a_pair_s_words_are_cells_and_its_numbers_numbers() -> None:
    pair = copy.deepcopy(RESULT["pairs"][0])
    pair["label"], pair["scores"]["idf"] = '=cmd"\x1b', -0.5
    heading, line = csv.reader(list(csv_lines(pairs_table([pair]))))
    row = dict(zip(heading, line, strict=True))
    assert row["label"] == "'=cmd\"\\x1b"
    assert row["idf"] == "-0.5"


def test_every_wallet_and_each_of_its_tokens_has_a_row_with_the_result_s_own_figures() -> None:
    wallets = list(csv.DictReader(io.StringIO("".join(csv_lines(table_of("wallets", RESULT))))))
    assert [row["wallet"] for row in wallets] == [each["wallet"] for each in RESULT["wallets"]]
    first = RESULT["wallets"][0]
    assert wallets[0]["net_lamports"] == str(first["pnl"]["net_lamports"])
    at = datetime.fromtimestamp(first["coverage"]["last_time"], UTC)
    assert datetime.fromisoformat(wallets[0]["last_time"]).replace(tzinfo=UTC) == at
    tokens = list(csv.DictReader(io.StringIO("".join(csv_lines(table_of("tokens", RESULT))))))
    rows = [
        token for each in RESULT["wallets"] for token in (each["pnl"] or {"tokens": []})["tokens"]
    ]
    assert [row["bought"] for row in tokens] == [row["bought"] for row in rows]


@pytest.mark.parametrize("rows", ROWS)
def test_parquet_says_what_csv_says_with_types(rows: Any) -> None:  # noqa: ANN401 - a literal
    arrow = pytest.importorskip("pyarrow.parquet")
    content = b"".join(parquet_chunks(table_of(rows, RESULT)))
    read = arrow.read_table(io.BytesIO(content))
    table = table_of(rows, RESULT)
    assert read.column_names == [column.name for column in table.columns]
    lines = list(csv_lines(table))
    rows_again: list[Sequence[object]] = [
        [_plain(value) for value in row.values()] for row in read.to_pylist()
    ]
    assert list(csv_lines(Table(table.columns, iter(rows_again)))) == lines


def _plain(value: object) -> object:
    """A value of Parquet as a table has it."""
    if isinstance(value, datetime):
        return int(value.timestamp())
    return str(value) if isinstance(value, Decimal) else value


def test_amounts_of_any_size_are_exact_in_parquet_and_unknown_stays_null() -> None:
    arrow = pytest.importorskip("pyarrow.parquet")
    columns = columns_of(amount="amount", at="time", lamports="integer")
    rows: list[Sequence[object]] = [("18446744073709551616", 0, -(2**63)), (None, None, None)]
    read = arrow.read_table(io.BytesIO(b"".join(parquet_chunks(Table(columns, iter(rows))))))
    first, second = read.to_pylist()
    assert (first["amount"], first["lamports"]) == (Decimal(2**64), -(2**63))
    assert first["at"] == datetime(1970, 1, 1, tzinfo=UTC)
    assert set(second.values()) == {None}


def test_without_the_extra_parquet_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamproc.export.parquet_form.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'streamproc\[parquet\]'"):
        parquet_chunks(table_of("pairs", RESULT))
