"""CONTRIBUTING's recipes name every file that a change of their kind touches: what there is today is looked up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from streamproc.core.pnl.records import WalletPnl
from streamproc.events import SCORES

TOP: Final = Path(__file__).parents[2]
TEXT: Final = (TOP / "CONTRIBUTING.md").read_text("utf-8")
RECIPES: Final = dict(
    re.findall(
        r"^\*\*([^*]+)\.\*\*(.*?)(?=^\*\*|^## )",
        TEXT.split("## Recipes")[1],
        re.DOTALL | re.MULTILINE,
    )
)
FILE: Final = re.compile(r"`([\w/.]+\.(?:py|yaml|md|toml))`")
PUBLISHED: Final = re.compile(r"streamproc/(core|result)/")  # where every figure stands by its name
# What was once added by each recipe, by the words that only it brought into the code.
ADDED: Final = {
    "Add a figure to a wallet": ["std_closed_lamports"],
    "Add a score": ["held_traded_jaccard"],
    "Add an event": ["BalancesFetched"],
    "Add an agent": ["balances_handler"],
    "Add a price source": ["dexscreener_url"],
    "Add a way of listing": ["RpcHistory", "history_source"],
}


def listed(recipe: str) -> set[str]:
    """The files that a recipe names, below the top of a checkout."""
    return set(FILE.findall(RECIPES[recipe]))


def files_with(words: list[str]) -> set[str]:
    """The files of the code in which one of these words stands."""
    word = re.compile(rf"\b(?:{'|'.join(words)})\b")
    places = [*(TOP / "streamproc").rglob("*.py"), TOP / "topics.yaml"]
    return {str(path.relative_to(TOP)) for path in places if word.search(path.read_text("utf-8"))}


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_files_that_a_recipe_names_exist(recipe: str) -> None:
    assert {name for name in listed(recipe) if not (TOP / name).is_file()} == set()


@pytest.mark.parametrize("recipe", ADDED)
def test_a_recipe_names_every_file_that_what_was_added_by_it_stands_in(recipe: str) -> None:
    found = files_with(ADDED[recipe])
    assert found
    assert found - listed(recipe) == set()


@pytest.mark.parametrize("score", SCORES)
def test_a_score_is_everywhere_that_its_recipe_says(score: str) -> None:
    places = listed("Add a score") - {"streamproc/core/similarity/nulls.py"}  # some are never null
    assert places
    lacking = {name for name in places if score not in (TOP / name).read_text("utf-8")}
    assert lacking == set(), f"{score} is missing there"


@pytest.mark.parametrize("figure", WalletPnl.__annotations__)
def test_a_figure_of_a_wallet_is_everywhere_that_its_recipe_says(figure: str) -> None:
    places = {name for name in listed("Add a figure to a wallet") if PUBLISHED.match(name)}
    assert len(places) == 3
    lacking = {name for name in places if figure not in (TOP / name).read_text("utf-8")}
    assert lacking == set(), f"{figure} is missing there"
