"""What a Store keeps per process: the worker, its lines (one per event loop), its membership in the fleet, its ends."""

from __future__ import annotations

import asyncio
import logging
import threading
import weakref
from collections.abc import Coroutine, Iterable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from router_core.state.batch import Counts, Reply
from router_core.state.ends import Ends
from router_core.state.fleet import HEARTBEAT, Fleet
from router_core.state.line import Line
from router_core.state.operations import FleetOp
from router_core.state.records import Declared, Rows, StateError
from router_core.state.worker import Worker

if TYPE_CHECKING:
    from router_core.state.store import Store

T = TypeVar("T")
logger = logging.getLogger("router_core")


class Member:
    """One process of the pool. Made anew in a forked child, where nothing of the parent's may be touched."""

    def __init__(self, store: Store, cell: int) -> None:
        self.worker = Worker(cell)
        self.counts = Counts()
        self.epoch = ""
        self._store = weakref.ref(store)
        self._engine, self._keys, self._script = store.engine, store.keys, store.calls_script
        self._timeout, self._background = store.timeout, store.background
        self.fleet = Fleet(store.engine.connect(), store.fleet_script, store.keys, self.worker, store.timeout)
        self.ends = Ends(self, self._store, store.background, store.keys.pool)
        self._lines: dict[asyncio.AbstractEventLoop, Line] = {}
        self._lock = threading.Lock()
        self._joined = False
        self._first: Future[None] | None = None  # calls that come together join once
        self._beating = False

    def line(self) -> Line:
        """The running loop's connection and batch."""
        loop = asyncio.get_running_loop()
        line = self._lines.get(loop)
        if line is None:
            with self._lock:
                for ended in [other for other in self._lines if other.is_closed()]:
                    del self._lines[ended]
                line = self._lines[loop] = Line(self, self._engine.connect(), self._keys, self._script, self._timeout)
        return line

    def keep(self) -> object:
        """All that must stay referenced in a forked child: collected there, the parent's sockets would be taken out
        of the epoll set that both processes share."""
        self.fleet.let_go()
        for line in list(self._lines.values()):
            line.let_go()
        return self, list(self._lines.items())

    def heard(self, reply: Reply) -> None:
        """A reply of the pool: its time, its epoch, and whether it takes us for alive."""
        self.worker.heard(reply)
        if reply.epoch != self.epoch:
            forgotten, self.epoch = self.epoch != "", reply.epoch
            if forgotten:
                logger.warning("pool %s was made anew: its state is empty; registering again", self._keys.pool)
                self._background.submit(self._again())
        elif not reply.known and self._joined:
            self._background.submit(self._again())

    async def _again(self) -> None:
        try:
            await self.fleet.introduce()
        except StateError as error:
            logger.warning("could not register with pool %s: %s", self._keys.pool, error)

    async def ready(self, declared: Sequence[Declared], rows: Sequence[Rows]) -> None:
        """Before the first call: known to the pool, and its clock known to us."""
        if self._joined:
            return
        with self._lock:
            if self._first is None or self._first.done():
                self._first = self._background.submit(self._join(declared, rows))
        await asyncio.shield(asyncio.wrap_future(self._first))

    async def join(self, declared: Sequence[Declared], rows: Sequence[Rows]) -> None:
        """Register and begin to send heartbeats. Raises StateError."""
        await self._over_there(self._join(declared, rows))

    async def _join(self, declared: Sequence[Declared], rows: Sequence[Rows]) -> None:
        await self.fleet.register(declared, rows)
        await self._recall()
        if not self._beating:
            self._beating = True
            self._background.submit(_beat(weakref.ref(self)))
        self._joined = True

    async def ask(self, operations: Sequence[FleetOp], groups: Sequence[str] = ()) -> tuple[Reply, list[str]]:
        """Operations of the fleet script, over the connection of the background loop. Raises StateError."""
        return await self._over_there(self._ask(operations, groups))

    async def _ask(self, operations: Sequence[FleetOp], groups: Sequence[str]) -> tuple[Reply, list[str]]:
        reply, answers = await self.fleet.ask(operations, groups)
        self.epoch = self.epoch or reply.epoch
        return reply, answers

    async def write_calendars(self, names: Iterable[str]) -> None:
        """See Fleet.write_calendars."""
        await self._over_there(self.fleet.write_calendars(names))

    async def _over_there(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(self._background.submit(coroutine))

    async def _recall(self) -> None:
        """What the fleet has learned of this worker's deployments, for its first calls."""
        store = self._store()
        if store is not None and store.on_fit is not None:
            async for id, *words in self.fleet.fits():
                self.ends.learned(id, words)

    async def flush(self) -> None:
        """Every end of a call handed over so far has been answered, or waits for Redis to come back."""
        if self._joined:  # ends handed over by threads without a loop are on their way to the background loop
            await self._over_there(asyncio.sleep(0))
        here = asyncio.get_running_loop()
        for loop, line in list(self._lines.items()):
            if loop is here:
                await line.drain()
            elif loop.is_running():
                await _there(loop, line.drain())

    async def aclose(self) -> None:
        """Flush and leave."""
        await self.flush()
        here = asyncio.get_running_loop()
        for loop, line in list(self._lines.items()):
            if loop is here:
                await line.aclose()
            elif loop.is_running():
                await _there(loop, line.aclose())
        await self._over_there(self.fleet.leave() if self._joined else self.fleet.aclose())


async def _there(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> None:
    """Run it in another thread's loop and wait. A loop that ends meanwhile hands over what it had (`Batcher`)."""
    waiting = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))
    while loop.is_running():
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        if done:
            return
    waiting.cancel()
    coroutine.close()


async def _beat(member_ref: weakref.ref[Member]) -> None:
    """Heartbeats until the member is gone."""
    while True:
        await asyncio.sleep(HEARTBEAT)
        member = member_ref()
        if member is None:
            return
        try:
            await member.fleet.beat()
        except StateError as error:
            logger.warning("heartbeat failed: %s", error)
        del member
