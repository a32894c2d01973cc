"""Text from elsewhere, made harmless before a person sees it: on a terminal, in a log line, on a page.

What a producer, the chain or an upstream wrote may hold sequences that move a terminal's cursor, set its title or its
clipboard, or turn the direction of the text around. Such characters are shown by their number instead of being obeyed.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_SPACES: Final = "Zs"  # of any width: they move nothing
_BASIC: Final = 0xFFFF
_BYTE: Final = 0xFF


def printable(text: str, *, keep_lines: bool = False) -> str:
    r"""The text with every character that is not plainly visible as `\x1b`, `\u202e` or `\U000e0001`.

    That are controls (C0, C1, DEL), what formats or turns text (bidi, zero width, tags), lone surrogates, and line
    ends other than `\n` with `keep_lines`. Printable text comes back unchanged.
    """
    if text.isprintable():
        return text
    if keep_lines:
        return "\n".join(printable(line) for line in text.split("\n"))
    return "".join(each if _is_harmless(each) else _escaped(each) for each in text)


def printable_json(text: str) -> str:
    r"""JSON with the same characters as `\uXXXX`, so that it says the same and a terminal obeys none of it."""
    if text.isprintable():
        return text
    if "\n" in text:
        return "\n".join(printable_json(line) for line in text.split("\n"))
    return "".join(each if _is_harmless(each) else _escaped_json(each) for each in text)


def _is_harmless(character: str) -> bool:
    """Whether a character is visible, or a space of some width."""
    return character.isprintable() or unicodedata.category(character) == _SPACES


def _escaped(character: str) -> str:
    """A character by its number, as Python writes it."""
    number = ord(character)
    if number <= _BYTE:
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}.get(character, f"\\x{number:02x}")
    return f"\\u{number:04x}" if number <= _BASIC else f"\\U{number:08x}"


def _escaped_json(character: str) -> str:
    """A character by its number, as JSON writes it: two surrogates above the basic plane."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
