"""Nothing that a terminal obeys, or that turns or hides text, is left in what people are shown."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.safety.printable import printable, printable_json

ANY_TEXT = st.text(st.characters(exclude_categories=()))
OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b]0;TITLE\x07", "\\x1b]0;TITLE\\x07"),
        ("\x1b[31mRED", "\\x1b[31mRED"),
        ("\x1b]52;c;SE9T\x07", "\\x1b]52;c;SE9T\\x07"),
        ("\u202edrow", "\\u202edrow"),
        ("\x9b2J", "\\x9b2J"),
        ("a\r\nb\tc\x7f", "a\\r\\nb\\tc\\x7f"),
        ("\ud800", "\\ud800"),
        ("\u2066a\u2069\u200f\u061c\u200b\ufeff", "\\u2066a\\u2069\\u200f\\u061c\\u200b\\ufeff"),
        ("\U000e0041", "\\U000e0041"),
        ("a\u2028b", "a\\u2028b"),
        ("plain, ünïcode, 漢字, 🐕, a\u00a0b", "plain, ünïcode, 漢字, 🐕, a\u00a0b"),
    ],
)
def test_what_is_not_plainly_visible_is_shown_by_its_number(raw: str, shown: str) -> None:
    assert printable(raw) == shown


def test_line_ends_stay_where_they_are_wanted_and_nothing_else() -> None:
    assert printable("a\n\x1bb\r\n", keep_lines=True) == "a\n\\x1bb\\r\n"


@given(ANY_TEXT)
def test_no_obeyed_character_is_ever_left(text: str) -> None:
    shown = printable(text)
    assert not any(unicodedata.category(each) in OBEYED for each in shown)
    shown.encode("utf-8")
    assert printable(shown) == shown


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_json_means_the_same_and_holds_nothing_obeyed(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    shown = printable_json(text)
    assert json.loads(shown) == value
    assert not any(unicodedata.category(each) in OBEYED for each in shown.replace("\n", ""))
