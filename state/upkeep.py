"""What is done again and again in the background, for as long as somebody needs it."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from router_core.state.background import Background

Owner = TypeVar("Owner")


class Upkeep(Generic[Owner]):
    """`step(owner)`, and again after as many seconds as it returns, until it returns None.

    The owner holds this object, and is itself held weakly: a forgotten one would be kept up for ever.
    """

    def __init__(self, background: Background, owner: Owner, step: Callable[[Owner], Awaitable[float | None]]) -> None:
        self._background, self._owner, self._step = background, weakref.ref(owner), step
        self._loop: asyncio.AbstractEventLoop | None = None
        self._future: Future[None] | None = None
        self._pid = 0

    @property
    def running(self) -> bool:
        return self._loop is not None

    def begin(self) -> None:
        """Returns at once; one that runs goes on. Raises RuntimeError after `Background.close`."""
        loop = self._background.loop
        if self._loop is not loop:  # a forked child has a loop of its own
            self._loop, self._pid = loop, os.getpid()
            self._future = self._background.submit(_repeat(weakref.ref(self)))

    def cancel(self) -> None:
        """What is under way is given up."""
        if self._future is not None and self._pid == os.getpid():  # else a forked parent's, on the parent's loop
            self._future.cancel()

    async def once(self) -> float | None:
        """One step. Returns the seconds until the next; None: it has ended, and `begin` starts anew."""
        owner = self._owner()
        pause = None if owner is None else await self._step(owner)
        if pause is None:
            self._loop = None
        return pause


async def _repeat(reference: weakref.ref[Upkeep[Any]]) -> None:
    while (alive := reference()) is not None:
        pause = await alive.once()
        del alive
        if pause is None:
            return
        await asyncio.sleep(pause)
