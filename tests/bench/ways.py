"""The ways to make one call that are compared: each is a coroutine function that sends, reads and decodes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import httpx

from router_core.http.transport import Transport
from router_core.providers import Call, HttpAdapter, adapter_for
from router_core.router import Router
from tests.bench.stage import GROUP, MESSAGES, STRATEGY, Stage, model_list

Way = Callable[[], Awaitable[object]]

BARE, HTTPX = "bare aiohttp", "bare httpx.AsyncClient"
ENGINE = "transport and adapter"
VALKEY, MEMORY = "Router, shared Valkey", "Router, memory://"
HEADERS = {"Authorization": "Bearer key-0"}
DATA = "data: "


class Ways:
    """All of them on one upstream. `whole` and `streamed`: name -> way; `routers`: the Routers among them."""

    def __init__(self, where: Stage, session: aiohttp.ClientSession, client: httpx.AsyncClient) -> None:
        self._url, self._session, self._client = f"{where.upstream}/chat/completions", session, client
        entries = model_list(where.upstream)
        self.routers = {
            VALKEY: Router(entries, redis_url=where.server.url, pool="bench", routing_strategy=STRATEGY),
            MEMORY: Router(entries, redis_url="memory://", routing_strategy=STRATEGY),
        }
        self._transport = Transport()
        adapter = adapter_for(self.routers[MEMORY].deployments[0])
        assert isinstance(adapter, HttpAdapter)
        self._adapter = adapter

    def whole(self) -> dict[str, Way]:
        """Answers of one token."""
        body = {"model": "sim", "messages": MESSAGES, "max_tokens": 1}

        async def bare() -> object:
            async with self._session.post(self._url, json=body, headers=HEADERS) as response:
                return await response.json()

        async def httpx_client() -> object:
            return (await self._client.post(self._url, json=body, headers=HEADERS)).json()

        async def engine() -> object:
            call = Call("chat", {"messages": MESSAGES, "max_tokens": 1})
            response = await self._transport.handle_async_request(self._adapter.request(call))
            return self._adapter.decode(call, response, await response.aread())

        def routed(router: Router) -> Way:
            return lambda: router.acompletion(GROUP, MESSAGES, max_tokens=1)

        routes = {name: routed(router) for name, router in self.routers.items()}
        return {BARE: bare, HTTPX: httpx_client, ENGINE: engine, **routes}

    def streamed(self, tokens: int) -> dict[str, Way]:
        """Streams of `tokens` chunks with content."""
        body = {"model": "sim", "messages": MESSAGES, "max_tokens": tokens, "stream": True}

        async def bare() -> object:
            async with self._session.post(self._url, json=body, headers=HEADERS) as response:
                return [read(line.decode()) async for line in response.content]

        async def httpx_client() -> object:
            async with self._client.stream("POST", self._url, json=body, headers=HEADERS) as response:
                return [read(line) async for line in response.aiter_lines()]

        def routed(router: Router) -> Way:
            async def stream() -> object:
                answer = await router.acompletion(GROUP, MESSAGES, max_tokens=tokens, stream=True)
                return [chunk async for chunk in answer]

            return stream

        routes = {name: routed(router) for name, router in self.routers.items()}
        return {BARE: bare, HTTPX: httpx_client, **routes}

    async def aclose(self) -> None:
        for router in self.routers.values():
            await router.aclose()
        await self._transport.aclose()


def read(line: str) -> Any:
    """One line of a stream, as a person without a library would read it."""
    data = line.strip().removeprefix(DATA)
    return json.loads(data) if data and data != "[DONE]" else None


@asynccontextmanager
async def ways(where: Stage) -> AsyncIterator[Ways]:
    """Neither client limits its connections, and both keep idle ones for 15 s, as the Router does."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=15.0)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        client = await stack.enter_async_context(httpx.AsyncClient(limits=limits, timeout=60))
        made = Ways(where, session, client)
        stack.push_async_callback(made.aclose)
        yield made
