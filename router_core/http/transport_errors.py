"""aiohttp's errors as httpx's: the one border where they are translated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import httpx

from router_core.redact import redact

# The first match counts, so subclasses come first.
_HTTPX: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (TimeoutError, httpx.WriteTimeout),  # aiohttp has no write timeout: `uploads.py` raises it
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.ClientConnectionResetError, httpx.WriteError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx.UnsupportedProtocol),
    (aiohttp.ClientError, httpx.ReadError),
)


@contextmanager
def translated() -> Iterator[None]:
    """Raises httpx's error for aiohttp's. The request is not put into it: its headers hold the key."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError) as exc:
        theirs = next(theirs for ours, theirs in _HTTPX if isinstance(exc, ours))
        raise theirs(redact(str(exc)) or type(exc).__name__) from exc
