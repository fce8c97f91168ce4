"""Where refused calls sleep until their place has room.

The place itself is a ticket in Redis (lua/queue.lua). Here a call sleeps until the time its ticket was told, or until a
call of the same group ended in this process; only the first of a group looks again now and then, in case room came from
another process.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque

LOOK_AGAIN = 0.25  # seconds, the first waiter of a group when nobody can know the time
LOOK_AGAIN_BEHIND = 2.0  # the others: they are woken by the one before
AT_LEAST = 0.002


class Waiters:
    """The sleeping calls of one event loop, first come first served per group."""

    def __init__(self) -> None:
        self._sleeping: defaultdict[str, deque[asyncio.Future[None]]] = defaultdict(deque)

    async def sleep(self, group: str, seconds: float | None, most: float) -> None:
        """Sleep until room is expected in `seconds` (None: unknown), at most `most` seconds, or until woken."""
        queue = self._sleeping[group]
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if seconds is None:
            seconds = LOOK_AGAIN if not queue else LOOK_AGAIN_BEHIND
        queue.append(woken)
        try:
            async with asyncio.timeout(max(AT_LEAST, min(seconds, most))):
                await woken
        except TimeoutError:
            pass
        finally:
            if woken in queue:
                queue.remove(woken)
            if not queue:
                self._sleeping.pop(group, None)

    def wake(self, group: str) -> None:
        """Room may have come: the first one looks."""
        queue = self._sleeping.get(group)
        while queue:
            woken = queue.popleft()
            if not woken.done():
                woken.set_result(None)
                return
