from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from streamproc.sandbox.service.server import Sandbox, serve
from streamproc.sandbox.world.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="session")
def world() -> World:
    """A world of ten wallets with some thirty to sixty transactions each."""
    return World(seed=1, transactions=(30, 60))


@pytest.fixture
async def sandbox(world: World) -> AsyncIterator[Sandbox]:
    async with serve(world) as running:
        yield running


class Client:
    """A plain client of a sandbox: what any program on the other side would send."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def rpc(self, method: str, *params: object, key: str = "k") -> dict[str, Any]:
        """Return the whole JSON-RPC reply."""
        call = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
        response = await self.http.post("/", params={"api-key": key}, json=call)
        reply: dict[str, Any] = response.json()
        return reply

    async def result(self, method: str, *params: object) -> Any:  # noqa: ANN401 - JSON
        """Return the result of a call that must not fail."""
        reply = await self.rpc(method, *params)
        assert "error" not in reply, reply
        return reply["result"]

    async def history(self, wallet: str, **query: object) -> httpx.Response:
        """Return one page of the enhanced history; `before_signature` and the like become dashed names."""
        dashed = {name.replace("_", "-"): str(value) for name, value in query.items()}
        path = f"/v0/addresses/{wallet}/transactions"
        return await self.http.get(path, params={"api-key": "k", **dashed})


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[Client]:
    async with httpx.AsyncClient(base_url=sandbox.url, timeout=10) as http:
        yield Client(http)
