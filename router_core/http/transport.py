"""The HTTP engine: aiohttp behind httpx's transport interface.

httpx's own connection pool costs 10 to 30 times as much CPU under load. Used without `httpx.AsyncClient` on top:

    request = httpx.Request("POST", url, headers=…, content=…, extensions={"timeout": {"connect": 5, "read": 60}})
    response = await transport.handle_async_request(request)     # as soon as the headers are there
    body = await response.aread()                                # or: async for chunk in response.aiter_bytes()

Redirects are never followed (keys would travel along), cookies are never kept (one caller's would reach the next), and
connections are not limited (the router limits calls). Each event loop has its own, and so has a forked child.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import NamedTuple

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from router_core.http.connections import Connections
from router_core.http.proxies import Proxies
from router_core.http.transport_errors import translated
from router_core.http.uploads import upload

_OWN_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # aiohttp would add its own


class _Target(NamedTuple):
    url: URL
    proxy: str | None
    tls: bool


class Transport(httpx.AsyncBaseTransport):
    """httpx requests over aiohttp connections.

    `verify`: True (CA files as httpx chooses them: SSL_CERT_FILE, SSL_CERT_DIR, else certifi), False, or a context.
    `trust_env`: proxies and CA files from the environment, read once. `keepalive`: seconds an idle connection is kept.
    Timeouts come with each request (`extensions["timeout"]`: connect, read, write; None or absent means none).
    Raises httpx's transport errors, without the request in them.
    """

    def __init__(
        self, *, verify: ssl.SSLContext | bool = True, trust_env: bool = True, keepalive: float = 15.0
    ) -> None:
        self._verify, self._trust_env = verify, trust_env
        self._connections = Connections(keepalive, _OWN_HEADERS)
        self._proxies = Proxies.from_environment() if trust_env else Proxies({})
        self._target = lru_cache(maxsize=4096)(self._resolve)
        self._context: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send; returns when the response's headers have arrived. The body is read from the response."""
        target = self._target(str(request.url))
        timeout = request.extensions.get("timeout") or {}
        headers = CIMultiDict((k.decode("latin-1"), v.decode("latin-1")) for k, v in request.headers.raw)
        with translated():
            answer = await self._connections.session().request(
                request.method,
                target.url,
                headers=headers,
                data=upload(request, headers, timeout.get("write")),
                allow_redirects=False,
                proxy=target.proxy,
                ssl=self._tls() if target.tls else True,
                server_hostname=request.extensions.get("sni_hostname"),
                timeout=_client_timeout(timeout.get("connect"), timeout.get("read")),
            )
        return httpx.Response(
            answer.status,
            headers=answer.raw_headers,
            stream=_Body(answer),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": (answer.reason or "").encode("ascii", "replace")},
        )

    async def aclose(self) -> None:
        """Close the connections of every event loop."""
        await self._connections.aclose()

    def _resolve(self, url: str) -> _Target:
        parsed = URL(url, encoded=True)
        return _Target(parsed, self._proxies.find(parsed), parsed.scheme == "https")

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = httpx.create_ssl_context(verify=self._verify, trust_env=self._trust_env)
        return self._context


@lru_cache(maxsize=1024)
def _client_timeout(connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    """aiohttp's `connect` covers name, TCP, proxy and TLS, like httpx's; long timeouts are rounded up by default."""
    return aiohttp.ClientTimeout(total=None, connect=connect, sock_read=read, ceil_threshold=math.inf)


class _Body(httpx.AsyncByteStream):
    """The raw body, chunk by chunk as it arrives; closing it before its end closes the connection."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._answer.content
        try:
            with translated():
                while chunk := await content.readany():
                    yield chunk
        finally:
            self._answer.close()  # without effect on a connection that was read to its end and is in use again

    async def aclose(self) -> None:
        self._answer.close()


__all__ = ["Transport"]
