"""From what a dialect has written to the request that is sent: address, headers, bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from router_core.errors import BadRequestError
from router_core.providers.dialect import Wire


def _plain(value: Any) -> Any:
    """Objects in a body (openai's messages, pydantic models) as JSON."""
    if hasattr(value, "model_dump"):
        return value.model_dump(exclude_none=True)
    raise TypeError(f"a {type(value).__name__} is not JSON")


_encode = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


_MOST = 256  # URLs that are remembered


class Requests:
    """The requests of one deployment. URLs and headers that stay the same are worked out once."""

    def __init__(self, base: str, *headers: Mapping[str, str]) -> None:
        self._base, self._urls = base, dict[str, httpx.URL]()
        self._headers = httpx.Headers(
            {
                "Host": httpx.URL(base).netloc.decode("ascii"),
                "Accept": "application/json, text/event-stream",
                "Accept-Encoding": "gzip, deflate",  # what httpx decodes without further packages
                "Content-Type": "application/json",
                "User-Agent": "router-core",
            }
        )
        for more in headers:
            _add(self._headers, more)

    def build(
        self, wire: Wire, query: Mapping[str, Any], headers: Mapping[str, str], extensions: dict[str, Any]
    ) -> httpx.Request:
        """`query` and `headers` are added to those of `wire`. Raises BadRequestError for what is no JSON."""
        url = self._url(wire.path)
        if wire.query or query:
            url = url.copy_merge_params({**wire.query, **query})
        if wire.files:
            return self._form(url, wire, headers, extensions)
        try:
            content = _encode(wire.body).encode()
        except (TypeError, ValueError) as exc:
            raise BadRequestError(f"the request cannot be written as JSON: {exc}") from None
        sent = httpx.Headers([*self._headers.raw, (b"Content-Length", b"%d" % len(content))])
        if wire.headers or headers:
            _add(sent, wire.headers)
            _add(sent, headers)
        # As `content` the same bytes cost 9 µs more: httpx works out again what is known here.
        request = httpx.Request("POST", url, headers=sent, stream=httpx.ByteStream(content), extensions=extensions)
        request.read()
        return request

    def get(self, path: str, extensions: dict[str, Any]) -> httpx.Request:
        """Without a body."""
        own = httpx.Headers([pair for pair in self._headers.raw if pair[0].lower() != b"content-type"])
        return httpx.Request("GET", self._url(path), headers=own, extensions=extensions)

    def _url(self, path: str) -> httpx.URL:
        url = self._urls.get(path)
        if url is None:
            if len(self._urls) >= _MOST:  # models of wildcards stand in paths
                self._urls.clear()
            url = self._urls[path] = httpx.URL(self._base + path)
        return url

    def _form(
        self, url: httpx.URL, wire: Wire, headers: Mapping[str, str], extensions: dict[str, Any]
    ) -> httpx.Request:
        own = httpx.Headers([pair for pair in self._headers.raw if pair[0].lower() != b"content-type"])
        _add(own, wire.headers)
        _add(own, headers)
        return httpx.Request("POST", url, headers=own, data=dict(wire.body), files=wire.files, extensions=extensions)


def _add(headers: httpx.Headers, more: Mapping[str, str]) -> None:
    """Each replaces the one of its name, but a list of features grows."""
    for name, value in more.items():
        listed = name.lower() == "anthropic-beta" and name in headers
        headers[name] = f"{headers[name]},{value}" if listed else value
