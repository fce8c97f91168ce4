"""Where refused calls sleep until their place has room.

The place itself is a ticket in Redis (lua/queue.lua). Here a call sleeps until the time its ticket was told, and asks
again then. Sooner only the first of a group in this process does: when a call of the group ended here and room may come
at any time, or now and then, in case room came from another process. Calls that a limit of their user's keeps have no
ticket; those of one user are a line of their own (`group` is `user:alice` then), or they would hear of room in place of
others.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

LOOK_AGAIN = 0.25  # seconds, the first waiter of a group
LOOK_AGAIN_BEHIND = 2.0  # the others where nobody can know: they are woken by the one before
AT_LEAST = 0.002


class Turn(NamedTuple):
    """The order of tickets: as the pool says it, then who has to be served sooner, then who came first."""

    number: int
    until_ms: int
    arrival: int


@dataclass(slots=True, eq=False)
class _Sleeper:
    turn: Turn
    due: float  # loop time
    any_time: bool  # room may come before `due`
    woken: asyncio.Future[bool]
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    looks: bool = False

    def wake(self, told: bool) -> None:
        if not self.woken.done():
            self.woken.set_result(told)


_turn_of = attrgetter("turn")


class Waiters:
    """The sleeping calls of one event loop, in the order of their tickets per group."""

    def __init__(self) -> None:
        self._sleeping: defaultdict[str, list[_Sleeper]] = defaultdict(list)
        self._count = 0

    def turn(self, number: int, until_ms: int) -> Turn:
        """A call begins to wait: its turn, kept however often it looks."""
        self._count += 1
        return Turn(number, until_ms, self._count)

    async def sleep(self, group: str, turn: Turn, seconds: float | None, any_time: bool, most: float) -> bool:
        """Sleep until room is expected in `seconds` (None: nobody can know), at most `most` seconds, or until woken.

        `any_time`: room may come before that too. Returns whether somebody told it of room, who then tells the next.
        """
        loop = asyncio.get_running_loop()
        expected = LOOK_AGAIN_BEHIND if seconds is None else seconds
        me = _Sleeper(turn, loop.time() + (seconds or 0.0), any_time, loop.create_future())
        me.timers.append(loop.call_later(max(AT_LEAST, min(expected, most)), me.wake, False))
        insort(self._sleeping[group], me, key=_turn_of)
        self._watch(group)
        try:
            return await me.woken
        finally:
            for timer in me.timers:
                timer.cancel()
            self._forget(group, me)

    def wake(self, group: str) -> None:
        """Room may have come: the first one looks, unless it knows that it must wait for its time."""
        queue = self._sleeping.get(group)
        if queue and (queue[0].any_time or queue[0].due <= asyncio.get_running_loop().time()):
            queue.pop(0).wake(True)
            self._watch(group)

    def _watch(self, group: str) -> None:
        queue = self._sleeping.get(group)
        if queue and not queue[0].looks:
            first = queue[0]
            first.looks = True
            first.timers.append(asyncio.get_running_loop().call_later(LOOK_AGAIN, first.wake, False))

    def _forget(self, group: str, sleeper: _Sleeper) -> None:
        queue = self._sleeping.get(group)
        if not queue:
            self._sleeping.pop(group, None)
            return
        at = bisect_left(queue, sleeper.turn, key=_turn_of)
        if at < len(queue) and queue[at] is sleeper:
            del queue[at]
        if queue:
            self._watch(group)
        else:
            del self._sleeping[group]
