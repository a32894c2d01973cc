"""`dlq`: dead letters, looked at, sent again, removed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import click

from streamproc import limits
from streamproc.cli.numbers import FiniteRange
from streamproc.cli.shared.environment import effective_settings
from streamproc.cli.views.near_names import Group
from streamproc.cli.views.output import output_option, print_json, print_table, remark, tell
from streamproc.safety.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.cli.shared.dead_letters import Filters
    from streamproc.cli.shared.records import Placed
    from streamproc.kafka.dead_letters import DeadLetter, Position
    from streamproc.settings import Settings

F = TypeVar("F", bound="Callable[..., object]")
EPILOG = """\b
Examples:
  streamproc dlq list --reason not_json --since 2026-01-31
  streamproc dlq show 3:42
  streamproc dlq replay 3:42 3:43 --dry-run
  streamproc dlq replay --topic analysis-requested --reason handler_failed --rate 10
  streamproc dlq purge 0:17 3:43
  streamproc dlq purge --until 2026-01-31 --dry-run"""
TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
PIECE = 2000  # characters of a value that `show` prints for people


@click.group(cls=Group, epilog=EPILOG)
def dlq() -> None:
    """Look at dead letters, send them again, remove them. A letter is named by partition:offset."""


def filter_options(function: F) -> F:
    """Give a command `--reason`, `--topic`, `--since` and `--limit`."""
    limit = click.IntRange(1, limits.DEAD_LETTERS_MAX)
    function = click.option(
        "--limit",
        type=limit,
        default=limits.DEAD_LETTERS_LISTED,
        show_default=True,
        help="At most so many.",
    )(function)
    since = click.option("--since", type=click.DateTime(TIMES), help="Not older than this (UTC).")
    topic = click.option("--topic", help="Only those that came from this topic.")
    reason = click.option("--reason", help="Only those with this reason.")
    return reason(topic(since(function)))


@dlq.command("list")
@filter_options
@output_option
def list_letters(
    reason: str | None, topic: str | None, since: datetime | None, limit: int, output: str
) -> None:
    """List the dead letters that match all filters."""
    from streamproc.cli.shared.dead_letters import Filters

    filters = Filters(reason, topic, _unix_ms(since))
    letters = _found(effective_settings(store=False), filters, limit)
    if output == "json":
        print_json([letter.as_json(with_value=False) for letter in letters])
        return
    rows = [
        (
            letter.position,
            datetime.fromtimestamp(letter.timestamp_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            letter.reason,
            letter.source,
            (letter.key or b"").decode("utf-8", "replace"),
            "null" if letter.value is None else len(letter.value),
            letter.message,
        )
        for letter in letters
    ]
    print_table(["letter", "at (UTC)", "reason", "from", "key", "bytes>", "message"], rows)
    if len(letters) == limit:
        remark(f"the first {limit}; more with --limit")


@dlq.command()
@click.argument("positions", nargs=-1, required=True, metavar="PARTITION:OFFSET...")
@output_option
def show(positions: tuple[str, ...], output: str) -> int:
    """Show dead letters with all their headers and their value."""
    from streamproc.cli.shared.dead_letters import Filters, parsed_positions

    wanted = parsed_positions(positions)
    letters = _found(effective_settings(store=False), Filters(positions=wanted), len(wanted))
    if output == "json":
        print_json([letter.as_json(with_value=True) for letter in letters])
    else:
        for letter in letters:
            _show(letter)
    return _missed(wanted, letters)


@dlq.command()
@click.argument("positions", nargs=-1, metavar="[PARTITION:OFFSET...]")
@filter_options
@click.option(
    "--rate",
    type=FiniteRange(0.01, 10_000),
    default=limits.REPLAY_PER_S,
    show_default=True,
    help="Records a second.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@output_option
def replay(  # noqa: PLR0917 - click hands over one argument per option
    positions: tuple[str, ...],
    reason: str | None,
    topic: str | None,
    since: datetime | None,
    limit: int,
    rate: float,
    dry_run: bool,  # noqa: FBT001 - as above
    output: str,
) -> int:
    """Send dead letters to the topics that they came from, with their key, value and headers.

    Name letters or give a filter. The letters stay where they are; `purge` removes them.
    """
    from streamproc.cli.shared.dead_letters import Filters, parsed_positions, send_again

    if not (positions or reason or topic or since):
        raise click.UsageError("name letters, or give --reason, --topic or --since")
    wanted = parsed_positions(positions) if positions else None
    limit = max(limit, len(positions))
    settings = effective_settings(store=False)
    letters = _found(settings, Filters(reason, topic, _unix_ms(since), wanted), limit)
    sent: list[dict[str, object]] = []

    def told(letter: DeadLetter, placed: Placed | None = None) -> None:
        to = {} if placed is None else {"partition": placed.partition, "offset": placed.offset}
        sent.append({"letter": str(letter.position), "to": letter.source, **to})

    if dry_run:
        for letter in letters:
            told(letter)
    else:
        asyncio.run(send_again(settings, letters, per_s=rate, told=told))
    _show_sent(sent, dry_run=dry_run, as_json=output == "json")
    return 0 if wanted is None else _missed(wanted, letters)


@dlq.command()
@click.argument("positions", nargs=-1, metavar="[PARTITION:OFFSET...]")
@click.option("--until", type=click.DateTime(TIMES), help="Everything older than this (UTC).")
@click.option("--dry-run", is_flag=True, help="Only say how many would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@output_option
def purge(
    positions: tuple[str, ...], until: datetime | None, *, dry_run: bool, yes: bool, output: str
) -> None:
    """Remove everything in each named partition up to and with that offset; it cannot be taken back.

    It is asked for first, unless --yes is given. Kafka removes from the beginning of a partition only, so no other
    filter is possible.
    """
    from streamproc.cli.shared.dead_letters import (
        count_up_to,
        last_before,
        parsed_positions,
        remove_up_to,
    )

    if not (positions or until):
        raise click.UsageError("name letters, or give --until")
    wanted = parsed_positions(positions)
    settings = effective_settings(store=False)
    until_ms = _unix_ms(until)
    if until_ms is not None:
        wanted |= asyncio.run(last_before(settings, until_ms))
    counts = asyncio.run(count_up_to(settings, wanted))
    if not (dry_run or yes) and any(counts.values()):
        _ask(counts)
    if not dry_run:
        asyncio.run(remove_up_to(settings, wanted))
    if output == "json":
        shown = {str(partition): count for partition, count in sorted(counts.items())}
        print_json({"removed": {} if dry_run else shown, "would_remove": shown if dry_run else {}})
        return
    verb = "would remove" if dry_run else "removed"
    for partition, count in sorted(counts.items()):
        tell(f"partition {partition}: {verb} {count}")


def _ask(counts: dict[int, int]) -> None:
    """Return when somebody says yes; raises ClickException, and nothing is removed, for any other answer or none."""
    where = ", ".join(f"{count} in partition {at}" for at, count in sorted(counts.items()))
    question = f"Remove {sum(counts.values())} dead letters for good ({where})?"
    try:
        is_meant = click.confirm(printable(question), err=True)
    except click.Abort:
        is_meant = False
    if not is_meant:
        raise click.ClickException("nothing was removed; --yes removes without asking")


def _found(settings: Settings, filters: Filters, limit: int) -> list[DeadLetter]:
    """The letters that match, by position."""
    from streamproc.cli.shared.dead_letters import dead_letters

    async def read() -> list[DeadLetter]:
        return [letter async for letter in dead_letters(settings, filters, limit=limit)]

    return sorted(asyncio.run(read()), key=lambda letter: letter.position)


def _unix_ms(since: datetime | None) -> int | None:
    """Unix milliseconds of a UTC time."""
    return None if since is None else int(since.replace(tzinfo=UTC).timestamp() * 1000)


def _show(letter: DeadLetter) -> None:
    """One letter for people: position, headers, the beginning of the value."""
    from streamproc.kafka.dead_letters import text_of

    print_table(
        ["letter", str(letter.position)],
        [("key", letter.key or ""), *((n, text_of(v)) for n, v in letter.headers)],
    )
    value = text_of(letter.value)
    text = (
        "null (a tombstone)"
        if value is None
        else value
        if isinstance(value, str)
        else f"base64 {value['base64']}"
    )
    tell(f"\n{text[:PIECE]}")
    if len(text) > PIECE:
        tell(f"... {len(text) - PIECE} more characters with --output json")
    tell("")


def _show_sent(sent: list[dict[str, object]], *, dry_run: bool, as_json: bool) -> None:
    """What was or would be sent."""
    if as_json:
        print_json({"dry_run": dry_run, "sent": sent})
        return
    for row in sent:
        place = f" {row['partition']}:{row['offset']}" if "offset" in row else ""
        tell(f"{row['letter']} -> {row['to']}{place}")
    remark(f"{len(sent)} {'would be sent' if dry_run else 'sent'}")


def _missed(wanted: frozenset[Position], letters: list[DeadLetter]) -> int:
    """1 and a line for each named letter that is not there, else 0."""
    missed = wanted - {letter.position for letter in letters}
    for position in sorted(missed):
        remark(f"no dead letter at {position}")
    return 1 if missed else 0
