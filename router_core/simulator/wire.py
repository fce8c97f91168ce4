"""Writing a stream: buffered until there is a pause, in the dialect of the upstream."""

from __future__ import annotations

from aiohttp import web

from router_core.simulator.behaviour import Dialect
from router_core.simulator.pace import nap


class Wire:
    """Raises ConnectionError from `pause` and `flush` when the client has left."""

    def __init__(self, response: web.StreamResponse, dialect: Dialect) -> None:
        self._response = response
        self._dialect = dialect
        self._waiting = bytearray()

    def put(self, data: bytes) -> None:
        self._waiting += data.replace(b"\n", b"\r\n") if self._dialect.crlf else data

    async def pause(self, seconds: float | None) -> None:
        """Send what waits, then be silent; a pause of 0 leaves it waiting."""
        if seconds is None or seconds > 0:
            await self.flush()
            await nap(seconds)

    async def flush(self) -> None:
        data, self._waiting = bytes(self._waiting), bytearray()
        size = self._dialect.chop or len(data) or 1
        for start in range(0, len(data), size):
            await self._response.write(data[start : start + size])
