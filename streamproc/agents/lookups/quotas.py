"""The operator's quotas: read from their file, and asked about before credits are spent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import yaml
from pydantic import ValidationError

from streamproc import limits
from streamproc.core.quotas import NO_QUOTAS, Quotas, quotas_from, spent
from streamproc.errors import ConfigurationError, CreditBudgetExceededError, Fault
from streamproc.events import REQUEST_ID_PATTERN

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from streamproc.settings import Settings
    from streamproc.store import Store

SETTING: Final = "STREAMPROC_QUOTAS_FILE"
# What PyYAML lets pass: a date that is none, a number of no digits, nesting without end.
_LET_PASS: Final = (ValueError, LookupError, AttributeError, RecursionError)


class _Once(yaml.SafeLoader):
    """YAML in which no mapping has a name twice: nobody knows which of the two an operator means."""

    def compose_mapping_node(self, anchor: dict[object, yaml.Node]) -> yaml.MappingNode:
        """The mapping; raises ComposerError with the place of a name that stood there before."""
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for name in (each for each, _ in node.value if isinstance(each, yaml.ScalarNode)):
            if name.value in seen:
                problem = f"{name.value!r} must stand once"
                raise yaml.composer.ComposerError(None, None, problem, name.start_mark)
            seen.add(name.value)
        return node


class DailyCredits:
    """Whether a tenant may still spend credits today, as the store knew it at most a second ago."""

    def __init__(self, store: Store, quotas: Quotas) -> None:
        """Ask this store about these quotas."""
        self._store = store
        self._quotas = quotas
        self._known: dict[str, tuple[float, str | None]] = {}  # by tenant: when asked, the answer

    async def check(self, tenant: str) -> None:
        """Raise CreditBudgetExceededError, which names the quota, when the tenant may spend no more today."""
        if not self._quotas.counts_credits(tenant):
            return
        now_s = time.monotonic()
        asked_s, why = self._known.get(tenant, (-limits.QUOTA_KNOWN_S, None))
        if now_s - asked_s >= limits.QUOTA_KNOWN_S:
            today, together = await self._store.credits_today(tenant)
            why = spent(self._quotas, tenant, today, together)
            if len(self._known) >= limits.QUOTA_TENANTS_KNOWN:
                self._known.clear()
            self._known[tenant] = (now_s, why)
        if why is not None:
            raise CreditBudgetExceededError(f"tenant {tenant}: {why}")


def quotas_of(settings: Settings) -> Quotas:
    """The quotas in the operator's file, none without one; raises ConfigurationError with every fault of the file."""
    path = settings.quotas_file
    if path is None:
        return NO_QUOTAS
    content = _content_of(path)
    try:
        quotas = quotas_from(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        raise ConfigurationError([_fault(each) for each in found]) from None
    rule = "must be a tenant: 1 to 64 of A-Z a-z 0-9 . _ -"
    odd = [name for name in quotas.tenants if not REQUEST_ID_PATTERN.fullmatch(name)]
    if odd:
        raise ConfigurationError([Fault(f"{SETTING} tenants", name, rule) for name in odd])
    return quotas


def _content_of(path: Path) -> dict[str, object]:
    """The mapping that the file holds; an empty file holds an empty one."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Once)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        rule = f"must name a readable text file: {error}"
        raise ConfigurationError([Fault(SETTING, str(path), rule)]) from error
    except yaml.YAMLError as error:
        rule = f"must be YAML: {' '.join(str(error).split())}"
        raise ConfigurationError([Fault(SETTING, str(path), rule)]) from error
    except _LET_PASS as error:
        rule = f"must be YAML whose values are what they look like: {type(error).__name__}"
        raise ConfigurationError([Fault(SETTING, str(path), rule)]) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        rule = "must hold installation, default and tenants, or some of them"
        raise ConfigurationError([Fault(SETTING, type(content).__name__, rule)])
    return content


def _fault(found: ErrorDetails) -> Fault:
    """One of pydantic's findings, named by its place in the file."""
    place = ".".join(str(each) for each in found["loc"])
    return Fault(f"{SETTING} {place}", repr(found["input"])[:80], str(found["msg"]))
