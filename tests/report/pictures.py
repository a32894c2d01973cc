"""Pictures of a report for the README, by the Chromium that is installed here.

python -m tests.report.pictures RESULT.json docs/pictures
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from streamproc.report import render_report
from tests.report.chromium import Tab, chromium, installed

EXPLORER: Final = "https://explorer.solana.com"
SCREENS: Final = {  # name: width, dark, from the section with this id, height, pixels a dot
    "report-light": (1160, False, None, 1120, 1),
    "report-dark": (1160, True, "matrix", 1120, 1),
    "report-phone": (390, False, None, 1100, 1.5),
}


async def picture(tab: Tab, name: str, folder: Path) -> None:
    """One picture of the page that is open."""
    width, dark, section, height, scale = SCREENS[name]
    await tab.screen(width, dark=dark)
    top = 0.0
    if section is not None:
        place = f"document.getElementById('{section}').getBoundingClientRect().top + scrollY - 24"
        top = await tab.value(place)
    clip = {"x": 0, "y": top, "width": width, "height": height, "scale": scale}
    shot = await tab.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
    (folder / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


async def pictures(page: str, folder: Path) -> None:
    """All pictures of the page at that address."""
    path = installed()
    if path is None:
        raise SystemExit("pictures: no Chromium is installed here")
    with tempfile.TemporaryDirectory() as profile:
        async with chromium(path, Path(profile)) as tab:
            await tab.open(page)
            for name in SCREENS:
                await picture(tab, name, folder)


def main(result: Path, folder: Path) -> None:
    """Render the report of a result and take its pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "report.html"
        content = json.loads(result.read_text("utf-8"))
        page.write_text(render_report(content, explorer_url=EXPLORER), encoding="utf-8")
        asyncio.run(pictures(page.as_uri(), folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
