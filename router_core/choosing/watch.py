"""A snapshot of the pool, at most a second old, kept fresh in the background while somebody reads it.

Routing functions and the sampling of large groups look at it, so that a call costs no operation more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from router_core.state.records import Snapshot, StateError
from router_core.state.store import Store
from router_core.state.upkeep import Upkeep

logger = logging.getLogger("router_core")

OLDEST = 1.0  # seconds
EVERY = 0.5
IDLE = 10.0  # nobody read for so long: stop asking


class Watch:
    """`await current()` is at most a second old; `on_change` hears of each new one (on the background thread)."""

    def __init__(self, store: Store, on_change: Callable[[Snapshot], None] | None = None) -> None:
        self._store, self._on_change = store, on_change
        self._snapshot: Snapshot | None = None
        self._taken = -OLDEST
        self._read = 0.0
        self._ended = False
        self._upkeep = Upkeep(store.background, self, Watch._kept)

    def touch(self) -> None:
        """Keep it fresh for a while; returns at once."""
        self._read = time.monotonic()
        self._upkeep.begin()

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

    async def _kept(self) -> float | None:
        if self._ended or time.monotonic() - self._read > IDLE:
            return None
        try:
            await self.take()
        except StateError as exc:
            logger.debug("no snapshot of the pool: %s", exc)
        return EVERY
