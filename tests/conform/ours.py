"""What our adapter makes of a recording: its request, its answer, its error, without a socket in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from router_core.answering.answers import Answer
from router_core.config import Deployment, load
from router_core.errors import RouterError
from router_core.providers import PROVIDERS, Adapter, Call, adapter_for
from tests.conform.kit import OurCall, Recording
from tests.conform.recordings import body_of

KEY = "key-for-conformance-tests"
_UNTRUE = {"content-encoding", "content-length", "transfer-encoding", "connection"}  # of bytes that are uncompressed


@dataclass
class Ours:
    """What came of one call: the request that was sent, and either answers or an error."""

    stream: bool
    request: httpx.Request
    answers: Sequence[Answer]
    error: RouterError | None

    @property
    def body(self) -> Any:
        """The request's JSON, or the fields of its form."""
        return body_of(self.request.headers.get("content-type", ""), self.request.content)


class Tape:
    """A Sender that answers with a recording, its bytes in the given pieces."""

    def __init__(self, recording: Recording, pieces: Iterable[bytes]) -> None:
        self._recording, self._pieces = recording, pieces
        self.request: httpx.Request | None = None

    async def send(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.request = request
        return httpx.Response(
            self._recording.status,
            headers=headers_of(self._recording),
            stream=_Pieces(self._pieces),
            request=request,
        )

    def began(self) -> None:
        """Nothing is charged here."""


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def headers_of(recording: Recording) -> dict[str, str]:
    """The answer's headers, true of its uncompressed bytes."""
    kept = {name: value for name, value in recording.response_headers.items() if name not in _UNTRUE}
    return {**kept, "content-type": recording.content_type}


async def play(call: OurCall, recording: Recording, pieces: Iterable[bytes] | None = None) -> Ours:
    """Our adapter's way through a recording."""
    arguments = dict(call.arguments)
    stream = bool(arguments.pop("stream", recording.is_stream))
    tape = Tape(recording, [recording.response_body] if pieces is None else pieces)
    answers: list[Answer] = []
    error = None
    try:
        await _through(adapter_for(deployment(call.params)), Call(call.kind, arguments, stream=stream), tape, answers)
    except RouterError as exc:
        error = exc
        if tape.request is None:
            raise
    assert tape.request is not None
    return Ours(stream, tape.request, answers, error)


async def _through(adapter: Adapter, call: Call, tape: Tape, answers: list[Answer]) -> None:
    if not call.stream:
        answers.append(await adapter.answer(call, tape))
        return
    async for chunk in await adapter.chunks(call, tape):
        answers.append(chunk)  # noqa: PERF401 — what came before an error is kept


def deployment(params: Mapping[str, Any]) -> Deployment:
    """A deployment with these litellm_params."""
    written = {"api_key": KEY, **params}
    _, (made,) = load([{"model_name": "m", "litellm_params": written}], environ={}, providers=tuple(PROVIDERS))
    return made
