"""The seam between the router and a provider.

One adapter per deployment, built once, so that a call only serializes its body. The router's side of a call:

    answer = await adapter.answer(call, sender)                 # or
    async for chunk in await adapter.chunks(call, sender): …

Nearly every adapter is an `HttpAdapter` (http.py) made of a `Provider` (provider.py: address, key, dialects). Whoever
has something else to call writes these three members, or hands over a coroutine function (`callable.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

import httpx
from pydantic import SecretStr

from router_core.answering.answers import Answer

Kind = Literal[
    "chat",
    "completion",
    "embedding",
    "responses",
    "messages",
    "image_generation",
    "image_edit",
    "transcription",
    "speech",
    "moderation",
    "rerank",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
GENERATING: frozenset[Kind] = frozenset({"chat", "completion", "responses", "messages"})  # answers of output tokens


@dataclass(frozen=True, slots=True)
class Call:
    """One upstream call, in OpenAI's terms (`messages`: in Anthropic's).

    `body`: the provider's parameters, without the router's own; it holds the prompt, so it is in no repr.
    `captured`: what the wildcards of the group's name stand for.
    `timeout`: seconds for connect, read (silence), write; absent means none.
    """

    kind: Kind
    body: Mapping[str, Any] = field(repr=False)
    stream: bool = False
    timeout: Mapping[str, float | None] = field(default_factory=dict)
    captured: tuple[str, ...] = ()

    def model_of(self, model: str) -> str:
        """The deployment's model, each `*` in it replaced by what the caller's model has in that place."""
        for text in self.captured:
            model = model.replace("*", text, 1)
        return model


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

    def adapter_options(self) -> Mapping[str, Any]:
        """What only the adapter reads (`aws_region_name`, `vertex_project`, `azure_ad_token_provider`), plain."""


class Sender(Protocol):
    """The attempt's side: who is told that something goes upstream is charged for it from then on."""

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send it; returns when the headers of the answer are there. Raises httpx's transport errors."""

    def began(self) -> None:
        """The call goes upstream in another way than `send`."""


class Adapter(Protocol):
    """A deployment's provider: OpenAI-shaped calls to its requests, its answers to OpenAI-shaped ones."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of call it can make."""

    async def answer(self, call: Call, sender: Sender) -> Answer:
        """The whole answer. Raises RouterError: BadRequestError for what this provider cannot take, before sending."""

    async def chunks(self, call: Call, sender: Sender) -> AsyncIterator[Answer]:
        """The chunks as they arrive, usage in the last one. Raises like `answer`, also while they arrive."""
