"""The packages of each example: where they come from, and whether those of today's lock are there."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
FETCHED_WITHIN_S: Final = (
    240.0  # each command; packages come from their registries, or from the user's caches
)
STAMP: Final = ".installed"


class Example(NamedTuple):
    """A folder of `examples/`: what it needs, how its packages get there, and how it is run."""

    name: str
    source: str
    made_of: tuple[str, ...]  # a change of these files makes what is installed out of date
    programs: tuple[str, ...]
    install: tuple[tuple[str, ...], ...]
    run: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return EXAMPLES / self.name

    def lacks(self) -> str | None:
        """What it cannot run without, as a reason to skip it; None when all is there."""
        missing = [program for program in self.programs if shutil.which(program) is None]
        if missing:
            return f"{', '.join(missing)} not found on this machine"
        stamp = self.folder / STAMP
        if not stamp.exists() or stamp.read_text("utf-8") != self._stamp():
            return f"its packages are not installed: ./run examples --install {self.name}"
        return None

    def installed(self) -> str | None:
        """Install its packages; why that could not be done, or None. What failed is begun anew the next time."""
        if all(shutil.which(program) for program in self.programs) and self.lacks() is not None:
            for command in self.install:
                failed = self._failed(command)
                if failed is not None:
                    return failed
            (self.folder / STAMP).write_text(self._stamp(), "utf-8")
        return self.lacks()

    def _failed(self, command: Sequence[str]) -> str | None:
        """Run one command in its folder; what went wrong, or None."""
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=FETCHED_WITHIN_S,
            )
        except subprocess.TimeoutExpired:
            return f"{' '.join(command)}: not done after {FETCHED_WITHIN_S:.0f} s"
        said = (done.stdout + done.stderr).strip()
        return f"{' '.join(command)}: {said[-1000:]}" if done.returncode else None

    def _stamp(self) -> str:
        """What tells installed packages of one lock, in one place, from those of another."""
        contents = ((self.folder / name).read_bytes() for name in self.made_of)
        return hashlib.sha256(b"\0".join((os.fsencode(self.folder), *contents))).hexdigest()


NPM_CI: Final = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
PYTHON: Final = ".venv/bin/python"
PIP: Final = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "-q")
CLIENTS: Final = (
    Example(
        name="python",
        source="ask.py",
        made_of=("requirements.txt",),
        programs=(),
        install=(
            (sys.executable, "-m", "venv", "--clear", ".venv"),
            (*PIP, "--require-hashes", "-r", "requirements.txt"),
        ),
        run=(PYTHON, "ask.py"),
    ),
    Example(
        name="javascript",
        source="ask.mjs",
        made_of=("package-lock.json",),
        programs=("node", "npm"),
        install=(NPM_CI,),
        run=("node", "ask.mjs"),
    ),
    Example(
        name="java",
        source="Ask.java",
        made_of=("pom.xml",),
        programs=("java", "javac", "mvn"),
        install=(("mvn", "-q", "-B", "dependency:copy-dependencies"),),
        run=("java", "-XX:TieredStopAtLevel=1", "-cp", "lib/*", "Ask.java"),
    ),
    Example(
        name="go",
        source="main.go",
        made_of=("go.mod", "go.sum", "main.go"),
        programs=("go",),
        install=(("go", "build", "-o", "ask", "."),),
        run=("./ask",),
    ),
)
TYPES: Final = Example(
    name="types",
    source="use.ts",
    made_of=("package-lock.json",),
    programs=("node", "npm"),
    install=(NPM_CI,),
)
ALL: Final = {each.name: each for each in (*CLIENTS, TYPES)}
