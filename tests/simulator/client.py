"""A plain client of a simulated upstream."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from router_core.simulator import Upstream

PROMPT = [{"role": "user", "content": "hello"}]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The data of each event; `[DONE]` stays text."""
        lines = [line.removeprefix("data: ") for line in self.body.decode().splitlines() if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    @property
    def text(self) -> str:
        return "".join(
            choice["delta"].get("content") or ""
            for event in self.events
            if event != "[DONE]"
            for choice in event["choices"]
        )


async def chat(http: aiohttp.ClientSession, upstream: Upstream, **fields: Any) -> Reply:
    return await post(http, f"{upstream.url}/chat/completions", {"model": "m", "messages": PROMPT, **fields})


async def post(http: aiohttp.ClientSession, url: str, body: Any, headers: dict[str, str] | None = None) -> Reply:
    data = io.BytesIO(json.dumps(body).encode())  # aiohttp warns of long bodies that are bytes
    async with http.post(url, data=data, headers=headers, allow_redirects=False) as response:
        lowered = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, lowered, await response.read())


async def get(http: aiohttp.ClientSession, url: str) -> Any:
    async with http.get(url) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another task of this loop makes true; TimeoutError after 5 s."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - the log has no event to wait for
            await asyncio.sleep(0.005)
