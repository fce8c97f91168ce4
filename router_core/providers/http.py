"""The adapter of nearly every deployment: a provider's dialects over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import httpx

from router_core.answering.answers import Answer
from router_core.dialects.json_schema import response_format
from router_core.errors import BadRequestError, RouterError, UnsupportedParamsError
from router_core.providers.base import Call, DeploymentLike, Kind, Sender
from router_core.providers.classify import Origin, failed_inside, malformed, rejected, unreachable
from router_core.providers.dialect import Dialect, Reply, UpstreamFailure, Wire
from router_core.providers.extras import split_extras
from router_core.providers.parameters import DROPPING
from router_core.providers.provider import Provider
from router_core.providers.requests import Requests
from router_core.providers.streams import UNREADABLE, chunks


def _described(body: dict[str, Any]) -> dict[str, Any]:
    """The body, where a class is given as response_format with its schema instead."""
    if isinstance(body.get("response_format"), type):
        body["response_format"] = response_format(body["response_format"])
    return body


class HttpAdapter:
    """Address, headers and default parameters are worked out once; a call only serializes its body."""

    def __init__(self, deployment: DeploymentLike, provider: Provider) -> None:
        base = provider.base_of(deployment)
        self._provider, self._auth = provider.name, provider.auth(deployment)
        self._dialects = provider.dialects_of(deployment)
        options = {name: value for name, value in deployment.adapter_options().items() if name in DROPPING}
        self._params, extra = split_extras({**deployment.call_parameters(), **options})
        self._extra = extra._replace(headers={})  # they are in the requests' headers, whose repr hides the key
        self._model = deployment.model
        self._requests = Requests(base, self._auth.headers, extra.headers)
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

    async def get(self, path: str, timeout: Mapping[str, float | None], sender: Sender) -> None:
        """GET what is below the address. Raises RouterError where that is not answered with a 2xx."""
        await self._auth.prepare()
        request = self._requests.get(path, {"timeout": timeout})
        self._auth.sign(request)
        response = await self._sent(request, sender)
        await response.aread()

    def request(self, call: Call) -> httpx.Request:
        """The request to send. Raises BadRequestError for what this provider cannot take.

        `extra_headers`, `extra_query` and `extra_body` mean what they mean in openai's client.
        """
        given, extra = split_extras(call.body)
        dialect = self._dialect(call.kind)
        merged = _described({**self._params, **given})
        selected = dialect.parameters.select(merged, self._origin.provider)
        wire = self._written(
            dialect, Call(call.kind, selected, call.stream, captured=call.captured), bool(merged.get("drop_params"))
        )
        if self._extra.body or extra.body:
            wire = Wire(
                wire.path, {**wire.body, **self._extra.body, **extra.body}, wire.query, wire.headers, wire.files
            )
        query = {**self._extra.query, **extra.query}
        request = self._requests.build(wire, query, extra.headers, {"timeout": call.timeout})
        self._auth.sign(request)
        return request

    def decode(self, call: Call, response: httpx.Response, body: bytes) -> Answer:
        """The answer in a 2xx. Raises MalformedAnswerError, or the classified error where it holds one."""
        try:
            return self._dialect(call.kind).decode(call, call.model_of(self._model), Reply(response.headers, body))
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

    def _written(self, dialect: Dialect, call: Call, drop: bool) -> Wire:
        """The call in the dialect's words, without the parameters that this model lacks if they may be dropped."""
        try:
            return dialect.encode(call, call.model_of(self._model))
        except UnsupportedParamsError as exc:
            rest = {name: value for name, value in call.body.items() if name not in exc.params}
            if drop and len(rest) < len(call.body):
                return self._written(dialect, replace(call, body=rest), drop)
            exc.llm_provider, exc.model = exc.llm_provider or self._origin.provider, exc.model or self._model
            raise
        except RouterError:
            raise
        except UNREADABLE as exc:
            what = f"a parameter is not what it should be ({type(exc).__name__} while writing the request)"
            raise BadRequestError(what, deployment=self._origin.deployment) from None  # the cause would quote it

    async def _exchange(self, call: Call, sender: Sender) -> httpx.Response:
        await self._auth.prepare()
        return await self._sent(self.request(call), sender)

    async def _sent(self, request: httpx.Request, sender: Sender) -> httpx.Response:
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


async def _body(response: httpx.Response) -> bytes:
    # httpx's way to the body leads through four generators, which uncompress it and serve its client.
    if response.is_stream_consumed or "content-encoding" in response.headers:
        return await response.aread()
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return b"".join([part async for part in response.stream])
