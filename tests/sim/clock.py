"""Virtual time: an event loop that never waits. When nothing is ready, time jumps to the next timer.

What the router and its state measure with `time.monotonic` and `time.perf_counter` is that time too, and so is what the
memory engine takes for TIME: a run is the same on every machine.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import threading
import time
import weakref
from collections.abc import Coroutine
from typing import Any, TypeVar
from unittest import mock

from router_core.state.background import Background, _Running

T = TypeVar("T")
BEGIN = 1_800_000_000  # seconds since 1970 at which every run begins: a whole minute


class Clock:
    """`now`: seconds since the run began."""

    def __init__(self) -> None:
        self.now = 0.0

    def time_ns(self) -> int:
        """What a server would take for the time."""
        return int((BEGIN + self.now) * 1_000_000) * 1000


class _Selector(selectors.DefaultSelector):
    clock: Clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout != 0:
            if timeout is None:
                raise RuntimeError("everybody waits, and nothing is due: a call in virtual time hangs for ever")
            self.clock.now += max(timeout, 0.0)
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        selector = _Selector()
        selector.clock = clock
        super().__init__(selector)

    def time(self) -> float:
        return self.clock.now


def run(main: Coroutine[Any, Any, T], clock: Clock) -> T:
    """Run to the end of `main` in virtual time; what still runs then is cancelled."""
    loop = _Loop(clock)

    def seconds() -> float:
        return clock.now

    with mock.patch.object(time, "monotonic", seconds), mock.patch.object(time, "perf_counter", seconds):
        asyncio.set_event_loop(loop)
        try:
            return loop.run_until_complete(main)
        finally:
            rest = asyncio.all_tasks(loop)
            for task in rest:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
            asyncio.set_event_loop(None)
            loop.close()


def adopt(background: Background) -> None:
    """What this background thread would do happens on the running loop, in virtual time; it is never started."""
    thread = threading.Thread()
    nothing = weakref.finalize(background, lambda: None)
    background._running = _Running(os.getpid(), asyncio.get_running_loop(), thread, nothing)
