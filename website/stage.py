"""The site before MkDocs: each page of the checkout, the generated ones, and all files that they link to."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any, Final

import yaml

from website.contract import EVENTS, event_pages, read_contract, topics_table
from website.links import rewritten
from website.pictures import inlined

if TYPE_CHECKING:
    from pathlib import Path

# Pages that lie elsewhere in the checkout than in the site.
MOVED: Final = {
    "README.md": "index.md",  # the front door of the checkout; the site has its own
    "docs/events.md": "contract/index.md",
    "CONTRIBUTING.md": "inside/contributing.md",
    "CHANGELOG.md": "inside/changelog.md",
    "SECURITY.md": "security.md",
    "examples/README.md": "guides/examples.md",
}
FILES: Final = "files"  # what is linked to and no page
BLOCK: Final = re.compile(r"<!-- events: .*?<!-- /events -->", re.DOTALL)
TOPICS: Final = (
    "Each event has a page, generated from its schema and from [asyncapi.yaml](../asyncapi.yaml)."
)
CONFIG: Final = "website/mkdocs.yml"


class BrokenLinkError(Exception):
    """A page links to something that is not in the checkout."""


class Stage:
    """Lays the pages of a checkout out in a folder, as MkDocs wants them."""

    def __init__(self, top: Path, folder: Path) -> None:
        self.top = top
        self.folder = folder
        self.pages: list[str] = []
        self.broken: list[str] = []
        self._linked: set[str] = set()

    def lay_out(self) -> None:
        """Write all pages and files anew; raises BrokenLinkError with every link that leads nowhere."""
        shutil.rmtree(self.folder, ignore_errors=True)
        document = read_contract(self.top)
        for source in self._sources():
            self._page(source, document)
        for place, text in event_pages(self.top, document):
            self._write(place, text)
        for path in ("schemas", "asyncapi.yaml", "topics.yaml"):
            self._linked.add(path)
        for path in sorted(self._linked):
            _copy(self.top / path, self.folder / FILES / path)
        for path in ("docs/pictures", "website/theme"):
            _copy(self.top / path, self.folder / path.rpartition("/")[2])
        if self.broken:
            raise BrokenLinkError("\n".join(self.broken))

    def config(self) -> dict[str, Any]:
        """MkDocs' settings, each folder of the navigation replaced by its pages."""
        # Plain YAML: the file has no tags that only MkDocs knows.
        settings: dict[str, Any] = yaml.safe_load((self.top / CONFIG).read_text("utf-8"))
        nav = self._expanded(settings["nav"])
        return {**settings, "nav": nav, "docs_dir": str(self.folder)}

    def _expanded(self, nav: list[Any]) -> list[Any]:
        """The navigation with `folder/` replaced by the folder's pages, in the order in which they were written."""
        found: list[Any] = []
        for entry in nav:
            if isinstance(entry, dict):
                ((title, inner),) = entry.items()
                found.append({title: self._expanded(inner) if isinstance(inner, list) else inner})
            elif entry.endswith("/"):
                found += [page for page in self.pages if page.startswith(entry)]
            else:
                found.append(entry)
        return found

    def _sources(self) -> list[str]:
        """The pages of the checkout that are pages of the site."""
        inside = sorted((self.top / "docs").rglob("*.md"))
        found = [path.relative_to(self.top).as_posix() for path in inside]
        return found + [source for source in MOVED if source not in {*found, "README.md"}]

    def _page(self, source: str, document: dict[str, Any]) -> None:
        """Write one page of the checkout."""
        text, place = (self.top / source).read_text("utf-8"), _place(source)

        def find(path: str, anchor: str) -> str:
            return self._find(path, anchor, source)

        text = BLOCK.sub(lambda _: TOPICS, text)
        text = rewritten(text, source=source, place=place, find=find)
        if place == MOVED["docs/events.md"]:
            text += f"\n## Topics\n\n{topics_table(document)}\n"
        self._write(place, inlined(text, source=source, top=self.top))

    def _write(self, place: str, text: str) -> None:
        """Write one page into the site's folder."""
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.pages.append(place)

    def _find(self, path: str, anchor: str, source: str) -> str:
        """Where something of the checkout lies in the site; notes it when it is not there."""
        if not (self.top / path).exists():
            self.broken.append(f"{source}: links to {path}, which is not there")
        if path == "docs/events.md" and anchor:
            return self._event(anchor, source)
        if path.endswith(".md"):
            return _place(path) + (f"#{anchor}" if anchor else "")
        if path.startswith("docs/"):
            return path.removeprefix("docs/")
        self._linked.add(path)
        return f"{FILES}/{path}"

    def _event(self, anchor: str, source: str) -> str:
        """The page of an event that has a heading of its own in the checkout, and none in the site."""
        for schema in (self.top / "schemas").glob("*.json"):
            if schema.stem.lower() == anchor:
                return f"{EVENTS}/{schema.stem}.md"
        if (
            f"\n## {anchor.replace('-', ' ')}\n"
            in (self.top / "docs/events.md").read_text("utf-8").lower()
        ):
            return f"{MOVED['docs/events.md']}#{anchor}"
        self.broken.append(f"{source}: docs/events.md has no heading {anchor}")
        return MOVED["docs/events.md"]


def _place(source: str) -> str:
    """Where a page of the checkout lies in the site."""
    return MOVED.get(source, source.removeprefix("docs/"))


def _copy(path: Path, to: Path) -> None:
    """Copy a file or a whole folder."""
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, to, dirs_exist_ok=True)
    elif path.is_file():
        shutil.copy(path, to)
