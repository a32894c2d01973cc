"""The client works where nothing but its own needs is installed: none of the worker's packages."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from streamproc.cli.shared.conformance_kit import answered

if TYPE_CHECKING:
    from tests.cli.conftest import Installation

TOP = Path(__file__).parents[2]
WALLETS = ["FcT6Vggj45iW2jGrBRFi8az8MbYTHKNrpFtyUuTVF9LX"]
# Another interpreter, which sees the standard library and one folder more.
ALONE = "import sys; sys.path.insert(0, {folder!r}); "
CLIENT = re.compile(r"<!-- client[^>]*-->\n```python\n(.*?)```", re.DOTALL)


def needed(name: str, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """A distribution and all that it needs when it is installed without extras."""
    if name not in found:
        found[name] = distribution(name)
        for line in found[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed(requirement.name.lower(), found)
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `pip install streamproc` would bring, and nothing else; streamproc as its own wheel has it."""
    folder, built = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("wheel")
    wheel = ("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index")
    subprocess.run([sys.executable, *wheel, "--wheel-dir", built, TOP], check=True)
    (path,) = built.glob("*.whl")
    zipfile.ZipFile(path).extractall(folder)
    found = needed("streamproc", {})
    del found["streamproc"]
    for each in found.values():
        for name in {file.parts[0] for file in each.files or () if file.parts[0] != ".."}:
            if name != "__pycache__":
                (folder / name).symlink_to(str(each.locate_file(name)))
    return folder


def interpreted(alone: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What another interpreter does with only that folder."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", ALONE.format(folder=str(alone)) + code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_its_needs_are_few() -> None:
    assert {"aiokafka", "pyyaml"} <= set(needed("streamproc", {}))
    assert len(needed("streamproc", {})) < 8


@pytest.mark.real
async def test_the_program_of_the_guide_asks_follows_and_reads_there(
    alone: Path, installation: Installation
) -> None:
    started = asyncio.Event()
    answering = asyncio.create_task(
        answered(installation.settings, "completed", count=1, timeout_s=60, started=started.set)
    )
    await started.wait()
    (code,) = CLIENT.findall((TOP / "docs/guides/producer.md").read_text("utf-8"))
    given = f"sys.argv[1:] = {WALLETS!r}; exec({code!r})"
    done = await asyncio.to_thread(interpreted, alone, given, **installation.environment)
    await answering
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"5\.0 \d wallets accepted\n", done.stdout)
    assert done.stdout.splitlines()[-1].endswith(" untested")


@pytest.mark.parametrize("package", ["click", "pydantic", "faust", "numpy"])
def test_the_workers_packages_are_not_there(alone: Path, package: str) -> None:
    done = interpreted(alone, f"import {package}")
    assert f"No module named '{package}'" in done.stderr


def test_the_command_line_says_what_it_needs(alone: Path) -> None:
    done = interpreted(alone, "from streamproc.__main__ import main; main()")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "streamproc: the command line needs streamproc[worker]: No module named "
    )
    assert done.stderr.count("\n") == 1


def test_its_types_are_for_those_who_use_it(alone: Path) -> None:
    assert (alone / "streamproc" / "py.typed").exists()
