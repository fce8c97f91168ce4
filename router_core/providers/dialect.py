"""A dialect: how one kind of call is written and read in one wire format, whoever serves it.

Dialects know no address, no key and no deployment, so they are tested with bytes alone:

    wire = dialect.encode(call, "claude-sonnet-4-5")           # path and body of the request
    answer = dialect.decode(call, model, Reply(headers, body)) # OpenAI-shaped
    reader = dialect.reader(call, model)                       # one stream: events in, OpenAI-shaped chunks out
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from router_core.answering.answers import Answer
from router_core.http.sse import Event
from router_core.providers.base import Call
from router_core.providers.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Wire:
    """A request before address and key. `body`: JSON, or the form's fields where there are `files`.

    `path` comes after the base URL. `files` as httpx takes them: (field, (name, content, type)).
    """

    path: str
    body: Mapping[str, Any] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    files: tuple[tuple[str, Any], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer as it came."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body parsed. Raises UpstreamFailure where it holds an error, ValueError where it is no JSON."""
        payload = json.loads(self.body)
        if isinstance(payload, dict) and payload.get("error"):
            raise UpstreamFailure(payload)
        return payload


class UpstreamFailure(Exception):
    """An error inside a 200. `payload`: what the provider sent, for the classifier."""

    def __init__(self, payload: Any) -> None:
        super().__init__("an error inside a successful answer")
        self.payload = payload


class CutStream(Exception):
    """The connection closed before the answer was complete."""


class Decoder(Protocol):
    """The framing of a stream: bytes cut anywhere to events."""

    def feed(self, chunk: bytes, /) -> Iterable[Event]:
        """The events that `chunk` completes. Raises ValueError for what is no frame."""

    def flush(self) -> Iterable[Event]:
        """What is left when the stream has ended."""


class Reader(Protocol):
    """One stream as far as it has been read.

    Both methods may raise UpstreamFailure; ValueError, KeyError, TypeError and AttributeError mean that nobody can read
    what came.
    """

    @property
    def done(self) -> bool:
        """The provider said that it is over: nothing that follows counts."""

    def read(self, event: Event) -> Iterable[Answer]:
        """The chunks in an event, often one or none."""

    def end(self) -> Iterable[Answer]:
        """The connection has closed: chunks still owed, usage last. Raises CutStream if more should have come."""


class Dialect(Protocol):
    """One kind of call in one wire format. Without state: one object serves all deployments and calls."""

    @property
    def parameters(self) -> Parameters:
        """Which of OpenAI's parameters it takes; the adapter refuses or drops the others before `encode`."""

    def encode(self, call: Call, model: str) -> Wire:
        """The request. Raises BadRequestError (UnsupportedParamsError) naming what cannot be said in this format."""

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """The answer. Raises UpstreamFailure; ValueError, KeyError, TypeError, AttributeError where it is none."""

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """The chunks of a stream whose server ignored that one was asked for. Raises like `decode`."""

    def framing(self) -> Decoder:
        """A new decoder for the frames of a stream."""

    def reader(self, call: Call, model: str) -> Reader:
        """A new reader for the events of a stream."""
