"""A service between a worker and the sandbox, which answers as it should but for those whom it means harm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import httpx
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BODY_MAX_BYTES = 4 * 1024**2


class Asked(NamedTuple):
    """A call as it came, and what the sandbox says to it (JSON, decoded)."""

    request: web.Request
    url: str  # with the key
    body: Any  # of a POST, decoded
    answer: Any

    @property
    def method(self) -> str:
        """What is asked."""
        return str(self.body["method"]) if isinstance(self.body, dict) else "history"

    @property
    def options(self) -> dict[str, Any]:
        """The second parameter of a JSON-RPC call."""
        params = self.body["params"]
        found: dict[str, Any] = params[1] if isinstance(params, list) and len(params) > 1 else {}
        return found


Rule = Callable[[Asked], Awaitable[web.StreamResponse]]


@dataclass
class Crook:
    """Whom it means harm: those whose address stands in a call, or everybody."""

    real: str
    url: str = ""
    elsewhere: str = ""  # another port of this machine, where nobody has any business
    rules: dict[str, Rule] = field(default_factory=dict)
    everywhere: Rule | None = None
    headers: dict[str, str] = field(default_factory=dict)  # of every answer
    cookies: set[str | None] = field(default_factory=set)
    strayed: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def harm(self, wallets: list[str], rule: Rule) -> None:
        """From now on answer calls for these wallets so."""
        self.rules |= dict.fromkeys(wallets, rule)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        self.cookies.add(request.headers.get("Cookie"))
        text = await request.text()
        self.calls.append(text or request.path_qs)
        async with httpx.AsyncClient(timeout=30) as client:
            sent = {"Content-Type": "application/json"} if text else {}
            real = await client.request(
                request.method, self.real + request.path_qs, content=text or None, headers=sent
            )
        asked = Asked(request, str(request.url), json.loads(text) if text else None, real.json())
        said = text + unquote(request.path_qs)
        rule = next((rule for wallet, rule in self.rules.items() if wallet in said), None)
        rule = rule or self.everywhere
        response = (
            web.Response(
                status=real.status_code, body=real.content, content_type="application/json"
            )
            if rule is None
            else await rule(asked)
        )
        if not response.prepared:
            response.headers.update(self.headers)
        return response

    async def stray(self, request: web.Request) -> web.StreamResponse:
        """A call where nobody has any business."""
        self.strayed.append(str(request.url))
        return web.json_response({"jsonrpc": "2.0", "id": 1, "result": {}})


def json_reply(value: object, status: int = 200) -> web.Response:
    """An answer of JSON as Python writes it: with lone surrogates, NaN and numbers of any size."""
    return web.Response(status=status, text=json.dumps(value), content_type="application/json")


def always(response: Callable[[Asked], web.StreamResponse]) -> Rule:
    """The rule that answers each call by this function."""

    async def rule(asked: Asked) -> web.StreamResponse:
        await asyncio.sleep(0)
        return response(asked)

    return rule


@asynccontextmanager
async def crooked(real: str) -> AsyncIterator[Crook]:
    """The service, before the one at this URL."""
    crook = Crook(real)
    runners = []
    for handler, name in ((crook.answer, "url"), (crook.stray, "elsewhere")):
        app = web.Application(client_max_size=BODY_MAX_BYTES)
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        setattr(crook, name, f"http://127.0.0.1:{runner.addresses[0][1]}")
        runners.append(runner)
    try:
        yield crook
    finally:
        for runner in runners:
            await runner.cleanup()
