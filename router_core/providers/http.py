"""The adapter of nearly every deployment: a provider's dialects over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from router_core.answers import Answer
from router_core.errors import BadRequestError, RouterError
from router_core.providers.base import Call, DeploymentLike, Kind, Sender
from router_core.providers.classify import Origin, failed_inside, malformed, rejected, unreachable
from router_core.providers.dialect import Dialect, Reply, UpstreamFailure, Wire
from router_core.providers.extras import split_extras
from router_core.providers.parameters import DROPPING
from router_core.providers.provider import Provider
from router_core.providers.streams import UNREADABLE, chunks


def _plain(value: Any) -> Any:
    """Objects in a body (openai's messages, pydantic models) as JSON."""
    if hasattr(value, "model_dump"):
        return value.model_dump(exclude_none=True)
    raise TypeError(f"a {type(value).__name__} is not JSON")


_encode = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


class HttpAdapter:
    """Address, headers and default parameters are worked out once; a call only serializes its body."""

    def __init__(self, deployment: DeploymentLike, provider: Provider) -> None:
        base = provider.base_of(deployment)
        self._base, self._urls = base, dict[str, httpx.URL]()
        self._provider, self._dialects, self._auth = provider.name, provider.dialects, provider.auth(deployment)
        options = {name: value for name, value in deployment.adapter_options().items() if name in DROPPING}
        self._params, extra = split_extras({**deployment.call_parameters(), **options})
        self._extra = extra._replace(headers={})  # they are in _headers, whose repr hides the key
        self._model = deployment.model
        self._headers = _headers(httpx.URL(base), self._auth.headers, extra.headers)
        self._origin = Origin(
            provider=deployment.provider or provider.name,
            model=deployment.model,
            deployment=deployment.id,
            url=base,
            secrets=tuple(s for s in (*self._auth.secrets, *extra.headers.values()) if len(s) >= 8),
        )

    @property
    def kinds(self) -> frozenset[Kind]:
        """See `Adapter.kinds`."""
        return frozenset(self._dialects)

    async def answer(self, call: Call, sender: Sender) -> Answer:
        """See `Adapter.answer`."""
        response = await self._exchange(call, sender)
        try:
            body = await _body(response)
        except httpx.TransportError as exc:
            raise unreachable(self._origin, exc) from exc
        return self.decode(call, response, body)

    async def chunks(self, call: Call, sender: Sender) -> AsyncIterator[Answer]:
        """See `Adapter.chunks`."""
        return self.stream(call, await self._exchange(call, sender))

    def request(self, call: Call) -> httpx.Request:
        """The request to send. Raises BadRequestError for what this provider cannot take.

        `extra_headers`, `extra_query` and `extra_body` mean what they mean in openai's client.
        """
        given, extra = split_extras(call.body)
        dialect = self._dialect(call.kind)
        merged = dialect.parameters.select({**self._params, **given}, self._origin.provider)
        wire = dialect.encode(Call(call.kind, merged, call.stream), self._model)
        if self._extra.body or extra.body:
            wire = Wire(
                wire.path, {**wire.body, **self._extra.body, **extra.body}, wire.query, wire.headers, wire.files
            )
        request = self._build(wire, {**self._extra.query, **extra.query}, extra.headers, call.timeout)
        self._auth.sign(request)
        return request

    def decode(self, call: Call, response: httpx.Response, body: bytes) -> Answer:
        """The answer in a 2xx. Raises MalformedAnswerError, or the classified error where it holds one."""
        try:
            return self._dialect(call.kind).decode(call, self._model, Reply(response.headers, body))
        except UpstreamFailure as exc:
            raise failed_inside(self._origin, exc.payload, response.headers) from None
        except UNREADABLE as exc:
            raise malformed(self._origin, response, exc) from None  # the cause would quote the answer

    def stream(self, call: Call, response: httpx.Response) -> AsyncIterator[Answer]:
        """The chunks of a 2xx. See `streams.chunks`."""
        return chunks(self._origin, self._dialect(call.kind), call, response)

    def error(self, response: httpx.Response, body: bytes) -> RouterError:
        """The classified error of an answer that is no 2xx."""
        return rejected(self._origin, response.status_code, response.headers, body)

    def unreachable(self, exc: httpx.TransportError) -> RouterError:
        """The classified error of a call without an answer."""
        return unreachable(self._origin, exc)

    async def _exchange(self, call: Call, sender: Sender) -> httpx.Response:
        await self._auth.prepare()
        request = self.request(call)
        try:
            response = await sender.send(request)
            if not 200 <= response.status_code < 300:
                raise self.error(response, await response.aread())
        except httpx.TransportError as exc:
            raise unreachable(self._origin, exc) from exc
        return response

    def _dialect(self, kind: Kind) -> Dialect:
        dialect = self._dialects.get(kind)
        if dialect is None:
            offered = ", ".join(sorted(self._dialects))
            raise BadRequestError(f"{self._provider} has no {kind} calls here, only {offered}", retryable=True)
        return dialect

    def _build(
        self, wire: Wire, query: Mapping[str, Any], headers: Mapping[str, str], timeout: Mapping[str, float | None]
    ) -> httpx.Request:
        extensions = {"timeout": timeout}
        url = self._urls.get(wire.path)
        if url is None:
            url = self._urls[wire.path] = httpx.URL(self._base + wire.path)
        if wire.query or query:
            url = url.copy_merge_params({**wire.query, **query})
        if wire.files:
            own = httpx.Headers([pair for pair in self._headers.raw if pair[0].lower() != b"content-type"])
            own.update({**wire.headers, **headers})
            return httpx.Request(
                "POST", url, headers=own, data=dict(wire.body), files=wire.files, extensions=extensions
            )
        try:
            content = _encode(wire.body).encode()
        except (TypeError, ValueError) as exc:
            raise BadRequestError(
                f"the request cannot be written as JSON: {exc}", deployment=self._origin.deployment
            ) from None
        sent = httpx.Headers([*self._headers.raw, (b"Content-Length", b"%d" % len(content))])
        if wire.headers or headers:
            sent.update({**wire.headers, **headers})
        # As `content` the same bytes cost 9 µs more: httpx works out again what is known here.
        request = httpx.Request("POST", url, headers=sent, stream=httpx.ByteStream(content), extensions=extensions)
        request.read()
        return request


async def _body(response: httpx.Response) -> bytes:
    # httpx's way to the body leads through four generators, which uncompress it and serve its client.
    if response.is_stream_consumed or "content-encoding" in response.headers:
        return await response.aread()
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return b"".join([part async for part in response.stream])


def _headers(url: httpx.URL, auth: Mapping[str, str], extra: Mapping[str, str]) -> httpx.Headers:
    headers = httpx.Headers(
        {
            "Host": url.netloc.decode("ascii"),
            "Accept": "application/json, text/event-stream",
            "Accept-Encoding": "gzip, deflate",  # what httpx decodes without further packages
            "Content-Type": "application/json",
            "User-Agent": "router-core",
        }
    )
    headers.update(auth)
    headers.update(extra)
    return headers
