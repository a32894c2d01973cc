"""The settings that a command works with: the environment, `.env`, and what a running `up` has written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from streamproc.settings import PREFIX, Settings, load_settings

ENV_FILE: Final = Path(".streamproc") / "env"
# For commands that never open the store: an address that names no server.
NO_STORE: Final = "postgresql:///not-used-by-this-command"


def effective_environment(folder: Path | None = None) -> dict[str, str]:
    """All variables in force in that folder; strongest first: the process, `.env`, `.streamproc/env` here or above."""
    folder = folder or Path.cwd()
    written = env_file(folder)
    sources = [dotenv_values(written)] if written else []
    sources.append(dotenv_values(folder / ".env"))
    values = {name: value for source in sources for name, value in source.items() if value}
    return {**values, **os.environ}


def effective_settings(*, store: bool = True, **given: object) -> Settings:
    """The checked settings; with `store=False` Postgres need not be configured.

    Raises ConfigurationError naming every wrong or missing setting.
    """
    environment = effective_environment()
    variable = f"{PREFIX}POSTGRES_DSN"
    if not store and not (environment.get(variable) or environment.get(f"{variable}_FILE")):
        given = {"postgres_dsn": NO_STORE, **given}
    return load_settings(environment, **given)


def env_file(folder: Path) -> Path | None:
    """The nearest `.streamproc/env`, in the folder or one above it, None when there is none."""
    for place in (folder, *folder.parents):
        if (place / ENV_FILE).is_file():
            return place / ENV_FILE
    return None
