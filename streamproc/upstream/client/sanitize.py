"""What comes from outside, made fit for figures, the store and people's eyes: here, and nowhere else.

Bytes that are nearly JSON are mended, texts lose what nobody can see, numbers off their scale are unknown.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from msgspec import structs

from streamproc import limits
from streamproc.core.chain.solana import is_address
from streamproc.core.ledger.entries import Unreadable
from streamproc.core.ledger.packed import packed, packed_page
from streamproc.errors import UpstreamInconsistentError, UpstreamUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from streamproc.core.ledger.entries import Entry, Page
    from streamproc.core.ledger.packed import PackedPage

CHAIN_BEGAN: Final = 1_577_836_800  # 2020-01-01: before the first block
DAY_S: Final = 86_400
DECIMALS_MAX: Final = 255  # a byte on the chain
AMOUNT_MAX: Final = (
    2**128
)  # 64 bits on the chain; no sum of as many has more digits than can be written
# Controls, surrogates, and what is not seen but changes how the rest is: marks of direction, joiners, tags.
_UNSEEN: Final = frozenset({"Cc", "Cs", "Cf", "Zl", "Zp"})
_JOINERS: Final = "\u200c\u200d"  # of letters and of emoji: what they join would fall apart
_CONTROLS: Final = bytes(range(32))
_ESCAPE: Final = re.compile(
    rb"\\(?:u(?:(?P<pair>[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?P<lone>[dD][89a-fA-F][0-9a-fA-F]{2})|[0-9a-fA-F]{4})|.)",
    re.DOTALL,
)
_NO_NUMBER: Final = re.compile(rb"(?<=[:,\[])(\s*)(?:NaN|-?Infinity)\b")


def mended(body: bytes | bytearray) -> bytes:
    r"""JSON as some write it, as it should be: lone surrogates, raw controls, bad UTF-8, NaN and a byte order mark.

    >>> mended(b'\xef\xbb\xbf{"a":"x\\ud800\x00y\xff","b":NaN}').decode()
    '{"a":"x\\ufffd y�","b":null}'
    """
    if body.count(b"\\") > limits.ANSWER_VALUES_MAX:
        raise UpstreamUnavailableError("the answer cannot be read, and is full of escapes")
    text = bytes(body).decode("utf-8-sig", "replace").encode()
    text = text.translate(bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS)))
    text = _ESCAPE.sub(lambda found: rb"\ufffd" if found["lone"] else found[0], text)
    return _NO_NUMBER.sub(rb"\1null", text)


def words(text: object) -> str | None:
    r"""A name as it may be shown: no NUL, controls, marks of direction or lone surrogates, at most 64 characters.

    >>> words("a\x00b \x1b[31m\u202eRED\ud800"), words("\x00 "), words(7)
    ('ab [31mRED', None, None)
    """
    if not isinstance(text, str):
        return None
    head = text[: 4 * limits.NAME_MAX_CHARACTERS]  # a name of a megabyte is not looked at for long
    seen = (each for each in head if each in _JOINERS or unicodedata.category(each) not in _UNSEEN)
    return "".join(seen).replace("\ufffd", "").strip()[: limits.NAME_MAX_CHARACTERS].strip() or None


def link(text: object) -> str | None:
    """A link to an image that a page may load, by http or https; None for any other.

    >>> link("https://example.org/a.png"), link("javascript:alert(1)"), link("https://")
    ('https://example.org/a.png', None, None)
    """
    if (
        not isinstance(text, str)
        or len(text) > limits.LINK_MAX_CHARACTERS
        or not text.isprintable()
    ):
        return None
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return None
    return text if is_whole and not set(text) & set(" <>\"'`\\") else None


def decimals(value: object) -> int | None:
    """A mint's decimals, 0 to 255; None for anything else.

    >>> decimals(6), decimals(-1), decimals(256), decimals(True), decimals("6")
    (6, None, None, None, None)
    """
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 <= value <= DECIMALS_MAX else None  # type: ignore[return-value, operator] # checked


def amount(value: object, most: float) -> float | None:
    """A number of dollars, given as one or as text, from 0 to `most`; None for anything else.

    >>> amount("1.5", 9), amount(True, 9), amount("nan", 9), amount(10**400, 9), amount(-1, 9)
    (1.5, None, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and 0 <= number <= most else None


def plausible(page: Page, now: float) -> Page:
    """The page without what no chain has: times before 2020 or after tomorrow, decimals off their scale.

    Who pays or stands opposite and is no address is not known; a transaction of such a mint, or of an amount off the
    scale, cannot be read.
    """
    latest, odd = now + DAY_S, _odd_addresses(page.entries)
    entries, unreadable = [], list(page.unreadable)
    for entry in page.entries:
        if odd and not odd.isdisjoint(_mints(entry)):
            unreadable.append(Unreadable(entry.signature, entry.slot, "a mint is no address"))
            continue
        if not all(-AMOUNT_MAX < each < AMOUNT_MAX for each in _figures(entry)):
            unreadable.append(Unreadable(entry.signature, entry.slot, "an amount is none"))
            continue
        known = _without(entry, odd) if odd else entry
        if known.time is not None and not CHAIN_BEGAN <= known.time <= latest:
            known = structs.replace(known, time=None)
        entries.append(known)
    return replace(
        page,
        entries=tuple(entries),
        decimals=known_decimals(page.decimals),
        unreadable=tuple(unreadable),
    )


def plausible_packed(page: Page, wallet: str, now: float) -> PackedPage:
    """The same as bytes; what cannot be kept as such (a signature, slot or place that is none) cannot be read."""
    page = plausible(page, now)
    try:
        return packed_page(page, wallet)
    except (UpstreamInconsistentError, ValueError):
        return packed_page(fitting(page, wallet), wallet)


def fitting(page: Page, wallet: str) -> Page:
    """The page with each entry tried on its own: those that cannot be kept cannot be read."""
    entries, unreadable = [], list(page.unreadable)
    for entry in page.entries:
        try:
            packed([entry], wallet)
        except (UpstreamInconsistentError, ValueError):
            reason = "its signature or place is none"
            unreadable.append(Unreadable(entry.signature, entry.slot, reason))
        else:
            entries.append(entry)
    return replace(page, entries=tuple(entries), unreadable=tuple(unreadable))


def known_decimals(found: Mapping[str, int]) -> dict[str, int]:
    """The decimals that are some, by mint."""
    return {mint: each for mint, each in found.items() if decimals(each) is not None}


def _without(entry: Entry, odd: set[str]) -> Entry:
    """The entry without payer and counterparty that are none."""
    counterparty = None if entry.counterparty in odd else entry.counterparty
    payer = "" if entry.fee_payer in odd else entry.fee_payer
    return structs.replace(entry, counterparty=counterparty, fee_payer=payer)


def _mints(entry: Entry) -> Iterator[str]:
    """The mints of an entry."""
    if entry.routed_quote is not None:
        yield entry.routed_quote[0]
    for mint, _ in entry.deltas:
        yield mint


def _figures(entry: Entry) -> Iterator[int]:
    """Every amount of an entry that figures are made of."""
    yield from (entry.sol_delta, entry.network_fee, entry.tips, entry.rent)
    for _, units in entry.deltas:
        yield units


def _addresses(entry: Entry) -> Iterator[str]:
    """Every address that an entry keeps."""
    yield entry.fee_payer
    if entry.counterparty is not None:
        yield entry.counterparty
    yield from _mints(entry)


def _odd_addresses(entries: Iterable[Entry]) -> set[str]:
    """Those of the entries' addresses that are none; there are hardly ever any."""
    return {
        each
        for each in {found for entry in entries for found in _addresses(entry)}
        if not _is_address(each)
    }


@lru_cache(maxsize=limits.MINTS_REMEMBERED)
def _is_address(text: str) -> bool:
    """As `is_address`, remembered: the same few mints and payers come time and again."""
    return is_address(text)
