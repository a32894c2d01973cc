"""Settings from the environment (`STREAMPROC_...`, `.env`), checked all at once, secrets masked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from streamproc.errors import ConfigurationError, Fault
from streamproc.safety.addresses import (
    NOT_SHOWN,
    all_secrets,
    keys_in,
    quoted_value,
    shown_address,
)
from streamproc.safety.own_files import NotOursError, read_secret, read_variables, rule_broken
from streamproc.settings.model import PREFIX, UPSTREAMS, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

ENV_FILE: Final = Path(".streamproc") / "env"  # what a running `up` has written
# A file never arms what kills the process on purpose; what `up` wrote, and maybe another, never sends a key elsewhere.
NEVER_FROM_DOTENV: Final = frozenset({f"{PREFIX}FAILPOINTS"})
NEVER_FROM_ENV_FILE: Final = NEVER_FROM_DOTENV | {f"{PREFIX}UPSTREAM_HOSTS"}
SECRETS: Final = frozenset(
    name for name, field in Settings.model_fields.items() if "SecretStr" in f"{field.annotation}"
)
FROM_FILES: Final = SECRETS | {"helius_rpc_url"}  # may come from a file: they hold a key, or may


def load_settings(environment: dict[str, str] | None = None, **given: object) -> Settings:
    """The effective settings; raises ConfigurationError naming every wrong or missing setting.

    Order, strongest first: `given`, the environment, `.env` in the working folder. A secret may also come as
    `STREAMPROC_NAME_FILE`, the path of a file that holds it.
    """
    if environment is None:
        environment = {**settings_in(Path(".env")), **os.environ}
    values, faults = _from_environment(environment)
    values |= given
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults += [_fault_of(found) for found in error.errors()]
        raise ConfigurationError(faults) from None
    faults += settings.missing_kafka_security() + settings.unlisted_upstreams()
    if faults:
        raise ConfigurationError(faults)
    settings.kafka_security()  # files that cannot be used are found now
    return settings


def describe(settings: Settings) -> list[tuple[str, str, str]]:
    """Each setting's name in the environment, its masked value, and what it is for."""
    shown = {"helius_rpc_url": shown_address(settings.helius_rpc_url)}
    return [
        (
            PREFIX + name.upper(),
            shown.get(name, str(getattr(settings, name))),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def settings_in(path: Path) -> dict[str, str]:
    """Our settings in a `.env` or in what `up` wrote, empty without a file.

    Raises NotOursError for a file that somebody else can have written.
    """
    is_dotenv = path.parts[-2:] != ENV_FILE.parts
    never = NEVER_FROM_DOTENV if is_dotenv else NEVER_FROM_ENV_FILE
    return {
        name: value
        for name, value in read_variables(path, may_be_roots=is_dotenv).items()
        if value and name.startswith(PREFIX) and name not in never
    }


def secrets_in(environment: Mapping[str, str]) -> list[str]:
    """Every secret that an environment names, whether its settings are valid or not."""
    values, _ = _from_environment(environment)
    found = all_secrets(str(values[name]) for name in SECRETS if name in values)
    return found + keys_in(str(values.get("helius_rpc_url", "")))


def _from_environment(environment: Mapping[str, str]) -> tuple[dict[str, object], list[Fault]]:
    """Our settings among the environment's variables; names with our prefix that we do not know are left alone."""
    values: dict[str, object] = {}
    faults = []
    for name in Settings.model_fields:
        variable = PREFIX + name.upper()
        if environment.get(variable):
            values[name] = environment[variable]
        elif name in FROM_FILES and (path := environment.get(f"{variable}_FILE")):
            try:
                values[name] = read_secret(Path(path))
            except (OSError, ValueError, NotOursError) as error:
                # The name itself is not shown: it may be the secret, set where its file was meant.
                faults.append(Fault(f"{variable}_FILE", NOT_SHOWN, rule_broken(error)))
    return values, faults


def _fault_of(found: ErrorDetails) -> Fault:
    """One of pydantic's findings as a fault that names the setting and never shows a secret."""
    name = str(found["loc"][0]) if found["loc"] else "settings"
    missing = found["type"] == "missing"
    value = "nothing" if missing else _shown(name, found["input"])
    rule = "must be set" if missing else found["msg"].removeprefix("Value error, ")
    return Fault(PREFIX + name.upper(), value, rule)


def _shown(name: str, value: object) -> str:
    """As much of a wrong value as may be seen."""
    if name in SECRETS:
        return NOT_SHOWN
    return shown_address(str(value)) if name in UPSTREAMS else quoted_value(value)
