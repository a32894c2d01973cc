"""The operator's price history: its file, and analyses that use it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from streamproc import limits
from streamproc.agents.results.analyst import scope_digest
from streamproc.agents.results.price_history import PriceHistory, price_history_of
from streamproc.core.result.wallet_analysis import Scope
from streamproc.errors import ConfigurationError
from streamproc.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def settings(file: Path | None) -> Settings:
    return Settings.model_validate(
        {
            "kafka_brokers": "127.0.0.1:1",
            "postgres_dsn": "postgresql://h/d",
            "sol_prices_file": file,
        }
    )


def test_prices_are_exact_and_comments_and_blank_lines_are_none(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("# of SOL in dollars\n1000,150\n\n2000,150.123456789 # a day later\n")
    history = price_history_of(settings(file))
    assert history.points == ((1000, Fraction(150)), (2000, Fraction("150.123456789")))
    assert history.digest is not None
    file.write_text("1000,150.0\n2000,150.123456789")
    assert price_history_of(settings(file)) == history, "the same prices are the same history"
    file.write_text("1000,150\n2000,151")
    assert price_history_of(settings(file)).digest != history.digest


def test_without_a_file_or_prices_there_is_no_history(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("# none yet\n")
    assert price_history_of(settings(file)) == price_history_of(settings(None)) == PriceHistory()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("1000,150\n1000,151", "line 2"),
        ("2000,150\n1000,151", "line 2"),
        ("1000,0", "line 1"),
        ("1000,-1", "line 1"),
        ("1000,nan", "line 1"),
        ("1000,1e9", "line 1"),
        ("2026-09-01,150", "line 1"),
        ("1000;150", "line 1"),
    ],
)
def test_a_line_that_is_no_price_is_named(content: str, named: str, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=named):
        price_history_of(settings(file))


def test_a_file_that_cannot_be_read_or_is_too_long_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="STREAMPROC_SOL_PRICES_FILE"):
        price_history_of(settings(tmp_path / "missing"))
    monkeypatch.setattr(limits, "PRICE_HISTORY_POINTS", 1)
    file = tmp_path / "prices.csv"
    file.write_text("1,1\n2,1")
    with pytest.raises(ConfigurationError, match="at most 1 prices"):
        price_history_of(settings(file))


def test_another_history_is_another_analysis_and_none_is_the_one_of_before() -> None:
    scope = Scope()
    assert scope_digest(scope, None) == scope_digest(scope, None, None)
    digests = {
        scope_digest(scope, price, of) for price in (None, "150.0") for of in (None, "a", "b")
    }
    assert len(digests) == 6
