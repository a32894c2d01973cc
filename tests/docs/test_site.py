"""The site: pages in their place, links that lead somewhere, and a build in which every warning is an error."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import yaml

from streamproc.contract.schemas import fields_of
from website.contract import event_pages, read_contract
from website.links import rewritten
from website.stage import BrokenLinkError, Stage

TOP: Final = Path(__file__).parents[2]
LOADED: Final = re.compile(r'<(?:script|img|iframe|source|audio|video)\b[^>]*\bsrc="([^"]*)"')
STYLES: Final = re.compile(r'<link\b[^>]*\brel="(?:stylesheet|preconnect|preload|icon)"[^>]*>')
HAS_MKDOCS: Final = importlib.util.find_spec("mkdocs") is not None


def find(path: str, anchor: str) -> str:
    """Where the site has a file of the checkout."""
    return {"docs/b.md": "in/b.md", "top.yaml": "files/top.yaml"}[path] + (
        f"#{anchor}" if anchor else ""
    )


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("[b](b.md)", "[b](../in/b.md)"),
        ("[b](./b.md#part)", "[b](../in/b.md#part)"),
        ("[top](../top.yaml)", "[top](../files/top.yaml)"),
        ("![b](b.md)", "![b](../in/b.md)"),
        ("[here](#part)", "[here](#part)"),
        ("[out](https://example.org/b.md)", "[out](https://example.org/b.md)"),
        ("```sh\n[b](b.md)\n```", "```sh\n[b](b.md)\n```"),
    ],
)
def test_a_link_leads_from_the_pages_new_place_to_where_its_target_lies(
    link: str, wanted: str
) -> None:
    assert rewritten(link, source="docs/a.md", place="other/a.md", find=find) == wanted


def test_each_field_of_each_schema_stands_on_its_events_page() -> None:
    pages = dict(event_pages(TOP, read_contract(TOP)))
    folder = TOP / "schemas"
    schemas = {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}
    assert {Path(place).stem for place in pages} == set(schemas) - {"AnalysisCompleted"}
    for place, text in pages.items():
        for _, name, field in fields_of(schemas[Path(place).stem]):
            row = re.compile(rf"^\| `{name}(?:\[\]|{{}})?` \|.*$", re.MULTILINE)
            meaning = field["description"].replace("|", "\\|").replace("\n", " ")
            assert any(meaning in each for each in row.findall(text)), f"{place}: {name}"


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    for path in ("docs", "schemas", "website"):
        (tmp_path / path).mkdir()
    for path in ("asyncapi.yaml", "docs/events.md"):
        (tmp_path / path).write_text("channels: {}\n")
    for path in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "examples/README.md"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("[there](docs/gone.md)\n")
    with pytest.raises(BrokenLinkError, match=r"SECURITY\.md: links to docs/gone\.md"):
        Stage(tmp_path, tmp_path / "pages").lay_out()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    if not HAS_MKDOCS:
        pytest.skip("the packages of requirements-docs.lock are not installed: ./run docs")
    folder = tmp_path_factory.mktemp("docs") / "site"
    program = [sys.executable, "-m", "website", "--into", str(folder)]
    done = subprocess.run(program, cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        text = page.read_text("utf-8")
        asked = [
            *LOADED.findall(text),
            *re.findall(r'href="([^"]*)"', " ".join(STYLES.findall(text))),
        ]
        assert [url for url in asked if "//" in url] == [], page


@pytest.mark.slow
def test_the_search_knows_every_page(site: Path) -> None:
    index = json.loads((site / "search/search_index.json").read_text("utf-8"))
    found = {entry["location"].partition("#")[0] for entry in index["docs"]}
    pages = {page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    assert pages - {"404.html"} <= found


@pytest.mark.slow
def test_the_files_of_the_contract_can_be_had_from_the_site(site: Path) -> None:
    assert yaml.safe_load((site / "files/asyncapi.yaml").read_text("utf-8"))["asyncapi"] == "3.0.0"
    assert (site / "files/schemas/AnalysisCompleted.json").is_file()
