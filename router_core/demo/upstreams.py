"""The simulated deployments: a process each, and what their own logs say."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import aiohttp

from router_core.demo.children import Child
from router_core.demo.scenario import Deployment
from router_core.simulator import Visit

_TIMEOUT = aiohttp.ClientTimeout(total=5.0)


class Upstream:
    """One deployment's process. `visits`: every request that ended there, as its log has it."""

    def __init__(self, deployment: Deployment, child: Child, url: str, http: aiohttp.ClientSession) -> None:
        self.deployment, self.child, self.url = deployment, child, url
        self.visits: list[Visit] = []
        self._origin, self._http, self._next = url.removesuffix("/v1"), http, 0

    async def outage(self, seconds: float) -> None:
        """Every connection breaks and new ones are refused, for so long."""
        async with self._http.post(f"{self._origin}/_control", data=json.dumps({"outage": seconds})) as answer:
            answer.raise_for_status()

    async def read(self) -> bool:
        """The log's new entries; False while nobody answers."""
        try:
            while True:
                page = await self._get(f"/_log?after={self._next}")
                self.visits += (Visit(**visit) for visit in page["visits"])
                self._next = page["next"]
                if self._next >= page["ended"]:
                    return True
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def stats(self) -> Any:
        """The upstream's own counts. Raises aiohttp.ClientError."""
        return await self._get("/_stats")

    async def _get(self, path: str) -> Any:
        async with self._http.get(self._origin + path) as answer:
            answer.raise_for_status()
            return await answer.json()


async def start(deployments: tuple[Deployment, ...], stack: AsyncExitStack) -> tuple[Upstream, ...]:
    """All of them, listening; `stack` ends them. Raises ChildEnded, OSError."""
    http = await stack.enter_async_context(aiohttp.ClientSession(timeout=_TIMEOUT))
    children = []
    for number, deployment in enumerate(deployments):
        settings = json.dumps(deployment.behaviour())
        arguments = ("--seed", str(number), "--until-stdin-closes", "--behaviour", settings)
        child = await Child.start(f"deployment {deployment.name}", "router_core.simulator", *arguments)
        stack.push_async_callback(child.stop)
        children.append(child)
    urls = await asyncio.gather(*(child.line() for child in children))
    return tuple(Upstream(*parts, http) for parts in zip(deployments, children, urls, strict=True))
