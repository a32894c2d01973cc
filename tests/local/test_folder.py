"""A folder has one owner at a time and nothing half-made in it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from streamproc.errors import ConfigurationError
from streamproc.local.folder import FolderLock, sweep, whole_folder

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys
from pathlib import Path
from streamproc.local.folder import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_owner_gets_one_sentence_that_names_the_folder_and_the_process(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ConfigurationError) as refused:
            FolderLock(tmp_path)
        holder.kill()
    assert str(refused.value) == (
        f"STREAMPROC_DATA_DIR: is used by a running stack (process {holder.pid}): "
        f"stop it or name another folder (found {tmp_path})"
    )


def test_a_folder_can_be_owned_again_after_its_owner_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
    lock = FolderLock(tmp_path)
    assert (tmp_path / "lock").read_text() == str(os.getpid())
    lock.release()


def test_a_released_folder_can_be_owned_again_by_the_same_process(tmp_path: Path) -> None:
    FolderLock(tmp_path).release()
    FolderLock(tmp_path).release()


def test_a_folder_that_could_not_be_made_whole_does_not_exist(tmp_path: Path) -> None:
    target = tmp_path / "data"

    def fail() -> None:
        with whole_folder(target) as making:
            (making / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_whole_folder_has_what_was_put_into_it(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "data") as making:
        assert not (tmp_path / "data").exists()
        (making / "file").touch()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["file"]


def test_a_sweep_removes_what_a_killed_start_left_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / ".unfinished-data-abc" / "deep").mkdir(parents=True)
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
