"""The embedded Postgres in awkward places: long paths, private folders, as root."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

import asyncpg
import pytest

from streamproc import limits
from streamproc.local import postgres
from streamproc.local.guarded import LocalStackError
from streamproc.local.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to lend the server")


def say_nothing(_: str) -> None:
    pass


def modes_of(folder: Path, pattern: str) -> list[int]:
    """The permissions of what lies in the folder under such a name."""
    return [stat.S_IMODE(path.stat().st_mode) for path in folder.glob(pattern)]


async def answer_of(server: EmbeddedPostgres) -> str:
    """What a started server answers to a question about its locale; stopped afterwards."""
    try:
        server.start()
        connection = await asyncpg.connect(server.dsn)
        try:
            query = "SELECT datlocale FROM pg_database WHERE datname = current_database()"
            found: str = await connection.fetchval(query)
        finally:
            await connection.close()
    finally:
        server.stop()
    return found


async def test_a_folder_whose_path_is_too_long_for_a_socket_gets_its_socket_elsewhere(
    stack_dir: Path,
) -> None:
    folder = stack_dir / ("deep" * 30) / "postgres"
    server = EmbeddedPostgres(folder, say=say_nothing)
    assert len(str(server.socket_folder)) < limits.SOCKET_PATH_MAX_BYTES
    try:
        assert await answer_of(server) == "C.UTF-8"
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(server.socket_folder)


def test_the_address_is_the_same_for_every_stack_on_the_folder(stack_dir: Path) -> None:
    first, second = (EmbeddedPostgres(stack_dir / "a", say=say_nothing) for _ in range(2))
    assert first.dsn == second.dsn
    assert first.dsn != EmbeddedPostgres(stack_dir / "b", say=say_nothing).dsn


@as_root
async def test_a_folder_that_only_root_can_pass_is_left_for_one_that_the_server_can(
    stack_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = stack_dir / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setattr(postgres, "ROOTS_DATA", stack_dir / "lent")
    server = EmbeddedPostgres(private / "postgres", say=say_nothing)
    assert server.folder.parent == stack_dir / "lent"
    assert await answer_of(server) == "C.UTF-8"


@as_root
async def test_programs_that_only_root_can_reach_are_lent_as_a_copy(
    stack_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_runs", lambda *_: False)
    monkeypatch.setattr(postgres, "ROOTS_BINARIES", stack_dir)
    assert await answer_of(EmbeddedPostgres(stack_dir / "pg", say=say_nothing)) == "C.UTF-8"
    (mode,) = modes_of(stack_dir, "streamproc-postgres-*")
    assert mode == 0o755


@as_root
def test_a_socket_folder_of_another_user_is_refused(stack_dir: Path) -> None:
    server = EmbeddedPostgres(stack_dir / "pg", say=say_nothing)
    server.socket_folder.mkdir(parents=True)
    os.chown(server.socket_folder, 12345, 12345)
    with pytest.raises(LocalStackError, match="belongs to another user"):
        server.start()


@as_root
async def test_the_server_does_not_run_as_root(stack_dir: Path) -> None:
    server = EmbeddedPostgres(stack_dir / "pg", say=say_nothing)
    server.start()
    try:
        assert (server.folder / "data" / "postmaster.pid").stat().st_uid != 0
    finally:
        server.stop()
