"""A file says how we run only when nobody else can have written it; what we write nobody else can read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from streamproc.safety.own_files import (
    NotOursError,
    make_folder,
    open_private,
    private_folder,
    read_secret,
    read_variables,
    write_private,
)

if TYPE_CHECKING:
    from pathlib import Path

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
STRANGER = 65_534


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of ours with one variable, in a folder of ours."""
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)
    path = folder / "env"
    path.write_text("A='1 2'\n", "utf-8")
    path.chmod(0o644)
    return path


def test_a_file_of_our_own_is_read(file: Path) -> None:
    assert read_variables(file, may_be_roots=False) == {"A": "1 2"}


def test_no_file_and_no_folder_set_nothing(tmp_path: Path) -> None:
    assert read_variables(tmp_path / "none", may_be_roots=False) == {}
    assert read_variables(tmp_path / "none" / "none", may_be_roots=False) == {}


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_may_write_is_not_believed(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(NotOursError, match="nobody else can write"):
        read_variables(file, may_be_roots=True)


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
def test_a_file_in_a_folder_that_others_may_write_is_not_believed(file: Path, mode: int) -> None:
    file.parent.chmod(mode)
    with pytest.raises(NotOursError, match="folder"):
        read_variables(file, may_be_roots=True)


def test_in_a_sticky_folder_our_own_file_is_ours(file: Path) -> None:
    file.parent.chmod(0o1777)
    assert read_variables(file, may_be_roots=False) == {"A": "1 2"}


@NEEDS_ROOT
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_belongs_to_another_user_is_not_believed(file: Path, what: str) -> None:
    os.chown(file if what == "file" else file.parent, STRANGER, STRANGER)
    with pytest.raises(NotOursError, match="belongs to you"):
        read_variables(file, may_be_roots=True)


def test_a_link_is_not_followed(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    with pytest.raises(NotOursError):
        read_variables(link, may_be_roots=True)


@pytest.mark.timeout(10)
def test_nobody_waits_at_a_pipe(file: Path) -> None:
    pipe = file.with_name("pipe")
    os.mkfifo(pipe, 0o600)
    with pytest.raises(NotOursError, match="ordinary"):
        read_variables(pipe, may_be_roots=True)
    with pytest.raises(NotOursError, match="ordinary"):
        read_secret(pipe)


@pytest.mark.parametrize(("content", "says"), [(b"\xff\xfe", "UTF-8"), (b"x" * 70_000, "bytes")])
def test_what_is_no_text_of_a_sensible_size_is_not_believed(
    file: Path, content: bytes, says: str
) -> None:
    file.write_bytes(content)
    with pytest.raises(NotOursError, match=says):
        read_variables(file, may_be_roots=True)


def test_a_secret_may_be_reached_by_links_and_loses_the_space_around_it(file: Path) -> None:
    file.write_text(" secret\n", "utf-8")
    link = file.with_name("..data")
    link.symlink_to(file)
    assert read_secret(link) == "secret"


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_secret_that_others_may_write_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(NotOursError, match="owner"):
        read_secret(file)


@pytest.fixture
def loose_umask() -> object:
    """The umask of most machines."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("loose_umask")
def test_what_we_write_is_private_also_where_it_was_not(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True, mode=0o755)
    file = folder / "file"
    file.write_text("old")
    private_folder(folder)
    write_private(file, b"new")
    with open_private(folder / "other") as other:
        other.write(b"x")
    assert folder.stat().st_mode & 0o077 == 0
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert file.read_bytes() == b"new"


@pytest.mark.usefixtures("loose_umask")
def test_a_folder_that_was_there_keeps_its_mode_and_new_ones_show_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_folder(tmp_path / "new" / "deep")
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "new").stat().st_mode & 0o066 == 0
    assert (tmp_path / "new" / "deep").stat().st_mode & 0o066 == 0
