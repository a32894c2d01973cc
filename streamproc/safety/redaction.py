"""Secrets out of finished sentences, in every spelling from which they can be read back.

A sentence is redacted when it is whole and before it is cut: half a secret at the cut end would be no match any more.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK: Final = "**********"
SHORTEST_SECRET: Final = 4  # characters; masking a shorter one would mask ordinary words
LONGEST_SECRET: Final = (
    512  # characters that are looked for; a longer one is found by its beginning
)
TELLING_PART: Final = 8  # characters of a secret's beginning that a cut text may not end with
_KEPT: Final = 64  # patterns; an installation has a handful of secrets
_ESCAPES: Final = re.compile(
    r"[%\\&]"
)  # one of them begins every escape in which a secret is looked for
# Of any owner: what stands before the @ of an address, and the values of telling parameters.
_WORD: Final = re.compile(r"""[^\s"'<>]+""")
_PARAMETER: Final = re.compile(
    r"""\b((?:api[-_]?key|access[-_]?token|auth[-_]?token|token|secret|(?:ssl)?password|passwd|passfile)
    (?:=|%3d))[^&\s"'<>\#,;)]+""",
    re.IGNORECASE | re.VERBOSE,
)


class Redaction:
    """The secrets of an installation; `redacted` is its one use."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Look for these; shorter ones than `SHORTEST_SECRET` are left alone."""
        found = {secret[:LONGEST_SECRET] for secret in secrets if len(secret) >= SHORTEST_SECRET}
        # A longer one first: it may begin with a shorter one.
        self._secrets = sorted(found, key=len, reverse=True)

    def redacted(self, text: str) -> str:
        """The text with every secret hidden: plain, in any case, escaped as a whole or in part, in hex or base64.

        So is in every address, whose secrets nobody named, what stands before its @ and in telling parameters.
        """
        # A pattern with all escapes takes ten times as long to make, and most texts have none.
        pattern_of = _pattern if _ESCAPES.search(text) else _plain_pattern
        for secret in self._secrets:
            text = pattern_of(secret).sub(MASK, text)
        return _PARAMETER.sub(rf"\1{MASK}", _WORD.sub(_without_userinfo, text))


def redacted(text: str, secrets: Iterable[str]) -> str:
    r"""The text without the secrets.

    >>> redacted("GET /?api-key=s3cret%2Dkey", ["s3cret-key"])
    'GET /?api-key=**********'
    >>> redacted(r"said \u0073\u0033cret-key, 73336372 65742d6b6579", ["s3cret-key"])
    'said **********, **********'
    """
    return Redaction(secrets).redacted(text)


def _without_userinfo(word: re.Match[str]) -> str:
    """A word whose part between the first :// and the last @ is hidden: a password may hold any sign."""
    before, found, rest = word[0].partition("://")
    _, at, after = rest.rpartition("@")
    return f"{before}://{MASK}@{after}" if found and at else word[0]


@lru_cache(maxsize=_KEPT)
def _pattern(secret: str) -> re.Pattern[str]:
    """What matches the secret however it is spelled, and its beginning where a text ends."""
    return _matching(secret, [_spelled(character) for character in secret])


@lru_cache(maxsize=_KEPT)
def _plain_pattern(secret: str) -> re.Pattern[str]:
    """The same for a text without escapes."""
    return _matching(secret, [re.escape(character) for character in secret])


def _matching(secret: str, units: list[str]) -> re.Pattern[str]:
    """What matches these spellings of its characters, or all of it in hex or base64."""
    spellings = [
        "".join(units),
        r"[\s:_-]?".join(f"{byte:02x}" for byte in secret.encode()),
        *map(re.escape, _in_base64(secret.encode())),
    ]
    if len(secret) > TELLING_PART:
        spellings.append(_beginning(units))
    return re.compile("|".join(f"(?:{each})" for each in spellings), re.IGNORECASE)


def _spelled(character: str) -> str:
    """A character as it stands, or as URLs, JSON, HTML, Python and C escape it; once more escaped as well."""
    code = ord(character)
    escapes = [
        ("" if character.isalnum() else r"\\{0,2}") + re.escape(character),  # JSON's \/
        "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in character.encode()),
        rf"\\{{1,4}}(?:u\{{?0{{0,6}}{code:x}\}}?|x{code:02x}|U{code:08x}|0?{code:03o})",
        rf"(?:&(?:amp;){{0,2}}#(?:0{{0,6}}{code}|x0{{0,6}}{code:x});?)",
    ]
    return f"(?:{'|'.join(escapes)})"


def _beginning(units: list[str]) -> str:
    """The first characters, as many as there are before the end of the text, where somebody has cut it."""
    rest = ""
    for unit in reversed(units[TELLING_PART:-1]):
        rest = f"(?:{unit}{rest})?"
    return "".join(units[:TELLING_PART]) + rest + r"(?:…|\.{3})?$"


def _in_base64(secret: bytes) -> set[str]:
    """The characters that a secret becomes inside a longer text, which may begin at any of three places."""
    found = set()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + secret).decode()
        first = -(-before * 8 // 6)  # the first character that has no bit of what stands before
        last = (before + len(secret)) * 8 // 6  # those after it have bits of what follows
        inner = whole[first:last]
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {each for each in found if len(each) >= TELLING_PART}
