"""Traffic mirroring: a copy of a call goes to another group, and nobody waits for it.

A deployment with `silent_model: other` has each of its calls repeated at `other`: its limits hold, its health and
latency are learned, and its answer is thrown away. The caller never notices, whatever happens there. When too many
copies run, further ones are left out rather than queued.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from router_core.errors import RouterError
from router_core.providers.base import Call, Kind
from router_core.streaming import Stream

logger = logging.getLogger("router_core")

MOST = 64  # copies at once in one process

Ask = Callable[[Kind, str, dict[str, Any]], Awaitable[Any]]


class Mirror:
    """Sends copies in the background of the caller's event loop. `sent`, `left_out`: counts."""

    def __init__(self, ask: Ask, most: int = MOST) -> None:
        self._ask, self._most = ask, most
        self._running: set[asyncio.Task[None]] = set()
        self.sent = self.left_out = 0

    def copy(self, call: Call, model: str) -> None:
        """Begin a copy of a call at `model`; returns at once."""
        if len(self._running) >= self._most:
            self.left_out += 1
            return
        self.sent += 1
        task = asyncio.get_running_loop().create_task(self._quietly(call, model))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def aclose(self) -> None:
        """Give up what still runs in this event loop; each copy settles."""
        loop = asyncio.get_running_loop()
        mine = [task for task in self._running if task.get_loop() is loop]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)

    async def _quietly(self, call: Call, model: str) -> None:
        own = {"stream": call.stream, "disable_fallbacks": True, "max_wait": 0.0, "mirrored": True}
        try:
            answer = await self._ask(call.kind, model, {**call.body, **own})
            if isinstance(answer, Stream):
                async for _ in answer:
                    pass
        except RouterError as error:
            logger.debug("a mirrored call to %s failed: %s", model, type(error).__name__)
