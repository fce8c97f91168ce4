"""OpenAI, and every server that speaks its dialect: chat and embeddings, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx

from router_core.answers import Answer
from router_core.errors import BadRequestError, RouterError
from router_core.providers import openai_shapes as shapes
from router_core.providers.base import Call, DeploymentLike, Kind
from router_core.providers.classify import Origin, failed_inside, malformed, rejected, unreachable
from router_core.providers.extras import split_extras
from router_core.providers.openai_stream import chunks

BASE_URL = "https://api.openai.com/v1"
PATHS: Mapping[Kind, str] = {"chat": "/chat/completions", "embedding": "/embeddings"}
DECODERS: Mapping[Kind, Callable[[dict[str, Any], str], Answer]] = {"chat": shapes.chat, "embedding": shapes.embeddings}


def _plain(value: Any) -> Any:
    """Objects in a body (openai's messages, pydantic models) as JSON."""
    if hasattr(value, "model_dump"):
        return value.model_dump(exclude_none=True)
    raise TypeError(f"a {type(value).__name__} is not JSON")


_encode = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


class OpenAIAdapter:
    """URL, headers and default parameters are worked out once; a call serializes its body and copies the headers."""

    def __init__(self, deployment: DeploymentLike) -> None:
        base = (deployment.api_base or BASE_URL).rstrip("/")
        key = deployment.api_key.get_secret_value() if deployment.api_key else ""
        self._urls = {kind: httpx.URL(base + path) for kind, path in PATHS.items()}
        self._params, extra = split_extras(deployment.call_parameters())
        self._extra = extra._replace(headers={})  # they are in _headers, whose repr hides the key
        self._model = deployment.model
        self._headers = _headers(httpx.URL(base), key, deployment.organization, extra.headers)
        self._origin = Origin(
            provider=deployment.provider or "openai",
            model=deployment.model,
            deployment=deployment.id,
            url=base,
            secrets=tuple(secret for secret in (key, *extra.headers.values()) if len(secret) >= 8),
        )

    async def prepare(self, call: Call) -> None:
        """Nothing: the key is at hand."""

    def request(self, call: Call) -> httpx.Request:
        """`extra_headers`, `extra_query` and `extra_body` mean what they mean in openai's client."""
        given, extra = split_extras(call.body)
        body = {**self._params, **given, "model": self._model, **self._extra.body, **extra.body}
        if call.stream:
            body["stream"] = True
            if call.kind == "chat" and body.get("stream_options", body) is not None:
                body["stream_options"] = {"include_usage": True, **body.get("stream_options", {})}
        try:
            content = _encode(body).encode()
        except (TypeError, ValueError) as exc:
            raise BadRequestError(
                f"the request cannot be written as JSON: {exc}", deployment=self._origin.deployment
            ) from None
        url = self._urls[call.kind]
        headers = httpx.Headers([*self._headers.raw, (b"Content-Length", b"%d" % len(content))])
        if self._extra.query or extra.query:
            url = url.copy_merge_params({**self._extra.query, **extra.query})
        if extra.headers:
            headers.update(extra.headers)
        # As `content` the same bytes cost 9 µs more: httpx works out again what is known here.
        stream, extensions = httpx.ByteStream(content), {"timeout": call.timeout}
        request = httpx.Request("POST", url, headers=headers, stream=stream, extensions=extensions)
        request.read()
        return request

    def decode(self, call: Call, response: httpx.Response, body: bytes) -> Answer:
        """See `Adapter.decode`."""
        try:
            payload = json.loads(body)
            if isinstance(payload, dict) and payload.get("error"):
                raise failed_inside(self._origin, payload, response.headers)
            return DECODERS[call.kind](payload, self._model)
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise malformed(self._origin, response, exc) from None  # the cause would quote the answer

    def stream(self, call: Call, response: httpx.Response) -> AsyncIterator[Answer]:
        """See `Adapter.stream`."""
        options = call.body.get("stream_options")
        asked = isinstance(options, Mapping) and bool(options.get("include_usage"))
        return chunks(self._origin, response, usage_asked=asked)

    def error(self, response: httpx.Response, body: bytes) -> RouterError:
        """See `Adapter.error`."""
        return rejected(self._origin, response.status_code, response.headers, body)

    def unreachable(self, exc: httpx.TransportError) -> RouterError:
        """See `Adapter.unreachable`."""
        return unreachable(self._origin, exc)


def _headers(url: httpx.URL, key: str, organization: str | None, extra: Mapping[str, str]) -> httpx.Headers:
    headers = httpx.Headers(
        {
            "Host": url.netloc.decode("ascii"),
            "Accept": "application/json, text/event-stream",
            "Accept-Encoding": "gzip, deflate",  # what httpx decodes without further packages
            "Content-Type": "application/json",
            "User-Agent": "router-core",
        }
    )
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if organization:
        headers["OpenAI-Organization"] = organization
    headers.update(extra)
    return headers
