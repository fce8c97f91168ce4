"""The seam between the router and a provider.

One adapter per deployment, built once, so that a call only serializes its body. The router's side of a call:

    await adapter.prepare(call)
    response = await transport.handle_async_request(adapter.request(call))
    if not response.is_success:  raise adapter.error(response, await response.aread())
    answer = adapter.decode(call, response, await response.aread())         # or
    async for chunk in adapter.stream(call, response): …

and `adapter.unreachable(exc)` makes our error of the transport's. A new provider is a class with these methods and one
line in `providers/__init__.py`; one that speaks OpenAI's dialect is only the line.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import httpx
from pydantic import SecretStr

from router_core.answers import Answer
from router_core.errors import RouterError

Kind = Literal["chat", "embedding"]


@dataclass(frozen=True, slots=True)
class Call:
    """One upstream call, in OpenAI's terms.

    `body`: the provider's parameters, without the router's own; it holds the prompt, so it is in no repr.
    `timeout`: seconds for connect, read (silence), write; absent means none.
    """

    kind: Kind
    body: Mapping[str, Any] = field(repr=False)
    stream: bool = False
    timeout: Mapping[str, float | None] = field(default_factory=dict)


class DeploymentLike(Protocol):
    """What an adapter needs to know of a deployment (`config.Deployment` has it)."""

    @property
    def id(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def api_key(self) -> SecretStr | None: ...
    @property
    def api_base(self) -> str | None: ...
    @property
    def api_version(self) -> str | None: ...
    @property
    def organization(self) -> str | None: ...
    def call_parameters(self) -> Mapping[str, Any]:
        """Default parameters of its calls, credentials plain."""


class Adapter(Protocol):
    """A deployment's provider: OpenAI-shaped calls to its requests, its answers to OpenAI-shaped ones."""

    async def prepare(self, call: Call) -> None:
        """Fetch what `request` needs and does not have yet, such as a token; most have nothing to do."""

    def request(self, call: Call) -> httpx.Request:
        """The request to send. Raises BadRequestError for a body that this provider cannot take."""

    def decode(self, call: Call, response: httpx.Response, body: bytes) -> Answer:
        """The answer in a 2xx. Raises MalformedAnswerError, or the classified error where it holds one."""

    def stream(self, call: Call, response: httpx.Response) -> AsyncIterator[Answer]:
        """The chunks of a 2xx, as they arrive, usage in the last one. Closes the response at the end.

        Raises the classified error for one inside the stream, APIConnectionError for a cut, MalformedAnswerError for
        a chunk nobody can read.
        """

    def error(self, response: httpx.Response, body: bytes) -> RouterError:
        """The classified error of an answer that is no 2xx."""

    def unreachable(self, exc: httpx.TransportError) -> RouterError:
        """The classified error of a call without an answer."""
