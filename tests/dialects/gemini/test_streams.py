"""Streams: the same wherever they are cut, usage last, and never taken for whole when they are not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk as OpenAIChunk

from router_core.dialects.gemini.chat import Chat
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, UpstreamFailure
from tests.dialects.gemini.said import COUNTED, answered, reply
from tests.dialects.streamed import collected, streamed

CHAT, STREAM = Chat(), Call("chat", {}, stream=True)
CALL = {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "S"}
RAN = {"executableCode": {"language": "PYTHON", "code": "1"}}


def sse(*payloads: Any) -> bytes:
    """As Google frames it: lines end in CRLF, and nothing says that it is over."""
    return "".join(f"data: {json.dumps(payload, ensure_ascii=False)}\r\n\r\n" for payload in payloads).encode()


def part(*parts: Any, counted: Any = None, **candidate: Any) -> dict[str, Any]:
    return answered(*parts, finish=None, counted=counted, **candidate)


WHOLE = sse(
    part({"text": "hm", "thought": True}),
    part({"text": "15°"}, groundingMetadata={}, urlContextMetadata={"urlMetadata": [1]}),
    part(RAN, {"text": ""}),
    part({"codeExecutionResult": {"output": "1"}}, counted={"promptTokenCount": 1}),
    part({"text": "C"}),
    part(CALL),
    part({"functionCall": {"name": "g"}}),
    answered({"text": "", "thoughtSignature": "T"}, avgLogprobs=-1),
)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_stream_is_the_same_wherever_it_is_cut(size: int) -> None:
    chunks = streamed(CHAT, STREAM, WHOLE, size)
    message = collected(chunks).choices[0].message
    assert (message.content, message.reasoning_content) == ("15°C", "hm")
    assert [(call.function.name, call.function.arguments) for call in message.tool_calls] == [
        ("f", '{"x": 1}'),
        ("g", "{}"),
    ]
    assert collected(chunks).choices[0].finish_reason == "tool_calls"
    assert chunks[-1].usage["prompt_tokens"] == 5, "the last count is the true one"
    assert all(OpenAIChunk.model_validate(chunk.model_dump()) for chunk in chunks)


def test_calls_are_counted_and_what_only_google_knows_is_kept_whole() -> None:
    choices = [chunk["choices"][0] for chunk in streamed(CHAT, STREAM, WHOLE, 100_000)]
    calls = [call for choice in choices for call in choice["delta"].get("tool_calls") or ()]
    fields = [choice["delta"].get("provider_specific_fields") or {} for choice in choices]
    assert [call["index"] for call in calls] == [0, 1]
    assert calls[0]["provider_specific_fields"] == {"thought_signature": "S"}
    assert [one["parts"] for one in fields if "parts" in one][-1] == [RAN, {"codeExecutionResult": {"output": "1"}}]
    assert [one["thought_signature"] for one in fields if "thought_signature" in one] == ["T"]
    said = [choice["provider_specific_fields"] for choice in choices if "provider_specific_fields" in choice]
    assert said == [{"url_context_metadata": {"urlMetadata": [1]}}, {"avg_logprobs": -1}]


def test_metadata_may_come_alone() -> None:
    chunks = streamed(CHAT, STREAM, sse(part(groundingMetadata={"a": 1}), answered({"text": "x"})))
    assert chunks[0]["choices"][0]["provider_specific_fields"] == {"grounding_metadata": {"a": 1}}


def test_choices_end_one_by_one() -> None:
    other = answered({"text": "b"}, finish=None, index=1)
    body = sse(answered({"text": "a"}), other)
    with pytest.raises(CutStream):
        streamed(CHAT, STREAM, body)
    answer = collected(streamed(CHAT, STREAM, body + sse(answered(finish="MAX_TOKENS", index=1))))
    assert [(choice.message.content, choice.finish_reason) for choice in answer.choices] == [
        ("a", "stop"),
        ("b", "length"),
    ]


def test_images_are_counted_over_the_stream() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AA"}}
    answer = collected(streamed(CHAT, STREAM, sse(part(image), answered(image, image))))
    assert [one["index"] for one in answer.choices[0].message.images] == [0, 1, 2]


def test_audio_has_one_id_over_the_stream() -> None:
    audio = {"inlineData": {"mimeType": "audio/L16", "data": "AQI="}}
    deltas = [chunk["choices"][0]["delta"] for chunk in streamed(CHAT, STREAM, sse(part(audio), answered(audio)))]
    assert len({delta["audio"]["id"] for delta in deltas if "audio" in delta}) == 1


@pytest.mark.parametrize("body", [b"", sse(part({"text": "a"})), sse({"usageMetadata": COUNTED})])
def test_without_a_reason_to_finish_it_is_cut(body: bytes) -> None:
    with pytest.raises(CutStream):
        streamed(CHAT, STREAM, body)


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_error_inside_is_one(wrapped: bool) -> None:
    failure = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    with pytest.raises(UpstreamFailure):
        streamed(CHAT, STREAM, sse(part({"text": "a"}), [failure] if wrapped else failure))


def test_a_blocked_prompt_is_refused() -> None:
    with pytest.raises(UpstreamFailure, match="error"):
        streamed(CHAT, STREAM, sse({"promptFeedback": {"blockReason": "SAFETY"}}))


def test_usage_is_left_out_where_nobody_counted() -> None:
    chunks = streamed(CHAT, STREAM, sse(answered({"text": "a"}, counted={"trafficType": "ON_DEMAND"})))
    assert all(chunk.get("usage") is None for chunk in chunks)


@pytest.mark.parametrize("payload", [answered({"text": "ab"}), [part({"text": "a"}), answered({"text": "b"})]])
def test_a_stream_that_came_as_json(payload: Any) -> None:
    chunks: list[Any] = list(CHAT.whole(STREAM, "m", reply(payload)))
    assert collected(chunks).choices[0].message.content == "ab"
    assert chunks[-1].usage["prompt_tokens"] == 5
