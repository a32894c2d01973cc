"""The broker's jars: only what has the pinned checksum ever gets into the cache."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from streamproc import limits
from streamproc.local import jars
from streamproc.local.guarded import LocalStackError
from streamproc.local.jars import Jar, classpath, parse_pins, pinned_jars

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"as published"
GOOD = Jar("org.example", "thing", "1.0", hashlib.sha256(CONTENT).hexdigest())


def published(content: bytes, calls: list[Jar]) -> object:
    """A stand-in for the repository that always has this content."""

    def download(jar: Jar, folder: Path) -> Path:
        calls.append(jar)
        file = folder / "downloaded.jar"
        file.write_bytes(content)
        return file

    return download


def say_nothing(_: str) -> None:
    pass


def test_every_pin_is_a_whole_checksum_and_no_artifact_is_pinned_twice() -> None:
    pins = pinned_jars()
    assert len({(pin.group, pin.artifact) for pin in pins}) == len(pins) > 30
    assert all(len(bytes.fromhex(pin.sha256)) == 32 for pin in pins)
    assert {pin.version for pin in pins if pin.group == "org.apache.kafka"} == {"4.4.0"}


def test_pins_are_read_without_comments_and_empty_lines() -> None:
    text = f"# why\n\norg.example:thing:1.0 {GOOD.sha256}\n"
    assert parse_pins(text) == [GOOD]


def test_a_jar_with_another_checksum_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Jar] = []
    monkeypatch.setattr(jars, "download", published(b"something else", calls))
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(
        LocalStackError, match=rf"org\.example:thing:1\.0 .*SHA-256 is {found}, not {GOOD.sha256}"
    ):
        classpath([GOOD], tmp_path, say_nothing)
    assert list(tmp_path.iterdir()) == []
    assert len(calls) == limits.JAR_TRIES


def test_a_repository_that_cannot_be_reached_is_one_sentence_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(jar: Jar, folder: Path) -> Path:
        raise OSError("no route")

    monkeypatch.setattr(jars, "download", download)
    with pytest.raises(LocalStackError, match=r"cannot fetch .* OSError: no route"):
        classpath([GOOD], tmp_path, say_nothing)


def test_a_cached_jar_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Jar] = []
    said: list[str] = []
    monkeypatch.setattr(jars, "download", published(CONTENT, calls))
    first = classpath([GOOD], tmp_path, said.append)
    second = classpath([GOOD], tmp_path, said.append)
    assert first == second
    assert first[0].read_bytes() == CONTENT
    assert len(calls) == len(said) == 1


def test_a_cached_jar_that_was_changed_is_said_and_fetched_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Jar] = []
    said: list[str] = []
    monkeypatch.setattr(jars, "download", published(CONTENT, calls))
    (path,) = classpath([GOOD], tmp_path, say_nothing)
    path.write_bytes(CONTENT + b" and more")
    assert classpath([GOOD], tmp_path, said.append)[0].read_bytes() == CONTENT
    assert len(calls) == 2
    assert "not what was pinned" in said[0]


def test_the_cache_of_jars_is_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "download", published(CONTENT, []))
    classpath([GOOD], tmp_path / "cache", say_nothing)
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


def test_several_at_once_end_with_one_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "download", published(CONTENT, []))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: classpath([GOOD], tmp_path, say_nothing), range(8)))
    assert [path.name for path in tmp_path.iterdir()] == [GOOD.file_name()]


def test_a_dead_download_is_swept_and_a_young_one_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "download", published(CONTENT, []))
    old, young = tmp_path / ".partial-old", tmp_path / ".partial-young"
    old.mkdir()
    young.mkdir()
    long_ago = time.time() - 2 * limits.JAR_LEFTOVER_S
    os.utime(old, (long_ago, long_ago))
    classpath([GOOD], tmp_path, say_nothing)
    assert young.exists()
    assert not old.exists()
