"""Request bodies with a write timeout, which aiohttp lacks: a server that stops reading would hold a call for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator

import aiohttp
import httpx
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

_AT_ONCE = 64 * 1024  # what asyncio takes without waiting for the socket: a write of this size cannot block


def upload(request: httpx.Request, headers: CIMultiDict[str], timeout: float | None) -> bytes | aiohttp.Payload | None:
    """The body of `request` as aiohttp takes it: bytes where they cannot block, else written piece by piece.

    A body of unknown length is sent in chunks; aiohttp sets that header itself and refuses it in `headers`.
    """
    try:
        content = request.content
    except httpx.RequestNotRead:
        headers.popall("Transfer-Encoding", None)
        assert isinstance(request.stream, AsyncIterable)
        return _Upload(request.stream, timeout)
    if len(content) <= _AT_ONCE:
        return content or None
    return _Upload(_pieces(content), timeout)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _AT_ONCE):
        yield content[start : start + _AT_ONCE]


class _Upload(aiohttp.Payload):
    """Each piece has `timeout` seconds to leave; after that the call fails with TimeoutError."""

    def __init__(self, pieces: AsyncIterable[bytes], timeout: float | None) -> None:
        super().__init__(pieces)
        self._pieces, self._timeout = pieces, timeout

    async def write(self, writer: AbstractStreamWriter) -> None:
        async for piece in self._pieces:
            async with asyncio.timeout(self._timeout):
                await writer.write(piece)
                await writer.drain()

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """aiohttp asks for the text of a body only to show it, which must not happen here."""
        raise TypeError("a streamed body has no text")
