"""What is to happen before an event loop ends, without anybody who says that it does.

`asyncio.run` and its kin end the asynchronous generators of their loop before they close it, so a generator that waits
can do what is left to do: a socket of a loop that is closed could only be left to the garbage collector.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

Close = Callable[[], Awaitable[object]]


class LoopEnd:
    """`close` is awaited once: by `aclose`, when the running loop ends, or when nobody holds this any more.

    Not in a child forked meanwhile, whose loops are its parent's.
    """

    def __init__(self, close: Close) -> None:
        self._waiting = _at_the_end(close, os.getpid())
        with suppress(StopIteration):
            anext(self._waiting).__await__().send(None)  # as far as its `yield`: now the loop knows it

    async def aclose(self) -> None:
        """Now. Twice is harmless."""
        with suppress(RuntimeError):  # it is doing so already
            await self._waiting.aclose()


async def _at_the_end(close: Close, pid: int) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        if pid == os.getpid():
            await close()
