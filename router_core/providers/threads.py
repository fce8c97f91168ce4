"""Work for libraries that block, off the event loop."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def in_thread(work: Callable[[], T], name: str) -> Future[T]:
    """Run it in a thread of its own: whoever waits may give up, and a pool's threads would outlive their use."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # from now on nobody who waits can cancel it for the others

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as exc:  # noqa: BLE001 — handed to whoever waits
            future.set_exception(exc)

    Thread(target=run, daemon=True, name=name).start()
    return future
