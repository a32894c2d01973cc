"""Somebody who follows only the pages gets there: the commands of tutorials and guides are run, in their order."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.conftest import temporary_folder
from tests.console.test_page import until
from tests.docs.reader import DOCS, TOP, Reader, blocks_of, lines_of
from tests.examples.packages import CLIENTS
from tests.report.chromium import chromium, installed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.examples.packages import Example

DEMO, REQUEST, ALERT = "start/demo.md", "start/request.md", "start/alert.md"
GUIDES: Final = sorted(path.relative_to(DOCS).as_posix() for path in (DOCS / "guides").glob("*.md"))
# Lines of the pages that no test runs, by how they begin, and why.
NOT_RUN: Final = {
    "POSTGRES_PASSWORD=... STREAMPROC_WORKER_PASSWORD=... docker compose": "needs Docker; see tests/checkout",
    "./run conformance": "stands in for the worker that runs here; tests/cli/commands/test_conformance.py runs it",
    "./run check": "is what CI runs beside this test",
    "./run test": "is what runs this test",
    "./run docs": "is run by tests/docs/test_site.py",
    "(cd examples/javascript && npm ci)": "asks a registry; `./run examples --install` does it",
    "(cd examples/python && python3 -m venv": "asks a registry; `./run examples --install` does it",
    "(cd examples/java && mvn": "asks a registry; `./run examples --install` does it",
}
BROWSER: Final = installed()
needs_tools = pytest.mark.skipif(
    not all(map(shutil.which, ("curl", "jq"))), reason="curl or jq is not installed"
)


def is_run(line: str) -> bool:
    """Whether a test runs the line."""
    return not line.startswith(tuple(NOT_RUN))


def test_each_line_that_is_not_run_stands_on_a_page() -> None:
    lines = [
        line
        for page in (DEMO, REQUEST, ALERT, *GUIDES)
        for block in blocks_of(page)
        for line in lines_of(block)
    ]
    unused = {begin for begin in NOT_RUN if not any(line.startswith(begin) for line in lines)}
    assert unused == set()
    assert len(lines) > 40


def first_example() -> Example:
    """The first program of another language whose packages are here."""
    found = [example for example in CLIENTS if example.name != "python" and example.lacks() is None]
    found += [example for example in CLIENTS if example.lacks() is None]
    if not found:
        pytest.skip("no example's packages are installed: ./run examples --install")
    return found[0]


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """A reader whose servers run as the tutorial starts them."""
    with temporary_folder() as folder:
        reading = Reader(folder)
        try:
            for block in blocks_of(REQUEST):
                if block.is_server:
                    reading.start(block)
            yield reading
        finally:
            reading.stop()


@pytest.fixture(scope="module")
def asked(reader: Reader) -> Reader:
    """The reader, who has asked by a program in another language."""
    example = first_example()
    for block in blocks_of(REQUEST):
        lines = [line for line in lines_of(block) if is_run(line) and is_for(line, example)]
        if lines and not block.is_server:
            reader.run("\n".join(lines))
    return reader


def is_for(line: str, example: Example) -> bool:
    """Whether a line is for any reader, or for the one who has chosen this language."""
    named = re.match(r"\(cd examples/(\w+)", line)
    return named is None or named[1] == example.name


@pytest.mark.real
@pytest.mark.slow
def test_the_demo_leads_to_the_report_that_the_page_shows() -> None:
    (block,) = blocks_of(DEMO)
    page = (DOCS / DEMO).read_text("utf-8")
    (verdict,) = re.findall(r"^\d+ of \d+ pairs are more than chance.*$", page, re.MULTILINE)
    with temporary_folder() as folder:
        said = Reader(folder).run(block.commands)
        assert verdict in said
        (report,) = re.findall(r"^report +(\S+\.html)$", said, re.MULTILINE)
        assert verdict.split(",")[0].split(" are ")[0].split(" of ")[0] in Path(report).read_text(
            "utf-8"
        )


@pytest.mark.real
@pytest.mark.slow
@needs_tools
@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed here")
async def test_a_request_from_another_language_is_followed_live_in_the_console(
    reader: Reader, request: pytest.FixtureRequest
) -> None:
    assert BROWSER is not None
    async with chromium(BROWSER, reader.folder / "profile") as tab:
        await tab.open(reader.here("http://localhost:8090/"))
        shown = "document.querySelectorAll('#requests .id').length"
        await until(tab, shown, 0)
        await asyncio.to_thread(request.getfixturevalue, "asked")
        await until(tab, shown, 1)
        await until(tab, "document.querySelector('#requests .completed') !== null", True)
    assert (reader.folder / "report.html").read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.real
@pytest.mark.slow
@needs_tools
@pytest.mark.parametrize(
    "page",
    [
        page
        for page in GUIDES
        if any(map(is_run, [line for block in blocks_of(page) for line in lines_of(block)]))
    ],
)
def test_the_commands_of_a_guide_do_what_it_says(asked: Reader, page: str) -> None:
    for block in blocks_of(page):
        lines = [line for line in lines_of(block) if is_run(line)]
        if lines:
            asked.run("\n".join(lines))


@pytest.mark.real
@pytest.mark.slow
@needs_tools
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")
def test_an_alert_fires_when_the_upstream_is_broken_and_its_page_says_what_to_do(
    asked: Reader,
) -> None:
    watch_closely(asked)
    start, settings, submit, waiting, alert, mend = blocks_of(ALERT)
    asked.start(start)
    for block in (settings, submit):
        asked.run(block.commands)
    asked.until(waiting.commands, "upstream answers 503")
    asked.until(alert.commands, '["UpstreamBroken","firing"]')
    alerts = json.loads(asked.run("curl -s localhost:9090/api/v1/alerts"))["data"]["alerts"]
    (rule,) = [each for each in alerts if each["labels"]["alertname"] == "UpstreamBroken"]
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    text = (TOP / page).read_text("utf-8")
    section = re.split(
        rf"^#+ {anchor.replace('-', ' ')}$", text, flags=re.MULTILINE | re.IGNORECASE
    )[1]
    assert "`UpstreamBroken`" in section
    assert "(#when-the-upstream-is-in-trouble)" in section
    assert "\n## When the upstream is in trouble\n" in text
    asked.run(mend.commands)
    assert '"completed"' in asked.run("curl -s localhost:8090/analyses/night-shift | jq .status")


def watch_closely(reader: Reader) -> None:
    """Prometheus' files, where the page finds them: the same rules, but every second, and held back for two of them."""
    folder = reader.folder / "deploy" / "monitoring"
    shutil.copytree(TOP / "deploy" / "monitoring", folder)
    for name, pattern, instead in (
        ("local.yaml", r"interval: \d+s", "interval: 1s"),
        ("alerts.yaml", r"for: \d+m", "for: 2s"),
    ):
        path = folder / name
        path.write_text(re.sub(pattern, instead, reader.here(path.read_text("utf-8"))), "utf-8")
