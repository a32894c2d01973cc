"""Clients of the broker that commands make: none leaves a connection open."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import client

from streamproc.cli.shared.kafka_clients import consuming, producing
from streamproc.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiokafka.conn import AIOKafkaConnection

    from streamproc.settings import Settings

pytestmark = pytest.mark.real


@pytest.mark.parametrize("opened", [consuming, producing])
async def test_who_is_cancelled_while_it_connects_leaves_no_connection_open(
    broker: str,
    monkeypatch: pytest.MonkeyPatch,
    opened: Callable[[Settings], AbstractAsyncContextManager[Any]],
) -> None:
    given = {"STREAMPROC_KAFKA_BROKERS": broker, "STREAMPROC_POSTGRES_DSN": "postgresql:///none"}
    made: list[AIOKafkaConnection] = []
    connected = asyncio.Event()
    create = client.create_conn

    async def noted(*arguments: Any, **options: Any) -> AIOKafkaConnection:  # noqa: ANN401 - of aiokafka
        made.append(await create(*arguments, **options))
        connected.set()
        return made[-1]

    monkeypatch.setattr(client, "create_conn", noted)
    async with AsyncExitStack() as stack:
        opening = asyncio.ensure_future(stack.enter_async_context(opened(load_settings(given))))
        await connected.wait()
        opening.cancel()
        assert isinstance(
            (await asyncio.gather(opening, return_exceptions=True))[0], asyncio.CancelledError
        )
    assert not any(each.connected() for each in made)
