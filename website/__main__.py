"""`./run docs`: the documentation as a site, built here and shown here; nothing is asked of the network."""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import yaml

from website.stage import BrokenLinkError, Stage

TOP: Final = Path(__file__).parents[1]
HOST: Final = "127.0.0.1"


def build(into: Path) -> int:
    """Build the site into a folder; 1 when a page, a link or an anchor is wrong, with a line for each."""
    work = into.with_name(into.name + ".pages")
    stage = Stage(TOP, work / "pages")
    try:
        stage.lay_out()
    except BrokenLinkError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    config = work / "mkdocs.yml"
    config.write_text(yaml.safe_dump({**stage.config(), "site_dir": str(into)}), "utf-8")
    program = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # an advertisement, once a build
    words = [*program, "--config-file", str(config)]
    return subprocess.run(words, env=environment, check=False).returncode


def serve(folder: Path, port: int) -> None:
    """Show the site to browsers of this machine until Ctrl-C."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer((HOST, port), handler) as server:
        sys.stderr.write(f"the site is at http://{HOST}:{server.server_port}/; Ctrl-C stops\n")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.stderr.write("stopped\n")


def main(arguments: list[str]) -> int:
    """Build, and with `--serve` show."""
    parser = argparse.ArgumentParser(prog="./run docs", description=__doc__)
    parser.add_argument(
        "--into", type=Path, default=TOP / "build/site", help="where the site is written"
    )
    parser.add_argument("--serve", action="store_true", help="show it in a browser of this machine")
    parser.add_argument(
        "--port", type=int, default=0, help="with --serve; 0 (the default) takes any free one"
    )
    asked = parser.parse_args(arguments)
    into = asked.into.resolve()
    if code := build(into):
        return code
    sys.stderr.write(f"the site is in {into}\n")
    if asked.serve:
        serve(into, asked.port)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
