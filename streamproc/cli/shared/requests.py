"""A request from the command line's arguments: addresses from anywhere, every option, all faults at once."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click
import orjson

from streamproc import limits
from streamproc.errors import DeadLetterError, Fault, InvalidInputError

if TYPE_CHECKING:
    from streamproc.events import AnalysisRequested

F = TypeVar("F", bound=Callable[..., object])

# Every option of a request beside its wallets: flag, and what it says. Values are checked by the model, all at once.
OPTIONS: Final = (
    ("--max-transactions", "Newest N transactions per wallet; without it the full history."),
    ("--since", "Count from this time on: unix seconds or 2026-01-31[T12:00:00]."),
    ("--until", "Count up to this time, inclusive; as --since."),
    ("--min-success-ratio", "Share of wallets that must be analyzed, 0 to 1."),
    ("--deadline-s", "Seconds after which the request expires."),
    ("--max-age-s", "A wallet synced at most so many seconds ago is not synced again."),
    ("--credit-budget", "Upstream credits that the request may spend."),
    ("--rank-by", "Score that orders the pairs: idf, binary, capital, jaccard, ..."),
    ("--tenant", "Whose quotas and share of the places count, 1 to 64 of A-Za-z0-9._-."),
    ("--max-pairs", "Most pairs in the result's event."),
    ("--max-tokens-per-wallet", "Most token rows of each wallet in the result's event."),
)
TIMES: Final = frozenset({"since", "until", "before"})
# A cohort in place of wallets, by flag.
COHORT_OPTIONS: Final = (
    ("--holders-of", "MINT", "In place of wallets: the largest holders of this token."),
    (
        "--first-buyers-of",
        "MINT",
        "In place of wallets: the first buyers of this token, --before a time.",
    ),
    (
        "--count",
        "N",
        "Of --holders-of and --first-buyers-of: how many, 1 to 1000 (100 when not given).",
    ),
    ("--before", "TIME", "Of --first-buyers-of: as --since; now when not given."),
)
COHORT_COUNT: Final = 100
_TEXTS: Final = frozenset({"request_id", "rank_by", "tenant", "holders_of", "first_buyers_of"})


def request_options(function: F) -> F:
    """Give a command every option of a request."""
    function = click.option(
        "--enrich/--no-enrich", default=None, help="Names and prices of mints."
    )(function)
    function = click.option(
        "--include-oversized/--no-include-oversized",
        default=None,
        help="Fetch balances of wallets with more than 10 000 token accounts too.",
    )(function)
    function = click.option(
        "--excluded-mint",
        "excluded_mints",
        multiple=True,
        metavar="MINT",
        help="A mint to leave out of the comparison; repeatable; replaces the default list.",
    )(function)
    for flag, value, what in reversed(COHORT_OPTIONS):
        function = click.option(flag, metavar=value, help=what)(function)
    for flag, what in reversed(OPTIONS):
        function = click.option(flag, metavar="VALUE", help=what)(function)
    return click.option("--request-id", help="1 to 64 of A-Za-z0-9._- (made up when not given).")(
        function
    )


def build_request(
    wallets: tuple[str, ...], file: str | None, request: str | None, **options: object
) -> AnalysisRequested:
    """The validated request: `request` (JSON) first, then `file` and `wallets` or a cohort, then options over it.

    Raises InvalidInputError with every fault at once; `request_id` is made up when none is given.
    """
    from streamproc.events import AnalysisRequested
    from streamproc.intake import validated

    content = _request_json(request) if request is not None else {}
    given = [*_addresses(file), *wallets] if file is not None else list(wallets)
    if given:
        content["wallets"] = given
    named = {
        name: _value(name, value) for name, value in options.items() if value not in (None, ())
    }
    if (cohort := _cohort(named)) is not None:
        content["cohort"] = cohort
    content |= named
    content.setdefault("request_id", new_request_id())
    return validated(AnalysisRequested, content)


def _cohort(named: dict[str, object]) -> dict[str, object] | None:
    """The cohort that options name, which are taken out of `named`; None when none does.

    Raises InvalidInputError for options of a cohort that go with none, or with another.
    """
    holders, buyers = named.pop("holders_of", None), named.pop("first_buyers_of", None)
    count, before = named.pop("count", None), named.pop("before", None)
    if holders is not None and buyers is not None:
        rule = "must not stand beside --holders-of: one cohort a request"
        raise InvalidInputError([Fault("--first-buyers-of", str(buyers), rule)])
    if holders is None and buyers is None:
        lost = {"--count": count, "--before": before}
        rule = "needs --holders-of or --first-buyers-of"
        faults = [Fault(name, str(each), rule) for name, each in lost.items() if each is not None]
        if faults:
            raise InvalidInputError(faults)
        return None
    if buyers is not None and before is None:
        before = int(time.time())
    return {
        "mint": holders if buyers is None else buyers,
        "kind": "holders" if buyers is None else "first_buyers",
        "count": COHORT_COUNT if count is None else count,
        "before": before,
    }


def checked_id(request_id: str) -> str:
    """The id, which a request can have; raises InvalidInputError for any other, of which nobody will ever hear."""
    from streamproc.events import REQUEST_ID_PATTERN
    from streamproc.faults import quoted

    if REQUEST_ID_PATTERN.fullmatch(request_id) is None:
        rule = f"must match ^{REQUEST_ID_PATTERN.pattern}$"
        raise InvalidInputError([Fault("request_id", quoted(request_id), rule)])
    return request_id


def is_named(request: str | None, options: Mapping[str, object]) -> bool:
    """Whether the sender chose the request's id, so that it may be taken."""
    return options.get("request_id") is not None or request is not None


def new_request_id(prefix: str = "cli") -> str:
    """A request id that nobody else has."""
    return f"{prefix}-{secrets.token_hex(5)}"


def _value(name: str, text: object) -> object:
    """An option's value as JSON has it; what is no number stays text, for the model to refuse."""
    if isinstance(text, tuple):
        return list(text)
    if not isinstance(text, str) or name in _TEXTS:
        return text
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return _unix_time(text) if name in TIMES else text


def _unix_time(text: str) -> int | str:
    """Unix seconds of an ISO time, UTC unless it says otherwise; the text itself when it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _request_json(text: str) -> dict[str, object]:
    """The JSON object given as text, as `@FILE`, or as `-` (standard input)."""
    from streamproc.intake import parsed

    source = (
        _read(text.removeprefix("@"), "--request") if text.startswith("@") or text == "-" else text
    )
    try:
        content = parsed(source)
    except (DeadLetterError, RecursionError) as error:
        raise InvalidInputError(
            [Fault("--request", _quoted(source), f"must be JSON: {error}")]
        ) from None
    if not isinstance(content, dict):
        raise InvalidInputError([Fault("--request", _quoted(source), "must be a JSON object")])
    return content


def _addresses(path: str) -> list[str]:
    """The addresses of a file: one a line with `#` comments, or a JSON list, or a JSON object with `wallets`."""
    text = _read(path, "--file")
    if text.lstrip()[:1] in {"[", "{"}:
        try:
            content = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise InvalidInputError([Fault("--file", path, f"must be JSON: {error}")]) from None
        found = content.get("wallets") if isinstance(content, dict) else content
        if not isinstance(found, list):
            raise InvalidInputError([Fault("--file", path, "must hold a list of addresses")])
        return found
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def _read(path: str, option: str) -> str:
    """A file's text, or standard input's for `-`; raises InvalidInputError naming the option."""
    try:
        if path == "-":
            return sys.stdin.read()
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            [Fault(option, path, f"must be a readable text file: {error}")]
        ) from None


def _quoted(text: str) -> str:
    """The beginning of a wrong text."""
    return repr(text[: limits.FAULT_VALUE_MAX_CHARACTERS])
