"""Workers that serve arrivals until they are killed: fresh ones, so that a new one is there at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from multiprocessing.connection import Connection
from typing import Any

from router_core.state.records import Acquire
from router_core.state.store import Store
from tests.fresh import FRESH
from tests.state.kit import RANKS, tried
from tests.state.race_workers import PATIENCE, patient


def serve(url: str, pool: str, max_wait: float, pipe: Connection) -> None:
    """Says when it is ready; then asks for every number of tokens that it hears. No call ends."""
    asyncio.run(_serve(url, pool, max_wait, pipe))


async def _serve(url: str, pool: str, max_wait: float, pipe: Connection) -> None:
    store = Store(url, pool=pool, ranks=RANKS, timeout=20.0, engine=patient(url))
    await store.snapshot([])
    tasks = set[asyncio.Task[Any]]()
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hear() -> None:
        try:
            tokens = pipe.recv()
        except (EOFError, ConnectionError):
            loop.remove_reader(pipe.fileno())
            closed.set()
            return
        request = Acquire("g", ("a",), input_tokens=tokens, max_wait=max_wait)
        tasks.add(asyncio.create_task(tried(store, request)))

    loop.add_reader(pipe.fileno(), hear)
    pipe.send(os.getpid())
    await closed.wait()
    await asyncio.gather(*tasks)


class Worker:
    """One of them, from outside."""

    def __init__(self, url: str, pool: str, max_wait: float) -> None:
        self.pipe, theirs = FRESH.Pipe()
        self.process = FRESH.Process(target=serve, args=(url, pool, max_wait, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.is_ready = False

    def ready(self) -> bool:
        if not self.is_ready and self.pipe.poll():
            self.pipe.recv()
            self.is_ready = True
        return self.is_ready

    def kill(self) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.end()

    def end(self) -> None:
        """It hears nothing more, and its last calls have been answered."""
        self.pipe.close()
        self.process.join(PATIENCE)
        self.process.close()


class Crew:
    """So many workers that serve, and one that stands by."""

    def __init__(self, workers: int, url: str, pool: str, max_wait: float) -> None:
        self._args = url, pool, max_wait
        self._serving = deque(Worker(*self._args) for _ in range(workers))
        self._next = Worker(*self._args)
        self.killed = 0

    @property
    def ready(self) -> bool:
        return all(one.ready() for one in (*self._serving, self._next))

    def ask(self, tokens: int) -> None:
        """The next in turn."""
        self._serving.rotate()
        self._serving[0].pipe.send(tokens)

    def replace(self) -> None:
        """The one who has served longest is killed, with all that it runs and that waits in it."""
        if self._next.ready():
            self._serving.append(self._next)
            self._serving.popleft().kill()
            self._next = Worker(*self._args)
            self.killed += 1

    def end(self) -> None:
        self._next.kill()
        for one in self._serving:
            one.end()
