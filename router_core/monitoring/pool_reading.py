"""The pool as metrics show it: read in the background while somebody scrapes, never by the scrape itself."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from router_core.state.records import Event, LimitState, Snapshot, StateError
from router_core.state.store import Store
from router_core.state.upkeep import Upkeep

logger = logging.getLogger("router_core")

EVERY = 5.0  # seconds between two readings: how old a gauge may be
IDLE = 120.0  # nobody scraped for so long: stop asking
_FEW, _MANY = 100, 2000  # newest events that are read; more where all of them were new


class PoolReading:
    """The latest snapshot of `deployments`, the limits of `subjects` (`account:acme`), and the cooldowns of the fleet
    since the first reading.

    `degraded`: the last reading failed. `cooldowns` counts by deployment and reason.
    """

    def __init__(
        self, store: Store, deployments: Sequence[str], subjects: Sequence[str] = (), *, every: float = EVERY
    ) -> None:
        self.snapshot: Snapshot | None = None
        self.limits: tuple[LimitState, ...] = ()
        self.degraded = False
        self.cooldowns: Counter[tuple[str, str]] = Counter()
        self.every = every
        self._store, self._ids, self._subjects = store, tuple(deployments), tuple(subjects)
        self._known = frozenset(deployments)
        self._taken = self._asked = 0.0
        self._newest: tuple[int, ...] | None = None
        self._upkeep = Upkeep(store.background, self, PoolReading._kept)
        self._ended = False

    @property
    def pool(self) -> str:
        return self._store.keys.pool

    @property
    def age(self) -> float:
        """Seconds since the latest snapshot."""
        return time.monotonic() - self._taken

    @property
    def operations(self) -> tuple[Mapping[str, int], int]:
        """Operations by verb, and script calls, of this worker so far."""
        try:
            return dict(self._store.verbs), self._store.operations[1]
        except StateError:  # closed before its first call
            return {}, 0

    def touch(self) -> None:
        """Somebody scrapes: keep the reading fresh from now on. Returns at once."""
        self._asked = time.monotonic()
        if self._ended:
            return
        try:
            self._upkeep.begin()
        except RuntimeError:  # the store is closed
            self._ended = True

    async def read(self) -> None:
        """Ask the pool once. A pool that cannot be reached is a reading too: degraded."""
        try:
            snapshot, events = await self._store.snapshot(self._ids), await self._news()
            self.limits = tuple(await self._store.used(self._subjects)) if self._subjects else ()
        except StateError as exc:
            logger.debug("no reading of pool %s: %s", self.pool, exc)
            self.degraded = True
            return
        self.snapshot, self._taken, self.degraded = snapshot, time.monotonic(), False
        for event in events:
            if event.kind == "cooldown" and event.deployment in self._known:
                self.cooldowns[event.deployment, event.detail.partition(" ")[0]] += 1

    async def _news(self) -> list[Event]:
        """Events since the last reading; none at the first: counters begin at zero."""
        before, latest = self._newest, await self._store.events(_FEW)
        if before is not None and len(latest) == _FEW and _order(latest[-1]) > before:
            latest = await self._store.events(_MANY)
        self._newest = _order(latest[0]) if latest else before or (0, 0)
        return [] if before is None else [event for event in latest if _order(event) > before]

    def close(self) -> None:
        """Ask no more. What is under way is given up, or it would connect again while the store closes."""
        self._ended = True
        self._upkeep.cancel()

    async def _kept(self) -> float | None:
        if self._ended or time.monotonic() - self._asked > IDLE:
            return None
        await self.read()
        return self.every


def _order(event: Event) -> tuple[int, ...]:
    """Ids of a stream are `ms-number`."""
    return tuple(int(part) for part in event.id.split("-"))
