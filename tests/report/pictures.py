"""Pictures for the README, by the Chromium that is installed here: of a report, and of a console that runs.

python -m tests.report.pictures report RESULT.json docs/pictures
python -m tests.report.pictures console URL docs/pictures
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from streamproc.report import render_report
from tests.report.chromium import Tab, chromium, installed

EXPLORER: Final = "https://explorer.solana.com"
QUALITY: Final = 80  # of WebP: text stays sharp, and a picture below 150 kB
SETTLED_S: Final = 3  # until a console's page has asked for everything


class Screen(NamedTuple):
    """How the page is looked at: pixels, and from the section with this id on."""

    width: int
    height: int
    dark: bool = False
    section: str | None = None
    dots: float = 1  # per pixel


REPORT: Final = {
    "report-light": Screen(1160, 1120),
    "report-dark": Screen(1160, 1120, dark=True, section="matrix"),
    "report-phone": Screen(390, 1100, dots=1.5),
}
CONSOLE: Final = {
    "console-light": Screen(1160, 1120),
    "console-dark": Screen(1160, 760, dark=True, section="members-title"),
    "console-phone": Screen(390, 1100, dots=1.5),
}


async def picture(tab: Tab, screen: Screen) -> bytes:
    """One picture of the page that is open, as WebP."""
    await tab.screen(screen.width, dark=screen.dark)
    top = 0.0
    if screen.section is not None:
        place = f"document.getElementById('{screen.section}').getBoundingClientRect()"
        top = await tab.value(f"{place}.top + scrollY - 24")
    clip = {"x": 0, "y": top, "width": screen.width, "height": screen.height, "scale": screen.dots}
    shot = await tab.call(
        "Page.captureScreenshot",
        clip=clip,
        captureBeyondViewport=True,
        format="webp",
        quality=QUALITY,
    )
    return base64.b64decode(shot["data"])


async def pictures(url: str, screens: dict[str, Screen]) -> dict[str, bytes]:
    """All pictures of the page at that address, by name."""
    path = installed()
    if path is None:
        raise SystemExit("pictures: no Chromium is installed here")
    with tempfile.TemporaryDirectory() as profile:
        async with chromium(path, Path(profile)) as tab:
            await tab.open(url)
            await asyncio.sleep(SETTLED_S if screens is CONSOLE else 0)
            return {name: await picture(tab, screen) for name, screen in screens.items()}


def main(of: str, source: str, folder: Path) -> None:
    """Take the pictures of a result's report, or of a console."""
    if of == "console":
        taken = asyncio.run(pictures(source, CONSOLE))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            page = Path(scratch) / "report.html"
            result = json.loads(Path(source).read_text("utf-8"))
            page.write_text(render_report(result, explorer_url=EXPLORER), encoding="utf-8")
            taken = asyncio.run(pictures(page.as_uri(), REPORT))
    for name, content in taken.items():
        (folder / f"{name}.webp").write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
