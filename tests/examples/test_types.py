"""Types that a generator makes of `schemas/` are types that a compiler takes, and say what the records are."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from streamproc.contract.files import examples_folder
from streamproc.local.jars import classpath, jar_cache, pinned_jars
from tests.examples.packages import TYPES

if TYPE_CHECKING:
    from pathlib import Path

LACKS = TYPES.lacks()
pytestmark = pytest.mark.skipif(LACKS is not None, reason=str(LACKS))


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """A command run in the folder of the types."""
    return subprocess.run(
        command, cwd=TYPES.folder, capture_output=True, text=True, check=False, timeout=120
    )


def test_types_in_typescript_compile_and_refuse_what_a_record_is_not() -> None:
    done = run("npm", "run", "--silent", "typescript")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    misuse = TYPES.folder / "generated" / "misuse.ts"
    text = (TYPES.folder / "use.ts").read_text("utf-8").replace("./generated/", "./")
    assert "percent.toFixed()" in text
    misuse.write_text(text.replace("percent.toFixed()", "percent.trim()"), "utf-8")
    refused = run("npx", "tsc", "--strict", "--noEmit", str(misuse))
    assert "Property 'trim' does not exist on type 'number'" in refused.stdout


@pytest.mark.skipif(shutil.which("javac") is None, reason="javac not found on this machine")
def test_types_in_java_compile_and_read_a_result_that_has_fields_of_a_later_version(
    tmp_path: Path,
) -> None:
    done = run("npm", "run", "--silent", "java")
    assert (done.returncode, done.stderr) == (0, "")
    jars = [jar for jar in pinned_jars() if jar.artifact.startswith("jackson-")]
    there = [str(path) for path in classpath(jars, jar_cache(), lambda _: None)]
    classes = tmp_path / "classes"
    sources = [str(path) for path in (TYPES.folder / "generated/streamproc").glob("*.java")]
    compiled = run("javac", "-d", str(classes), "-cp", ":".join(there), *sources, "Use.java")
    assert compiled.returncode == 0, compiled.stderr
    published = examples_folder() / "AnalysisCompleted" / "completed.json"
    result = json.loads(published.read_text("utf-8"))["value"]
    (pair,) = result["pairs"]
    path = tmp_path / "result.json"
    path.write_text(json.dumps({**result, "added_later": 1}), "utf-8")
    shown = run("java", "-cp", ":".join((str(classes), *there)), "Use", str(path))
    assert shown.stderr == ""
    assert shown.stdout.split() == [pair["wallet_a"], pair["wallet_b"], str(pair["scores"]["idf"])]
