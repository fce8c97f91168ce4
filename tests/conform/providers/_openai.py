"""What the files of OpenAI-compatible providers share: a recording's kind by its path, openai's client as the oracle.

Each kind is a module of its own (`_openai_chat.py`, …) with

    KIND, PATH                                                # "chat", "/chat/completions"
    def arguments(request: dict) -> dict                      # as a caller gives them, without the model
    async def oracle(client: AsyncOpenAI, request, stream: bool) -> Seen

and, where the defaults do not hold, `significant(body) -> dict` and `seen(call, answers) -> Seen`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from openai import AsyncOpenAI

from router_core.answering.answers import Answer
from tests.conform import reading
from tests.conform.kit import NotOurs, OurCall, Recording, Seen
from tests.conform.providers import (
    _openai_chat,
    _openai_completion,
    _openai_embedding,
    _openai_rerank,
    _openai_responses,
)

SDK = "openai"
KINDS = (_openai_chat, _openai_completion, _openai_embedding, _openai_responses, _openai_rerank)


def kind_of(recording: Recording) -> Any:
    """The module of its kind. Raises NotOurs."""
    if recording.method != "POST":
        raise NotOurs(f"{recording.method} {_place(recording)}")
    found = [kind for kind in KINDS if recording.path.endswith(kind.PATH)]
    if not found:
        raise NotOurs(_place(recording))
    return max(found, key=lambda kind: len(kind.PATH))  # /chat/completions is no /completions


def calls(provider: str, **params: Any) -> Callable[[Recording], OurCall]:
    """`call_of` of a provider whose prefix this is."""

    def call_of(recording: Recording) -> OurCall:
        kind = kind_of(recording)
        request = copy.deepcopy(recording.request)
        model = request.pop("model")
        return OurCall(kind.KIND, kind.arguments(request), {"model": f"{provider}/{model}", **params})

    return call_of


async def oracle(recording: Recording, url: str) -> Seen:
    """What openai's client makes of the answer."""
    async with AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as client:
        found: Seen = await kind_of(recording).oracle(client, recording.request, recording.is_stream)
        return found


def significant(body: dict[str, Any]) -> dict[str, Any]:
    """Without what says nothing: that nothing is streamed, and the usage that we always ask for."""
    body = {name: value for name, value in body.items() if (name, value) != ("stream", False)}
    if body.get("stream_options") == {"include_usage": True}:
        del body["stream_options"]
    if "messages" in body:
        body["messages"] = [_openai_chat.significant_message(message) for message in body["messages"]]
    return body


def seen(call: OurCall, answers: Sequence[Answer]) -> Seen:
    """Our answers; a kind may have its own way to read them."""
    own = next((kind.seen for kind in KINDS if call.kind == kind.KIND and hasattr(kind, "seen")), None)
    if own is not None:
        read: Seen = own(call, answers)
        return read
    streamed = answers[0].get("object") == "chat.completion.chunk" or len(answers) > 1
    return reading.seen(call.kind, answers, streamed)


def _place(recording: Recording) -> str:
    return "/" + "/".join(recording.path.strip("/").split("/")[:2])
