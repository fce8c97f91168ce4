"""A snapshot of the pool, at most a second old, kept fresh in the background while somebody reads it.

Routing functions and the sampling of large groups look at it, so that a call costs no operation more.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import Callable

from router_core.state.records import Snapshot, StateError
from router_core.state.store import Store

logger = logging.getLogger("router_core")

OLDEST = 1.0  # seconds
EVERY = 0.5
IDLE = 10.0  # nobody read for so long: stop asking


class Watch:
    """`await current()` is at most a second old; `on_change` hears of each new one (on the background thread)."""

    def __init__(self, store: Store, on_change: Callable[[Snapshot], None] | None = None) -> None:
        self._store, self._background, self._on_change = store, store.background, on_change
        self._snapshot: Snapshot | None = None
        self._taken = -OLDEST
        self._read = 0.0
        self._refreshing: object = None
        self._ended = False

    def touch(self) -> None:
        """Keep it fresh for a while; returns at once."""
        self._read = time.monotonic()
        refreshing = self._refreshing
        if refreshing is None or refreshing is not self._background.loop:
            self._refreshing = self._background.loop  # another one after a fork
            self._background.submit(_refresh(weakref.ref(self)))

    async def current(self) -> Snapshot:
        """The latest snapshot; taken now if there is none that is young enough. Raises StateError."""
        self.touch()
        if self._snapshot is None or time.monotonic() - self._taken > OLDEST:
            await self.take()
        assert self._snapshot is not None
        return self._snapshot

    async def take(self) -> None:
        """Ask the pool. Raises StateError."""
        asked = time.monotonic()
        snapshot = await self._store.snapshot()
        if asked >= self._taken:
            self._snapshot, self._taken = snapshot, asked
            if self._on_change is not None:
                self._on_change(snapshot)

    def close(self) -> None:
        self._ended = True

    @property
    def idle(self) -> bool:
        return self._ended or time.monotonic() - self._read > IDLE

    def rest(self) -> None:
        """The refresher ends; the next reader starts another."""
        self._refreshing = None


async def _refresh(watch: weakref.ref[Watch]) -> None:
    """Holds the watch weakly, or a forgotten router would be asked about for ever."""
    while (alive := watch()) is not None:
        if alive.idle:
            alive.rest()
            return
        try:
            await alive.take()
        except StateError as exc:
            logger.debug("no snapshot of the pool: %s", exc)
        del alive
        await asyncio.sleep(EVERY)
