"""Cohere's streams: the same wherever they are cut, and never taken for whole when they are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router_core.dialects.cohere.chat import Chat
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, UpstreamFailure
from tests.dialects.streamed import collected, streamed

CHAT, STREAM = Chat(), Call("chat", {}, stream=True)
USAGE = {"billed_units": {"input_tokens": 1, "output_tokens": 2}, "tokens": {"input_tokens": 30, "output_tokens": 4}}


def event(kind: str, message: Any = None, **fields: Any) -> bytes:
    said = {"type": kind, **({"delta": {"message": message}} if message is not None else {}), **fields}
    return f"event: {kind}\ndata: {json.dumps(said, ensure_ascii=False)}\n\n".encode()


def call_part(kind: str, index: int, arguments: str, **more: Any) -> bytes:
    return event(
        kind, {"tool_calls": {**more, "function": {"arguments": arguments, **more.pop("function", {})}}}, index=index
    )


def ended(reason: str = "COMPLETE", **fields: Any) -> bytes:
    return event("message-end", delta={"finish_reason": reason, "usage": USAGE, **fields})


START = event("message-start", {"role": "assistant", "content": []}, id="a-1")
TEXT = event("content-start", {"content": {"type": "text", "text": ""}}, index=0)


def test_a_stream_is_the_same_wherever_it_is_cut() -> None:
    body = b"".join(
        [
            START,
            event("content-delta", {"content": {"thinking": "hm"}}, index=0),
            TEXT,
            event("content-delta", {"content": {"text": "15°"}}, index=0, logprobs={"text": "15°", "logprobs": [-1]}),
            event("content-delta", {"content": {"text": "C"}}, index=0),
            event("citation-start", {"citations": {"start": 0, "end": 3}}, index=0),
            event("citation-start", {"citations": {"start": 3, "end": 4}}, index=1),
            event("debug", prompt="x"),
            ended(),
            b"data: [DONE]\n\n",
        ]
    )
    for size in range(1, len(body) + 1):
        chunks: Any = streamed(CHAT, STREAM, body, size)
        answer = collected(chunks)
        message = answer.choices[0].message
        assert (answer.id, message.content, message.reasoning_content) == ("a-1", "15°C", "hm")
        assert message.thinking_blocks == [{"type": "thinking", "thinking": "hm"}]
        assert [one["end"] for one in message.provider_specific_fields["citations"]] == [3, 4]
        assert (answer.choices[0].finish_reason, answer.usage.total_tokens) == ("stop", 34)
        assert chunks[-1].usage.billed_units == USAGE["billed_units"]
        assert sum(chunk.choices[0].get("logprobs") is not None for chunk in chunks) == 1


def test_several_tool_calls_after_a_plan() -> None:
    body = b"".join(
        [
            START,
            event("tool-plan-delta", {"tool_plan": "I will "}),
            event("tool-plan-delta", {"tool_plan": "f"}),
            call_part("tool-call-start", 0, "", id="c1", type="function", function={"name": "f"}),
            call_part("tool-call-delta", 0, '{"a":'),
            call_part("tool-call-delta", 0, " 1}"),
            event("tool-call-end", index=0),
            call_part("tool-call-start", 1, "{}", id="c2", type="function", function={"name": "g"}),
            ended("TOOL_CALL"),
        ]
    )
    answer = collected(streamed(CHAT, STREAM, body, 7))
    message = answer.choices[0].message
    assert [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls] == [
        ("c1", "f", '{"a": 1}'),
        ("c2", "g", "{}"),
    ]
    assert (message.reasoning_content, message.provider_specific_fields) == ("I will f", {"tool_plan": "I will f"})
    assert answer.choices[0].finish_reason == "tool_calls"


def test_an_end_without_its_message_end_is_a_cut() -> None:
    with pytest.raises(CutStream):
        streamed(CHAT, STREAM, START + TEXT)
    with pytest.raises(CutStream):
        streamed(CHAT, STREAM, START + b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    "last",
    [
        ended("ERROR", error="out of memory"),
        event("error", error={"message": "overloaded"}),
        b'data: {"message": "internal server error"}\n\n',
    ],
)
def test_an_error_inside_a_stream(last: bytes) -> None:
    with pytest.raises(UpstreamFailure) as caught:
        streamed(CHAT, STREAM, START + TEXT + last)
    assert "message" in json.dumps(caught.value.payload)


def test_nothing_counts_after_the_end() -> None:
    before = streamed(CHAT, STREAM, START + ended(), 64)
    after = streamed(CHAT, STREAM, START + ended() + event("error"), 64)
    assert len(before) == len(after) == 3
