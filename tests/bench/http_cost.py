"""CPU per call of the HTTP engine, in one run: bare aiohttp, ours, ours with the adapter's work, and httpx.AsyncClient.

    python -m tests.bench.http_cost [calls] [concurrent]

The upstream is another process; what is counted is this process's CPU time (`time.process_time`).
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import aiohttp
import httpx
from pydantic import SecretStr

from router_core.providers import Call, adapter_for
from router_core.transport import Transport

BODY = {"model": "m", "messages": [{"role": "user", "content": "How are you? " * 20}]}
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Fine. " * 50}}],
        "usage": {"prompt_tokens": 60, "completion_tokens": 100, "total_tokens": 160},
    }
).encode()
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)


@dataclass
class Deployment:
    """As much of a deployment as an adapter needs."""

    api_base: str
    id: str = "a"
    model: str = "m"
    provider: str = "openai"
    api_key: SecretStr | None = field(default_factory=lambda: SecretStr("sk-none"))
    api_version: str | None = None
    organization: str | None = None

    def call_parameters(self) -> Mapping[str, Any]:
        return {}


class Upstream(asyncio.Protocol):
    """Answers each request of one segment at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.received = transport, b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0) if end else 0
        if end and len(body) >= length:
            self.received = b""
            self.transport.write(REPLY)


def upstream(pipe: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


async def cpu(call: Callable[[], Awaitable[object]], calls: int, concurrent: int) -> float:
    """Microseconds of CPU per call, the best of three rounds."""

    async def worker(share: int) -> None:
        for _ in range(share):
            await call()

    async def one_round(each: int) -> float:
        started = time.process_time()
        await asyncio.gather(*(worker(each) for _ in range(concurrent)))
        return (time.process_time() - started) / (each * concurrent) * 1e6

    await one_round(2)
    return min([await one_round(max(1, calls // concurrent)) for _ in range(3)])


async def measure(port: int, calls: int, concurrent: int) -> dict[str, float]:
    base = f"http://127.0.0.1:{port}"
    adapter, transport, call = adapter_for(Deployment(base)), Transport(trust_env=False), Call("chat", BODY)
    content = json.dumps(BODY).encode()
    prepared = adapter.request(call)
    connector = aiohttp.TCPConnector(limit=0)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with aiohttp.ClientSession(connector=connector) as session, httpx.AsyncClient(limits=limits) as client:

        async def bare() -> object:
            async with session.post(f"{base}/chat/completions", data=content) as response:
                return json.loads(await response.read())

        async def engine() -> object:
            return json.loads(await (await transport.handle_async_request(prepared)).aread())

        async def adapted() -> object:
            response = await transport.handle_async_request(adapter.request(call))
            return adapter.decode(call, response, await response.aread())

        async def with_client() -> object:
            return (await client.post(f"{base}/chat/completions", content=content)).json()

        ways = {"bare aiohttp": bare, "transport": engine, "transport + adapter": adapted, "httpx client": with_client}
        figures = {}
        for name, way in ways.items():
            figures[name] = await cpu(way, calls // 8 if way is with_client else calls, concurrent)
    await transport.aclose()
    return figures


def main(calls: int = 8_000, concurrent: int = 50) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=upstream, args=(theirs,), daemon=True)
    process.start()
    try:
        figures = asyncio.run(measure(ours.recv(), calls, concurrent))
    finally:
        process.terminate()
        process.join()
    print(f"CPU per call at {concurrent} concurrent")
    for name, value in figures.items():
        print(f"  {name:<20} {value:8.0f} µs   {value / figures['bare aiohttp']:5.2f} x bare aiohttp")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
