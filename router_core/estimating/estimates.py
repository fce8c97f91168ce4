"""How long calls usually take, as the fleet measured it in the last minutes: what hedges and timeouts go by.

Read from the pool in the background, while somebody asks, so that a call costs no operation more; about a second old.
Unknown is None: before the first reading, and while too few calls were measured.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from router_core.state.records import Percentiles, StateError, Timings
from router_core.state.store import Store
from router_core.state.upkeep import Upkeep

logger = logging.getLogger("router_core")

EVERY, AGE = 0.5, 0.4  # seconds between two readings, and that the pool's answer may be old
OLDEST = 5.0  # where the pool cannot be asked
IDLE = 10.0  # nobody asked for so long: stop reading
FEWEST = 20  # calls
AT_ONCE = 64  # deployments of a group; the others the next time


class Estimates:
    """Times in seconds. Safe in threads and forked children."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._groups: dict[str, _Group] = {}
        self._upkeep = Upkeep(store.background, self, Estimates._kept)
        self._ended = False

    def of_group(self, group: str, ids: Sequence[str], stream: bool, percent: int) -> float | None:
        """What so many percent of the group's calls take at most: to the first content, or whole where not streamed."""
        known = self._asked(group, ids, percent).together
        return None if known is None else _seconds(known.ttft if stream else known.latency, percent)

    def of_deployment(self, group: str, ids: Sequence[str], id: str, first: bool, percent: int) -> float | None:
        """What so many percent of one deployment's calls take at most; `first`: streams, to their first content."""
        known = self._asked(group, ids, percent).each.get(id)
        return None if known is None else _seconds(known.ttft if first else known.latency, percent)

    def _asked(self, group: str, ids: Sequence[str], percent: int) -> _Group:
        now = time.monotonic()
        known = self._groups.get(group)
        if known is None or known.ids is not ids or now - known.read > OLDEST:
            percents = frozenset[int]() if known is None else known.percents
            known = self._groups[group] = _Group(ids, percents, now)
        known.asked = now
        if percent not in known.percents:
            known.percents |= {percent}
        if not self._ended:
            self._upkeep.begin()
        return known

    async def read(self) -> None:
        """Ask the pool for what is asked for here. Raises StateError."""
        for group, known in list(self._groups.items()):
            if time.monotonic() - known.asked > IDLE:
                self._groups.pop(group, None)
                continue
            part = known.next_part()
            known.together, each = await self._store.timings(part, sorted(known.percents), AGE)
            known.each.update(each)
            known.read = time.monotonic()

    def close(self) -> None:
        """Read no more."""
        self._ended = True
        self._groups.clear()

    async def _kept(self) -> float | None:
        if not self._groups:
            return None
        try:
            await self.read()
        except StateError as exc:
            logger.debug("no percentiles of the pool: %s", exc)
        return EVERY


class _Group:
    """What is known of a group. `read`, `asked`: when, of the monotonic clock."""

    def __init__(self, ids: Sequence[str], percents: frozenset[int], now: float) -> None:
        self.ids, self.percents, self.read, self.asked = ids, percents, now, now
        self.together: Timings | None = None
        self.each: dict[str, Timings] = {}
        self._next = 0

    def next_part(self) -> list[str]:
        """Those to read now: all of a small group, a part of a large one in turn."""
        size = len(self.ids)
        first, self._next = self._next, (self._next + AT_ONCE) % size
        return [self.ids[(first + i) % size] for i in range(min(size, AT_ONCE))]


def sample(
    kind: str, stream: bool, ttft_ms: float | None, ms: float, gave_up: bool
) -> tuple[float | None, float | None] | None:
    """What percentiles count of an attempt that took `ms` (`Outcome.sample`), None for nothing.

    One that was too slow, for its timeout or for its hedge, took at least so long: without those, the slow would not
    be seen, and what is usual would shrink from hedge to hedge.
    """
    if kind == "ok":
        return ttft_ms, ms
    if kind == "timeout" or gave_up:
        return (ms, None) if stream and ttft_ms is None else (ttft_ms, ms)
    return None


def _seconds(known: Percentiles, percent: int) -> float | None:
    """None where the calls beyond that percent are not one yet."""
    ms = known.ms.get(percent)
    return None if ms is None or known.count * (100 - percent) < 100 or known.count < FEWEST else ms / 1000
