"""Requests built from arguments: every option of the contract is there, and all faults come at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from streamproc.cli.commands.submit import submit
from streamproc.cli.shared.requests import build_request
from streamproc.errors import InvalidInputError
from streamproc.events import REQUEST_ID_PATTERN, Options

if TYPE_CHECKING:
    from pathlib import Path

    from streamproc.events import AnalysisRequested

WALLETS = tuple(str(Pubkey(bytes([n]) * 32)) for n in range(1, 5))


def built(
    wallets: tuple[str, ...] = WALLETS,
    file: str | None = None,
    request: str | None = None,
    **options: Any,  # noqa: ANN401 - any option
) -> AnalysisRequested:
    """A request from arguments."""
    return build_request(wallets, file, request, **options)


def faulty(**arguments: Any) -> set[str]:  # noqa: ANN401 - any argument
    """The fields that the faults name."""
    with pytest.raises(InvalidInputError) as caught:
        built(**arguments)
    return {fault.field for fault in caught.value.faults}


def test_every_option_of_a_request_has_a_flag() -> None:
    flags = {option.name for option in submit.params if isinstance(option, click.Option)}
    assert set(Options.model_fields) <= flags


MINT = WALLETS[0]


def test_a_cohort_stands_in_place_of_wallets() -> None:
    holders = built((), holders_of=MINT, count="7").cohort
    assert holders is not None
    assert holders.model_dump() == {"mint": MINT, "kind": "holders", "count": 7, "before": None}
    buyers = built((), first_buyers_of=MINT, before="2026-01-31").cohort
    assert buyers is not None
    assert (buyers.kind, buyers.count, buyers.before) == ("first_buyers", 100, 1_769_817_600)
    now = built((), first_buyers_of=MINT).cohort
    assert now is not None
    assert now.before is not None


def test_options_of_a_cohort_that_fit_nothing_are_named() -> None:
    assert faulty(holders_of=MINT) == {"wallets"}
    assert faulty(wallets=(), holders_of=MINT, before="5") == {"cohort.before"}
    assert faulty(wallets=(), holders_of=MINT, first_buyers_of=MINT) == {"--first-buyers-of"}
    assert faulty(count="5", before="9") == {"--count", "--before"}
    assert faulty(wallets=(), holders_of="nobody", count="none") == {"cohort.mint", "cohort.count"}


def test_a_request_id_is_made_up_when_none_is_given() -> None:
    first, second = built().request_id, built().request_id
    assert first != second
    assert REQUEST_ID_PATTERN.fullmatch(first)


def test_options_become_the_numbers_that_they_read_as() -> None:
    request = built(
        max_transactions="500",
        min_success_ratio="0.5",
        since="2026-01-31",
        until="1800000000",
        enrich=False,
        excluded_mints=WALLETS[:1],
        rank_by="capital",
        request_id="77",
    )
    assert request.max_transactions == 500
    assert request.min_success_ratio == 0.5
    assert request.since == 1_769_817_600
    assert request.until == 1_800_000_000
    assert request.enrich is False
    assert request.excluded_mints == [WALLETS[0]]
    assert (request.rank_by, request.request_id) == ("capital", "77")


def test_all_faults_come_at_once() -> None:
    fields = faulty(
        wallets=("x", *WALLETS),
        since="yesterday",
        deadline_s="-1",
        rank_by="?",
        request_id="a/b",
        max_pairs="1.5",
        min_success_ratio="NaN",
    )
    assert fields == {
        "wallets.0",
        "since",
        "deadline_s",
        "rank_by",
        "request_id",
        "max_pairs",
        "min_success_ratio",
    }


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(WALLETS),
        "# mine\n" + "\n\n".join(f"  {wallet}  # note" for wallet in WALLETS),
        "\ufeff" + "\r\n".join(WALLETS),
        json.dumps(WALLETS),
        json.dumps({"wallets": WALLETS}),
    ],
)
def test_a_file_of_addresses_comes_in_several_forms(text: str, tmp_path: Path) -> None:
    path = tmp_path / "wallets"
    path.write_text(text, encoding="utf-8")
    assert built(wallets=(), file=str(path)).wallets == list(WALLETS)


@pytest.mark.parametrize("text", ["[1", '{"addresses": []}', '{"wallets": "x"}'])
def test_a_file_that_is_no_list_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "wallets"
    path.write_text(text, encoding="utf-8")
    assert faulty(wallets=(), file=str(path)) == {"--file"}


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    assert faulty(wallets=(), file=str(tmp_path / "nowhere")) == {"--file"}
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert faulty(wallets=(), file=str(tmp_path / "binary")) == {"--file"}


def test_a_json_request_is_taken_whole_and_options_go_over_it(tmp_path: Path) -> None:
    content = {"request_id": "r1", "wallets": list(WALLETS), "max_pairs": 7}
    request = built(wallets=(), request=json.dumps(content), max_pairs="9")
    assert (request.request_id, request.max_pairs) == ("r1", 9)
    path = tmp_path / "request.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert built(wallets=(), request=f"@{path}").max_pairs == 7


@pytest.mark.parametrize("text", ["{", "[]", "3", "", "null"])
def test_a_request_that_is_no_json_object_is_named(text: str) -> None:
    assert faulty(wallets=(), request=text) == {"--request"}


def test_an_unknown_field_of_a_json_request_is_refused() -> None:
    assert faulty(wallets=(), request=json.dumps({"wallets": WALLETS, "colour": 1})) == {"colour"}


@given(st.text(max_size=20).filter(lambda text: "\x00" not in text))
def test_any_text_as_an_option_is_taken_or_named(text: str) -> None:
    try:
        request = built(deadline_s=text)
    except InvalidInputError as error:
        fields = {fault.field for fault in error.faults}
        assert fields == {"deadline_s"}, fields
    else:
        assert request.deadline_s >= 1
