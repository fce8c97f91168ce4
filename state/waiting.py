"""Where refused calls sleep until their place has room.

The place itself is a ticket in Redis (lua/queue.lua). Here a call sleeps until the time its ticket was told, or until a
call of the same group ended in this process; only the first of a group looks again now and then, in case room came from
another process.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import defaultdict

LOOK_AGAIN = 0.25  # seconds, the first waiter of a group
LOOK_AGAIN_BEHIND = 2.0  # the others where nobody can know: they are woken by the one before
AT_LEAST = 0.002

Turn = tuple[int, int]  # priority and number: unique, and in the order of the tickets


class Waiters:
    """The sleeping calls of one event loop, in the order of their tickets per group."""

    def __init__(self) -> None:
        self._sleeping: defaultdict[str, list[tuple[Turn, asyncio.Future[None]]]] = defaultdict(list)
        self._count = 0

    def turn(self, priority: int) -> Turn:
        """A call begins to wait: its turn, kept however often it looks."""
        self._count += 1
        return priority, self._count

    async def sleep(self, group: str, turn: Turn, seconds: float | None, unknown: bool, most: float) -> None:
        """Sleep until room is expected in `seconds` (None: nobody can know), at most `most` seconds, or until woken.

        `unknown`: room may come before that too.
        """
        queue = self._sleeping[group]
        entry = (turn, asyncio.get_running_loop().create_future())
        insort(queue, entry)
        longest = LOOK_AGAIN if queue[0] is entry else LOOK_AGAIN_BEHIND if unknown else most
        try:
            async with asyncio.timeout(max(AT_LEAST, min(longest if seconds is None else seconds, longest, most))):
                await entry[1]
        except TimeoutError:
            pass
        finally:
            if entry in queue:
                queue.remove(entry)
            if not queue:
                self._sleeping.pop(group, None)

    def wake(self, group: str) -> None:
        """Room may have come: the first one looks."""
        queue = self._sleeping.get(group)
        while queue:
            _, woken = queue.pop(0)
            if not woken.done():
                woken.set_result(None)
                return
