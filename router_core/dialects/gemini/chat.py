"""Chats by generateContent and streamGenerateContent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from router_core.answering.answers import Answer
from router_core.dialects import compose
from router_core.dialects.gemini.candidates import choice_extras, finish_reason, message_of, refuse_blocked
from router_core.dialects.gemini.config import configured
from router_core.dialects.gemini.contents import Contents
from router_core.dialects.gemini.models import path
from router_core.dialects.gemini.stream import ChatReader
from router_core.dialects.gemini.tools import tool_config, tools_of
from router_core.dialects.gemini.usage import tier_of, usage_of
from router_core.http.sse import Decoder
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_TAKES = (
    "messages audio frequency_penalty logprobs max_completion_tokens max_tokens modalities n parallel_tool_calls"
    " presence_penalty reasoning_effort response_format seed service_tier stop stream_options temperature tool_choice"
    " tools top_logprobs top_p web_search_options"
)
# Google decides itself how many calls a model makes at once.
_PARALLEL = {"parallel_tool_calls": (True,)}
AI_STUDIO = Parameters("chat", frozenset(_TAKES.split()), values=_PARALLEL)
VERTEX = Parameters("chat", frozenset(_TAKES.split()) - {"service_tier"}, values=_PARALLEL)


@dataclass(frozen=True)
class Chat:
    """AI Studio's; for Vertex AI with its `publisher` (models.GOOGLE) and its parameters: the format is the same."""

    parameters: Parameters = AI_STUDIO
    publisher: str = ""

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        method, query = ("streamGenerateContent", {"alt": "sse"}) if call.stream else ("generateContent", {})
        return Wire(path(model, method, self.publisher), _body(call.body, model), query)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`. Raises UpstreamFailure for a prompt that was blocked."""
        answer = reply.json()
        refuse_blocked(answer)
        counted = answer.get("usageMetadata")
        return compose.completion(
            answer.get("modelVersion") or model,
            [_choice(candidate) for candidate in answer["candidates"]],
            usage_of(counted),
            id=answer.get("responseId"),
            service_tier=tier_of(counted),
        )

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`. Without `alt=sse`, which a proxy may lose, a stream is a JSON list."""
        reader = self.reader(call, model)
        yield from reader.take(reply.json())
        yield from reader.end()

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return Decoder()

    def reader(self, call: Call, model: str) -> ChatReader:
        """See `Dialect.reader`."""
        return ChatReader(model)


def _body(given: Mapping[str, Any], model: str) -> dict[str, Any]:
    said = Contents(given.get("messages"), model)
    body: dict[str, Any] = {"contents": said.contents}
    if said.system:
        body["systemInstruction"] = {"parts": said.system}
    tools = tools_of(given.get("tools"), given.get("web_search_options"))
    if tools:
        body["tools"] = tools
    more = configured(given, model)
    choice = tool_config(given.get("tool_choice"), given.get("tools"))
    if choice:
        more["toolConfig"] = {**more.get("toolConfig", {}), **choice}
    return {**body, **more}


def _choice(candidate: Mapping[str, Any]) -> dict[str, Any]:
    message = message_of((candidate.get("content") or {}).get("parts") or ())
    reason = finish_reason(candidate, "tool_calls" in message)
    return compose.choice(message, reason or "stop", candidate.get("index", 0), **choice_extras(candidate))
