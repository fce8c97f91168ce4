"""Calls of this process that wait for a first sign of their deployment: told of with each heartbeat, so that the fleet
doubts who accepts calls and never answers before any timeout is over (lua/silence.lua)."""

from __future__ import annotations

from heapq import nsmallest

from router_core.state.names import escaped
from router_core.state.records import Lease

LEAST = 1000  # ms: what waits for less is no matter, as doubt.lua says too
MOST = 16  # calls of one deployment that are told of at once: the oldest


class Silences:
    """The calls by lease; times are the pool's, in ms."""

    def __init__(self) -> None:
        self._calls: dict[str, tuple[str, int, bool]] = {}
        self._told = 0.0  # when the pool heard of them last

    def __len__(self) -> int:
        return len(self._calls)

    def begin(self, lease: Lease, stream: bool, now: float) -> None:
        """A call is made. `stream`: it waits for a first content, not for the whole answer.

        `now` is no earlier than its lease: else its own success would count as that of a call from after the silence.
        """
        self._calls[lease.id] = lease.deployment, int(now), stream

    def end(self, lease: Lease) -> None:
        """It has its sign, or is over. Any number of times."""
        self._calls.pop(lease.id, None)

    def told(self, now: float) -> None:
        """The pool has heard `text(now)`."""
        self._told = now

    def text(self, now: float) -> str:
        """`id at:before:age:stream,... id ...` as lua/silence.lua reads it, "" where nobody waits for long."""
        waiting: dict[str, list[tuple[int, bool]]] = {}
        for deployment, at_ms, stream in tuple(self._calls.values()):  # at once: another thread may change it meanwhile
            if now - at_ms >= LEAST:
                waiting.setdefault(deployment, []).append((at_ms, stream))
        return " ".join(f"{escaped(id)} {self._words(calls, now)}" for id, calls in waiting.items())

    def _words(self, calls: list[tuple[int, bool]], now: float) -> str:
        oldest = nsmallest(MOST, calls)
        return ",".join(f"{at}:{max(0.0, self._told - at):.0f}:{now - at:.0f}:{int(stream)}" for at, stream in oldest)
