"""The settings that a command works with: the environment, `.env`, and what a running `up` has written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamproc.cli.views.output import remark
from streamproc.safety.own_files import NotOursError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamproc.settings import Settings

# For commands that never open the store: an address that names no server.
NO_STORE: Final = "postgresql:///not-used-by-this-command"
# What shows that a folder is the root of somebody's project: nothing above it is about what we run here.
ROOT_MARKS: Final = (
    ".git",
    ".hg",
    ".svn",
    "pyproject.toml",
    "package.json",
    "go.mod",
    "Cargo.toml",
)
_told: set[str] = set()  # files of which was said that they are passed over


def effective_environment(folder: Path | None = None) -> dict[str, str]:
    """All variables in force in that folder; strongest first: the process, `.env`, `.streamproc/env` here or above.

    Of the files only `STREAMPROC_...` counts, and a file that somebody else can have written is passed over, which is
    said once on standard error.
    """
    from streamproc.settings import settings_in

    folder = folder or Path.cwd()
    written = env_file(folder)
    values: dict[str, str] = {}
    for file in ([written] if written else []) + [folder / ".env"]:
        try:
            values |= settings_in(file)
        except NotOursError as error:
            if str(file) not in _told:
                _told.add(str(file))
                remark(f"streamproc: passed over {file}: it must be a file that {error}")
    return {**values, **os.environ}


def effective_settings(*, store: bool = True, **given: object) -> Settings:
    """The checked settings; with `store=False` Postgres need not be configured.

    Raises ConfigurationError naming every wrong or missing setting.
    """
    from streamproc.settings import PREFIX, load_settings

    environment = effective_environment()
    variable = f"{PREFIX}POSTGRES_DSN"
    if not store and not (environment.get(variable) or environment.get(f"{variable}_FILE")):
        given = {"postgres_dsn": NO_STORE, **given}
    return load_settings(environment, **given)


def env_file(folder: Path) -> Path | None:
    """The nearest `.streamproc/env`, in the folder or above it up to the project's root, None when there is none."""
    from streamproc.settings import ENV_FILE

    for place in _up_to_the_root(folder):
        if os.path.isfile(place / ENV_FILE):  # noqa: PTH113 - Path's own raises where we may not look
            return place / ENV_FILE
    return None


def _up_to_the_root(folder: Path) -> Iterator[Path]:
    """The folder and those above it, up to the root of its project.

    That is the first with a mark of one; without any the last that belongs to us, our home at most, and never `/`.
    """
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home raises where there is none
    for place in (folder, *folder.parents):
        if place != folder and (place == place.parent or not _is_ours(place)):
            return
        yield place
        if place == home or any(os.path.lexists(place / mark) for mark in ROOT_MARKS):
            return


def _is_ours(place: Path) -> bool:
    """Whether a folder belongs to us."""
    try:
        return place.stat().st_uid == os.geteuid()
    except OSError:
        return False
