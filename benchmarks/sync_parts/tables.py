"""What was measured, as tables of Markdown for people and as lines of JSON for programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import orjson

from streamproc.cli.views.markdown import table

if TYPE_CHECKING:
    from pathlib import Path

    from sync_parts.bound import Bound, Least
    from sync_parts.run import Run
    from sync_parts.speeds import Speeds, Steps

    from streamproc.json_types import Json

COLUMNS: Final = (
    *("what", "seconds", "bound", "ratio", "with storing", "calls", "least", "credits", "least"),
    *("repeated pages", "429s", "calls in a second", "stall ms", "MB worker", "MB with pool"),
    "sandbox",
)


class Report:
    """Prints tables, and keeps what they say as JSON when there is a file for it."""

    def __init__(self, file: Path | None) -> None:
        """Nothing is measured yet."""
        self._file = file
        self._rows: list[list[str]] = []

    def say(self, text: str) -> None:
        """A paragraph."""
        print(f"{text}\n", flush=True)

    def speeds(self, speeds: Speeds, decoded: float, in_clear: float) -> None:
        """Part a."""
        rows = [
            ["reading, entries made", f"{speeds.read:.0f}"],
            ["zlib + orjson + dicts, the same entries", f"{speeds.plain:.0f}"],
            ["ratio", f"{speeds.read / speeds.plain:.2f}"],
            ["zlib + orjson alone, nothing computed", f"{decoded:.0f}"],
            ["storing, Postgres' CPU included", f"{speeds.stored:.0f}"],
            ["reading and storing", f"{speeds.read_and_stored:.0f}"],
            ["bytes of a transaction", f"{in_clear:.0f}, {speeds.size:.0f} compressed"],
            ["loopback", f"{speeds.bytes_s / 1e6:.0f} MB/s"],
        ]
        self.say(table(["(a) on one core", "transactions/s"], rows))
        self._keep({"part": "a", "decoded": decoded, "in_clear": in_clear, **speeds._asdict()})

    def steps(self, speeds: Speeds, steps: Steps) -> None:
        """What part a's reading consists of."""
        ours, plain = 1e6 / speeds.read, 1e6 / speeds.plain
        left = ours - steps.unpacked - steps.ruled
        plain_left = plain - steps.plain_unpacked - steps.ruled
        rows = [
            ["unpacking", f"{steps.unpacked:.1f}", f"{steps.plain_unpacked:.1f}"],
            ["decoding, to what changed", f"{left:.1f}", f"{plain_left:.1f}"],
            ["rules of the ledger", f"{steps.ruled:.1f}", f"{steps.ruled:.1f}"],
            ["reading", f"{ours:.1f}", f"{plain:.1f}"],
        ]
        self.say(table(["(a) microseconds of a transaction", "ours", "the obvious way"], rows))
        self._keep({"part": "a, steps", **steps._asdict()})

    def run(self, part: str, name: str, run: Run, bound: Bound, fewest: Least) -> None:
        """A row of the present part's table."""
        ratio = run.took_s / bound.least_s if bound.least_s else None
        cores = os.cpu_count() or 1
        sandbox = run.sandbox_cpu_s / run.took_s / cores
        self._rows.append(
            [
                name,
                f"{run.took_s:.2f}",
                f"{bound.least_s:.2f}",
                "" if ratio is None else f"{ratio:.2f}",
                f"{bound.storing:.2f}",
                f"{run.calls}",
                f"{fewest.calls}",
                f"{run.credits}",
                f"{fewest.credits}",
                f"{run.repeats}",
                f"{run.refused}",
                f"{run.peak_rate}",
                f"{1000 * run.stall_s:.0f}",
                f"{run.alone_mb:.0f}",
                f"{run.together_mb:.0f}",
                f"{100 * sandbox:.0f} %",
            ]
        )
        self._keep(
            {
                "part": part,
                "name": name,
                **run._asdict(),
                "least_s": bound.least_s,
                "ratio": ratio,
                "bound": bound._asdict(),
                "least_calls": fewest.calls,
                "least_credits": fewest.credits,
                "sandbox_share": sandbox,
            }
        )

    def end_part(self, title: str) -> None:
        """Print the part's table."""
        print(f"{title}\n")
        self.say(table(COLUMNS, self._rows))
        self._rows = []

    def _keep(self, content: Json) -> None:
        """Add a line of JSON."""
        if self._file is not None:
            with self._file.open("ab") as lines:
                lines.write(orjson.dumps(content) + b"\n")
