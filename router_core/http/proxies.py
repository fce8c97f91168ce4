"""Which proxy the environment names for a URL: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, as curl reads them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.request import getproxies, proxy_bypass_environment  # type: ignore[attr-defined]

import httpx
from yarl import URL


class Proxies:
    """`named`: scheme ("http", "https", "all", and "no" for the exceptions) -> value."""

    def __init__(self, named: Mapping[str, str]) -> None:
        self._named = dict(named)

    @classmethod
    def from_environment(cls) -> Proxies:
        """As the environment is now; later changes have no effect."""
        return cls(getproxies())

    def find(self, url: URL) -> str | None:
        """The proxy's URL, or None for a direct connection.

        Raises httpx.UnsupportedProtocol for a proxy that does not speak HTTP (SOCKS).
        """
        named = self._named.get(url.scheme) or self._named.get("all")
        if not named or not url.host or proxy_bypass_environment(f"{url.host}:{url.port}", self._named):
            return None
        proxy = named if "://" in named else f"http://{named}"
        if not proxy.startswith(("http://", "https://")):
            kind = proxy.partition("://")[0]
            raise httpx.UnsupportedProtocol(f"a {kind} proxy is not supported: name an http:// one, or add to NO_PROXY")
        return proxy
