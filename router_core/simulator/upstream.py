"""A simulated OpenAI-compatible upstream on a loopback port: start, stop, change while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

from aiohttp import web

from router_core.simulator.behaviour import Behaviour
from router_core.simulator.control import Control
from router_core.simulator.faults import Errors
from router_core.simulator.log import Log
from router_core.simulator.schedule import When
from router_core.simulator.service import Service

_MOST_BYTES = 64 * 1024 * 1024
_BACKLOG = 4096
_SHUTDOWN = 5.0


class Upstream:
    """`async with Upstream(Behaviour(rpm=60)) as upstream: …upstream.url…`

    Equal seeds and equal arrivals give equal draws. `log` is the witness; `log_cap` bounds it. `port=0` takes a free
    port at the first start and keeps it, also through `stop` and `start`.
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 0,
        log_cap: int = 250_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.host = host
        self.port = port
        self.log = Log(log_cap, clock)
        self._service = Service(behaviour or Behaviour(), log=self.log, rng=random.Random(seed), clock=clock)
        self._control = Control(self)
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._place: socket.socket | None = None
        self._return: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """What a client calls `api_base` or `base_url`."""
        return f"{self.origin}/v1"

    @property
    def origin(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def behaviour(self) -> Behaviour:
        """In force for the next request; what runs keeps the one it came with."""
        return self._service.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._service.behaviour = behaviour

    @property
    def elapsed(self) -> float:
        """Seconds of the upstream's own life (`Behaviour.speed`), which schedules of faults are written in."""
        return self._service.elapsed

    def fail(
        self,
        status: int = 500,
        *,
        rate: float = 1.0,
        seconds: float | None = None,
        times: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Answer errors from now on: a share of the requests, for a while, or so many times; before other faults."""
        when = When(rate=rate, start=self.elapsed, seconds=seconds, times=times)
        fault = Errors(status=status, code=code, retry_after=retry_after, when=when)
        self.behaviour = replace(self.behaviour, faults=(fault, *self.behaviour.faults))

    def slow(self, factor: float) -> None:
        """Take `factor` times as long as the behaviour says; 1 is normal again."""
        self.behaviour = replace(self.behaviour, slowdown=factor)

    def heal(self) -> None:
        """No faults, and normal speed."""
        self.behaviour = replace(self.behaviour, faults=(), slowdown=1.0)

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        if self._listener is not None:
            return
        self._release_place()
        server = web.Server(self._handle, request_factory=_request, handler_cancellation=True, access_log=None)
        loop = asyncio.get_running_loop()
        self._service.stopping = False
        self._listener = await loop.create_server(
            server, self.host, self.port, backlog=_BACKLOG, reuse_address=True, family=socket.AF_INET
        )
        self.port = self._listener.sockets[0].getsockname()[1]
        self._server = server

    async def stop(self) -> None:
        """An outage: every connection breaks at once, new ones are refused; limits and log are kept."""
        listener, server = self._listener, self._server
        if listener is None or server is None:
            return
        self._listener = self._server = None
        self._service.stopping = True
        listener.close()
        for connection in list(server.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await server.shutdown(_SHUTDOWN)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(listener.wait_closed(), _SHUTDOWN)
        self._hold_place()

    def outage(self, seconds: float) -> None:
        """Stop soon, and start again `seconds` later, without waiting for it."""
        if self._return is None or self._return.done():
            self._return = asyncio.get_running_loop().create_task(self._away(seconds))

    async def aclose(self) -> None:
        """Stop for good and give the port back."""
        if self._return is not None:
            self._return.cancel()
            await asyncio.gather(self._return, return_exceptions=True)
        await self.stop()
        self._release_place()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        answer = await self._control.answer(request) if request.path.startswith("/_") else None
        return answer if answer is not None else await self._service(request)

    async def _away(self, seconds: float) -> None:
        await asyncio.sleep(0.05)  # let the answer to whoever asked for the outage go out first
        await self.stop()
        await asyncio.sleep(seconds)
        await self.start()

    def _hold_place(self) -> None:
        """Bound but not listening: connections are refused, and nobody else is given the port meanwhile."""
        place = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            place.bind((self.host, self.port))
        except OSError:
            place.close()
            return
        self._place = place

    def _release_place(self) -> None:
        if self._place is not None:
            self._place.close()
            self._place = None


def _request(*parts: object) -> web.BaseRequest:
    """A request that may carry a long prompt: aiohttp's own bound is 1 MB."""
    message, payload, protocol, writer, task = parts
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_MOST_BYTES)  # type: ignore[arg-type]
