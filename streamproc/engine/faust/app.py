"""The Faust app under the engine: as little of Faust as the job needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faust
from faust.app.base import BootStrategy
from faust.tables import TableManager

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamproc.engine.config import EngineConfig


class _BootStrategy(BootStrategy):  # type: ignore[misc]  # Faust ships no types
    """Faust's producer is never used: it is neither idempotent nor does a failed send stop anything."""

    enable_kafka_producer = False
    enable_web = False


class _TableManager(TableManager):  # type: ignore[misc]  # as above
    """Faust waits a second for further tables, and joins its group only then; ours are all declared by now."""

    async def on_start(self) -> None:
        """Register the tables and start the recovery, at once."""
        await self._update_channels()
        await self.recovery.start()


class GuardedApp(faust.App):  # type: ignore[misc]  # Faust ships no types
    """A Faust app that starts no producer of its own."""

    BootStrategy = _BootStrategy

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config.app_id, **_settings(config))

    def register(self, name: str, channel: Any, body: Callable[..., Awaitable[None]]) -> Any:  # noqa: ANN401 - Faust ships no types
        """An agent of this name that takes what the channel has.

        Faust's decorator does the same, and looks through all modules for where the body was written, for a search
        that is not made here.
        """
        agent = self.conf.Agent(
            body, name=name, app=self, channel=channel, on_error=self._on_agent_error
        )
        self.agents[agent.name] = agent
        self.topics.beacon.add(agent)
        return agent


def _settings(config: EngineConfig) -> dict[str, Any]:
    """Faust's settings: as little of Faust as the job needs."""
    return {
        "broker": "kafka://"
        + config.brokers.split(",")[0],  # never used: our consumer has its own list
        "version": 1,
        "store": "memory://",
        "TableManager": _TableManager,
        "datadir": str(config.data_dir / "faust"),
        "autodiscover": False,
        "key_serializer": "raw",
        "value_serializer": "raw",
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "reply_create_topic": False,
        "web_enabled": False,
        "worker_redirect_stdouts": False,
        "processing_guarantee": "at_least_once",
        "stream_wait_empty": False,  # safe with the tracker only; True lets SIGTERM wait for a long handler
        "stream_recovery_delay": 0.0,
        "stream_buffer_maxsize": limits.STREAM_BATCHES,
        "table_standby_replicas": 0,
        "broker_session_timeout": config.session_timeout_s,
        "broker_commit_interval": config.commit_interval_s,
        "broker_request_timeout": limits.REQUEST_TIMEOUT_S,
    }
