"""Cohere's recordings, and what `cohere` makes of their answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import cohere
from cohere.v2.client import AsyncV2Client

from tests.conform import reading
from tests.conform.kit import NotOurs, OurCall, Recording, Seen, ranking, vectors

SDK = "cohere"
_RENAMED = {"stop_sequences": "stop", "texts": "input", "output_dimension": "dimensions"}
_FINISH = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}


def call_of(recording: Recording) -> OurCall:
    native: dict[str, Any] = dict(recording.request)
    params = {"model": f"cohere/{native.pop('model')}"}
    if recording.path == "/v2/chat":
        return OurCall("chat", _chat(native), params)
    if recording.path == "/v2/embed":
        assert native.pop("embedding_types") == ["float"]
        return OurCall("embedding", {_RENAMED.get(name, name): value for name, value in native.items()}, params)
    if recording.path == "/v2/rerank":
        return OurCall("rerank", native, params)
    raise NotOurs(recording.path)


def _chat(native: Mapping[str, Any]) -> dict[str, Any]:
    body = {_RENAMED.get(name, name): value for name, value in native.items()}
    schema = body.get("response_format", {}).get("json_schema")
    if schema:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return body


def significant(body: dict[str, Any]) -> dict[str, Any]:
    """A text is the same as a list of one text; no content is the same as an empty one."""
    body["messages"] = [_message(message) for message in body.get("messages", ())]
    return {name: value for name, value in body.items() if not (name == "stream" and value is False)}


def _message(message: dict[str, Any]) -> dict[str, Any]:
    content = message.pop("content", None)
    if isinstance(content, list) and len(content) == 1 and content[0]["type"] == "text":
        content = content[0]["text"]
    return {**message, "content": content} if content else message


async def oracle(recording: Recording, url: str) -> Seen:
    asked = {name: value for name, value in recording.request.items() if name != "stream"}
    async with cohere.AsyncClientV2(api_key="none", base_url=url) as client:
        if recording.path == "/v2/embed":
            return _embedded(await client.embed(**asked))
        if recording.path == "/v2/rerank":
            ranked = await client.rerank(**asked)
            return Seen(data=ranking([(result.index, result.relevance_score) for result in ranked.results]))
        if recording.is_stream:
            return await _streamed(client, asked)
        return _whole(await client.chat(**asked))


def _embedded(answer: cohere.EmbedByTypeResponse) -> Seen:
    assert answer.meta is not None
    assert answer.meta.billed_units is not None
    sent = answer.meta.billed_units.input_tokens
    return Seen(usage=(_count(sent), None, None), data=vectors(answer.embeddings.float_ or []))


def _whole(answer: cohere.V2ChatResponse) -> Seen:
    message = answer.message
    thoughts = [part.thinking for part in message.content or () if part.type == "thinking"]
    return Seen(
        text="".join(part.text for part in message.content or () if part.type == "text"),
        reasoning="".join([*thoughts, message.tool_plan or ""]),
        tool_calls=[_call(call.function) for call in message.tool_calls or ()],
        finish_reason=_FINISH[answer.finish_reason],
        usage=_usage(answer.usage),
        data=_cited(message.citations or ()),
    )


async def _streamed(client: AsyncV2Client, asked: Mapping[str, Any]) -> Seen:
    text, reasoning, calls, cited, ended = "", "", [], [], None
    async for event in client.chat_stream(**asked):
        delta: Any = getattr(event, "delta", None)
        if event.type == "content-delta":
            text += delta.message.content.text or ""
            reasoning += delta.message.content.thinking or ""
        elif event.type == "tool-plan-delta":
            reasoning += delta.message.tool_plan
        elif event.type == "tool-call-start":
            calls.append(delta.message.tool_calls.function)
        elif event.type == "tool-call-delta":
            calls[event.index or 0].arguments += delta.message.tool_calls.function.arguments
        elif event.type == "citation-start":
            cited.append(delta.message.citations)
        elif event.type == "message-end":
            ended = delta
    assert ended is not None
    return Seen(
        text=text,
        reasoning=reasoning,
        tool_calls=[_call(function) for function in calls],
        finish_reason=_FINISH[ended.finish_reason],
        usage=_usage(ended.usage),
        data=_cited(cited),
    )


def seen(call: OurCall, answers: Sequence[Any]) -> Seen:
    """Ours, with the citations."""
    if call.kind != "chat":
        return reading.seen(call.kind, answers)
    said = [choice.get("message") or choice["delta"] for answer in answers for choice in answer["choices"]]
    fields = [part.get("provider_specific_fields") or {} for part in said]
    cited = [cohere.Citation(**one) for found in fields for one in found.get("citations") or ()]
    streamed = answers[0]["object"] == "chat.completion.chunk"
    return replace(reading.seen("chat", answers, streamed), data=_cited(cited))


def _call(function: Any) -> tuple[str, Any]:
    return function.name, json.loads(function.arguments or "{}")


def _usage(usage: cohere.Usage | None) -> tuple[int | None, int | None, int | None]:
    assert usage is not None
    assert usage.tokens is not None
    return _count(usage.tokens.input_tokens), _count(usage.tokens.output_tokens), _count(usage.cached_tokens)


def _count(number: float | None) -> int | None:
    return None if number is None else int(number)


def _cited(citations: Iterable[cohere.Citation]) -> list[Any] | None:
    return [(citation.start, citation.end, citation.text) for citation in citations] or None
