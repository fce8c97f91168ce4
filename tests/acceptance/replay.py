"""A worker that replays arrivals through a Router and writes down what became of each, in pool time.

What was reserved, and exactly when, is read from the pool itself: the lease's record in Redis.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis

from router_core import Router
from router_core.errors import RouterError
from router_core.simulator import Arrival
from router_core.state.records import Acquire, Lease, Outcome

_RECORD = re.compile(r"held (\S+) \S+ \S+ \S+ (\d+)(.*)")
_call: ContextVar[Call] = ContextVar("call")


@dataclass
class Reservation:
    """What a lease took. It counts with `tokens` until `ended_ms`, then with `used`, what the call really took."""

    at_ms: int
    deployment: str
    tokens: int
    ended_ms: float | None = None
    used: int | None = None
    requests: int = 1


@dataclass
class Call:
    """One arrival; times are the pool's. `need`: tokens it asked for. `error`: its class, "" where it was served."""

    arrival: Arrival
    sent_ms: float
    need: int = 0
    ended_ms: float = 0.0
    error: str = ""
    reasons: tuple[str, ...] = ()
    reservations: list[Reservation] = field(default_factory=list)


def replay(
    pipe: Connection, url: str, pool: str, model_list: list[dict[str, Any]], arrivals: Sequence[Arrival], wait: float
) -> None:
    """Says when it is ready, hears the monotonic time of the start, sends the calls when all have ended."""
    asyncio.run(_replay(pipe, url, pool, model_list, arrivals, wait))


async def _replay(
    pipe: Connection, url: str, pool: str, model_list: list[dict[str, Any]], arrivals: Sequence[Arrival], wait: float
) -> None:
    async with Router(model_list=model_list, redis_url=url, pool=pool, max_wait=wait) as router:
        await router.snapshot()
        book = Book(router, url)
        pipe.send("ready")
        start: float = await asyncio.to_thread(pipe.recv)
        tasks = []
        for arrival in arrivals:
            await asyncio.sleep(max(0.0, start + arrival.at - time.monotonic()))
            tasks.append(asyncio.create_task(_send(router, book, arrival)))
        calls = await asyncio.gather(*tasks)
        await book.aclose()
        pipe.send((calls, router.store.operations))


async def _send(router: Router, book: Book, arrival: Arrival) -> Call:
    call = Call(arrival, book.pool_ms())
    _call.set(call)
    # The text is longer than the tokens the upstream will count, by the length of the answer: what is reserved is an
    # upper bound then, and not even the debt of a bad estimate may lift a window above its limit.
    text = "x" * (4 * (arrival.input_tokens + arrival.output_tokens))
    told = {"x-sim-input-tokens": str(arrival.input_tokens), "x-sim-output-tokens": str(arrival.output_tokens)}
    try:
        await router.acompletion(
            "m", [{"role": "user", "content": text}], max_tokens=max(1, arrival.output_tokens), extra_headers=told
        )
    except RouterError as error:
        call.error, call.reasons = type(error).__name__, tuple(r.reason for r in getattr(error, "refusals", ()))
    call.ended_ms = book.pool_ms()
    return call


class Book:
    """Sits between a Router and its Store, and notes every lease with its end.

    The record of a lease is read while its call runs, so that nothing comes between a reservation and its upstream;
    a call that ends before that is settled a moment later.
    """

    def __init__(self, router: Router, url: str) -> None:
        self._store = store = router.store
        self._ask, self._settle, self._cancel = store.acquire, store.settle, store.cancel
        self._reading: dict[str, asyncio.Task[Reservation]] = {}
        pool = BlockingConnectionPool.from_url(url, max_connections=4, timeout=30, decode_responses=True)
        self._redis = Redis(connection_pool=pool)
        store.acquire, store.settle, store.cancel = self.acquire, self.settle, self.cancel  # type: ignore[method-assign]

    def pool_ms(self) -> float:
        return self._store._process().worker.pool_ms()

    async def acquire(self, request: Acquire) -> Lease:
        call = _call.get()
        call.need = request.input_tokens + request.output_tokens
        lease = await self._ask(request)
        self._reading[lease.id] = asyncio.create_task(self._read(lease, call))
        return lease

    async def _read(self, lease: Lease, call: Call) -> Reservation:
        record = (await self._redis.hmget(self._store.keys.of("lease"), [lease.id]))[0]
        held = _RECORD.fullmatch(str(record))
        assert held is not None, record
        limits = dict(word.split("=") for word in held[3].split())
        made = Reservation(int(held[2]), held[1], int(limits["tokens/60"]), requests=int(limits["requests/60"]))
        call.reservations.append(made)
        return made

    def settle(self, lease: Lease, outcome: Outcome) -> None:
        sent, made = outcome.input_tokens, outcome.output_tokens
        used = None if sent is None or made is None else sent + made
        self._reading[lease.id].add_done_callback(lambda read: self._ended(read, used, 1))
        self._reading[lease.id].add_done_callback(lambda _: self._settle(lease, outcome))

    def cancel(self, lease: Lease) -> None:
        self._reading[lease.id].add_done_callback(lambda read: self._ended(read, 0, 0))
        self._reading[lease.id].add_done_callback(lambda _: self._cancel(lease))

    def _ended(self, read: asyncio.Task[Reservation], used: int | None, requests: int) -> None:
        reservation = read.result()
        reservation.ended_ms, reservation.requests = self.pool_ms(), requests
        reservation.used = reservation.tokens if used is None else used

    async def aclose(self) -> None:
        """Everything was read and handed to the store."""
        await asyncio.gather(*self._reading.values())
        await asyncio.sleep(0)  # the callbacks of the last ones
        await self._store.flush()
        await self._redis.connection_pool.disconnect()
