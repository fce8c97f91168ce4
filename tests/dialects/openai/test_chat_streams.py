"""Streams of OpenAI and of servers that are like it, cut at every byte."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk as OpenAIChunk

from router_core.dialects.openai.chat import Chat
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, UpstreamFailure
from tests.dialects.streamed import collected, events, streamed

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def call(**body: Any) -> Call:
    return Call("chat", {"messages": [], **body}, stream=True)


def chunk(delta: Any = None, finish: Any = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "1", "created": 1, "model": "m", "choices": [choice], **more}


def read(body: bytes, size: int = 1, **asked: Any) -> list[Any]:
    chunks = streamed(Chat(), call(**asked), body, size)
    for one in chunks:
        OpenAIChunk.model_validate(one.model_dump())
    return chunks


WHOLE = events(
    chunk({"role": "assistant", "reasoning": "h"}),
    chunk({"reasoning": "m"}),
    chunk({"content": "four é"}),
    chunk(
        {"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a"'}}]}
    ),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}),
    chunk(finish="tool_calls"),
    {"id": "1", "created": 1, "model": "m", "choices": [], "usage": USAGE},
)


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_the_pieces_of_a_stream_do_not_matter(size: int, ending: bytes) -> None:
    body = b": OPENROUTER PROCESSING\n\n" + WHOLE
    answer = collected(read(body.replace(b"\n", ending), size))
    message = answer.choices[0].message
    assert (message.reasoning_content, message.content) == ("hm", "four é")
    assert message.tool_calls[0].function == {"name": "f", "arguments": '{"a": 1}'}
    assert (answer.choices[0].finish_reason, answer.usage.total_tokens) == ("tool_calls", 3)


def test_every_chunk_has_a_choice_unless_openais_last_one_was_asked_for() -> None:
    assert all(one.choices for one in read(WHOLE))
    assert read(WHOLE, stream_options={"include_usage": True})[-1].choices == []


def test_azures_first_chunk_keeps_what_its_filter_found() -> None:
    first = {"id": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    chunks = read(events(first, chunk({"content": "a"}, "stop")))
    assert chunks[0].prompt_filter_results == [{"prompt_index": 0}]
    assert chunks[0].choices[0].delta.content is None


def test_tool_calls_without_an_index_are_counted_by_their_ids() -> None:
    def part(id: str | None, arguments: str) -> Any:
        return {"id": id, "type": "function", "function": {"name": "f" if id else None, "arguments": arguments}}

    body = events(
        chunk({"tool_calls": [part("a", "{"), part("b", "{}")]}),
        chunk({"tool_calls": [part("a", "}")]}),
        chunk({"tool_calls": [part("c", "[")]}),
        chunk({"tool_calls": [part(None, "]")]}, "tool_calls"),
    )
    pieces: list[Any] = streamed(Chat(), call(), body)
    indices = [one["index"] for piece in pieces for one in piece.choices[0].delta.tool_calls]
    assert indices == [0, 1, 0, 2, 2]


def test_usage_in_the_last_chunk_with_choices_or_in_groqs_own_place_counts() -> None:
    assert read(events(chunk({"content": "a"}, "stop", usage=USAGE)))[-1].usage.total_tokens == 3
    assert read(events(chunk({"content": "a"}, "stop", x_groq={"usage": USAGE})))[-1].usage.total_tokens == 3


def test_what_a_chunk_leaves_out_is_filled_in() -> None:
    chunks = read(events({"choices": [{"delta": None}]}, {"id": "1"}, {"choices": [{"finish_reason": "eos_token"}]}))
    assert [one.object for one in chunks] == ["chat.completion.chunk"] * 3
    assert [one.choices[0].finish_reason for one in chunks] == [None, None, "stop"]


def test_silent_events_and_what_follows_done_do_not_count() -> None:
    body = b"event: ping\ndata:\n\n" + events(chunk({"content": "a"}, "stop")) + b"data: {broken\n\n"
    assert len(read(body)) == 1


@pytest.mark.parametrize(
    "failure",
    [
        b'event: error\ndata: {"message": "Overloaded"}\n\n',
        b'data: {"error": {"message": "Overloaded"}}\n\n',
        b'data: {"object": "error", "message": "Overloaded"}\n\n',
        events(chunk({"content": ""}, "error") | {"error": {"code": 502}}, done=False),
        events({"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 502}}]}, done=False),
    ],
)
def test_an_error_inside_a_stream_ends_it(failure: bytes) -> None:
    with pytest.raises(UpstreamFailure):
        read(events(chunk({"content": "a"}), done=False) + failure)


def test_a_stream_that_ends_too_early_is_cut_and_one_without_done_is_whole() -> None:
    with pytest.raises(CutStream):
        read(events(chunk({"content": "a"}), done=False))
    assert len(read(events(chunk({"content": "a"}), chunk(finish="stop"), done=False))) == 2
