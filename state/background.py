"""One thread with its own event loop, for work that must go on beside the callers' loops and threads.

Synchronous calls run their asynchronous core here, so that all threads of a process share batches and
connections; heartbeats run here, so that a blocked event loop of the caller is not a dead worker.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

GRACE = 2.0  # seconds that tasks get to finish after they were cancelled, and that an ending process waits


@dataclass(frozen=True, slots=True)
class _Running:
    pid: int
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    finalizer: weakref.finalize[..., Any]


class Background:
    """Starts its thread on first use, and again in a forked child; ends with `close`, its owner or the process.

    The thread holds no reference to this object. A coroutine that runs for ever must hold its owner weakly,
    or the owner is never collected.
    """

    def __init__(self, name: str = "router-core") -> None:
        self.name = name
        self._running: _Running | None = None
        self._inherited: list[_Running] = []
        self._locks: dict[int, threading.Lock] = {}
        self._closed = False

    def __repr__(self) -> str:
        return f"Background({self.name!r})"

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of this process's thread, started if need be. Raises RuntimeError after `close`."""
        running = self._running
        if running is not None and running.pid == os.getpid() and not self._closed:
            return running.loop
        return self._start().loop

    @property
    def inside(self) -> bool:
        """Whether the caller is on the background thread itself."""
        running = self._running
        return running is not None and running.thread is threading.current_thread()

    def submit(self, coro: Coroutine[Any, Any, T]) -> Future[T]:
        """Run `coro` there, in the caller's context variables; cancelling the future cancels it."""
        try:
            return asyncio.run_coroutine_threadsafe(coro, self.loop)
        except BaseException:
            coro.close()
            raise

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run `coro` there and wait for its result. Raises RuntimeError on the background thread (a deadlock)."""
        if self.inside:
            coro.close()
            raise RuntimeError("a synchronous call from the background thread would wait for itself; await instead")
        future = self.submit(coro)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what runs, stop the loop and join the thread (not from the thread itself). Twice is harmless."""
        self._closed = True
        running = self._running
        if running is not None and running.pid == os.getpid():
            running.finalizer()

    def _start(self) -> _Running:
        # A lock held by another thread while this process was forked stays locked for ever in the child.
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            if self._closed:
                raise RuntimeError(f"{self!r} is closed")
            running = self._running
            if running is not None:
                if running.pid == os.getpid():
                    return running
                running.finalizer.detach()
                # Kept: collecting the parent's loop here would run the `finally` of the parent's tasks, and
                # closing it would unregister sockets from the epoll object that both processes share.
                self._inherited.append(running)
            self._running = running = self._launch()
            return running

    def _launch(self) -> _Running:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_serve, args=(loop,), name=self.name, daemon=True)
        thread.start()
        return _Running(os.getpid(), loop, thread, weakref.finalize(self, _end, os.getpid(), loop, thread))


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=GRACE))
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()


def _end(pid: int, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    if pid != os.getpid() or loop.is_closed():
        return
    loop.call_soon_threadsafe(loop.stop)
    if thread is threading.current_thread() or asyncio._get_running_loop() is not None:
        return  # collected inside a callback of some loop: joining would block or wait for itself
    thread.join(GRACE + 1.0)
