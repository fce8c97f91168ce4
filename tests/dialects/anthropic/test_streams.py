"""Streams of Anthropic's events: the same as the whole answer, and every way they end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk as OpenAIChunk

from router_core.answering.collect import collector_for
from router_core.dialects.anthropic.chat import Chat
from router_core.dialects.anthropic.messages import Messages
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, UpstreamFailure
from tests.dialects.anthropic.said import SONNET, heard, message, reply, sse, stream_of

TEXT = {"type": "text", "text": "Grüße, 世界 👋"}
THOUGHT = {"type": "thinking", "thinking": "hm, well", "signature": "s"}
USE = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "Köln"}}
BARE = {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}}
SEARCH = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [{"url": "u"}]}
CITED = {"type": "text", "text": "so", "citations": [{"url": "u", "cited_text": "t"}]}
USUAL = message(THOUGHT, TEXT, USE, BARE, stop="tool_use")
UNUSUAL = message(SEARCH, FOUND, CITED, stop="pause_turn")


def collected(chunks: list[Any]) -> Any:
    collector = collector_for("chat")
    for chunk in chunks:
        collector.add(chunk)
    return collector.answer()


@pytest.mark.parametrize("whole", [USUAL, UNUSUAL, message(TEXT), message()])
def test_a_stream_says_what_the_whole_answer_says(whole: Any) -> None:
    answer, chunks = Chat().decode(Call("chat", {}), SONNET, reply(whole)), heard(sse(stream_of(whole)))
    for chunk in chunks:
        OpenAIChunk.model_validate(chunk.model_dump())
    streamed = collected(chunks)
    mine, theirs = streamed.choices[0], answer.choices[0]
    assert (mine.finish_reason, streamed.usage, streamed.id) == (theirs.finish_reason, answer.usage, answer.id)
    assert mine.message.content == theirs.message.content
    assert mine.message.get("reasoning_content") == theirs.message.get("reasoning_content")
    assert mine.message.get("thinking_blocks") == theirs.message.get("thinking_blocks")
    assert [c["id"] for c in mine.message.tool_calls or ()] == [c.id for c in theirs.message.tool_calls or ()]
    assert [json.loads(c["function"]["arguments"]) for c in mine.message.tool_calls or ()] == [
        json.loads(c.function.arguments) for c in theirs.message.tool_calls or ()
    ]
    kept, said = (m.get("provider_specific_fields") or {} for m in (mine.message, theirs.message))
    assert {key: kept[key] for key in said} == said


def test_wherever_the_bytes_are_cut() -> None:
    data = sse(stream_of(USUAL))
    whole = _told(heard(data))
    for size in (1, 7, 64):
        framing, reader = Chat().framing(), Chat().reader(Call("chat", {}), SONNET)
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        chunks = [c for piece in pieces for event in framing.feed(piece) for c in reader.read(event)]
        assert _told(chunks) == whole


def _told(chunks: list[Any]) -> list[Any]:
    return [[chunk.choices, chunk.get("usage")] for chunk in chunks]


def test_a_tool_without_input_has_an_empty_object() -> None:
    calls = [c for chunk in heard(sse(stream_of(message(BARE)))) for c in chunk.choices[0].delta.tool_calls or ()]
    assert [call["index"] for call in calls] == [0, 0]
    assert "".join(call["function"]["arguments"] for call in calls) == "{}"


def test_usage_is_cumulative_and_comes_last() -> None:
    events = stream_of(USUAL)
    events[0]["message"]["usage"] |= {"cache_read_input_tokens": 40, "cache_creation": {"ephemeral_5m_input_tokens": 0}}
    events[-2]["usage"] = {"input_tokens": 9, "cache_read_input_tokens": None, "output_tokens": 6}
    *_, finish, last = heard(sse(events))
    assert finish.choices[0].finish_reason == "tool_calls"
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (49, 6)
    assert last.usage.prompt_tokens_details.cached_tokens == 40
    assert last.usage.cache_creation == {"ephemeral_5m_input_tokens": 0}


def test_the_first_chunk_names_the_role_and_all_name_the_answer() -> None:
    chunks = heard(sse(stream_of(message(TEXT))))
    assert [chunk.choices[0].delta.role for chunk in chunks[:2]] == ["assistant", None]
    assert {(chunk.id, chunk.model) for chunk in chunks} == {("msg_1", "claude-sonnet-4-5-20250929")}


def test_citations_come_as_they_are_made() -> None:
    deltas = [chunk.choices[0].delta for chunk in heard(sse(stream_of(UNUSUAL)))]
    fields = [delta["provider_specific_fields"] for delta in deltas if "provider_specific_fields" in delta]
    assert fields[0] == {"citation": CITED["citations"][0]}
    assert fields[-1]["content_blocks"] == [SEARCH, FOUND, CITED]


def test_what_nobody_knows_yet_is_passed_over() -> None:
    first, *rest = stream_of(message(TEXT))
    odd = [
        {"type": "of_next_year", "index": 7},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "of_next_year_delta"}},
    ]
    begin = rest.index(next(event for event in rest if event["type"] == "content_block_start")) + 1
    events = [first, odd[0], *rest[:begin], odd[1], *rest[begin:]]
    data = sse(events).replace(b"event: message_stop", b"data: [DONE]\n\ndata: 7\n\nevent: message_stop")
    assert collected(heard(data)).choices[0].message.content == TEXT["text"]


def test_a_text_that_comes_with_the_beginning_of_its_block_is_not_lost() -> None:
    """Compatible servers do so."""
    events = [e for e in stream_of(message(TEXT)) if e["type"] != "content_block_delta"]
    next(e for e in events if e["type"] == "content_block_start")["content_block"] = TEXT
    assert collected(heard(sse(events))).choices[0].message.content == TEXT["text"]


def test_input_cut_short_by_max_tokens_is_what_came() -> None:
    events = stream_of(message(USE, stop="max_tokens"))
    broken = [e for e in events if e.get("delta", {}).get("type") == "input_json_delta"][-1]
    events.remove(broken)
    answer = collected(heard(sse(events))).choices[0]
    assert answer.finish_reason == "length"
    assert json.dumps(USE["input"]).startswith(answer.message.tool_calls[0]["function"]["arguments"])


@pytest.mark.parametrize("dialect", [Chat(), Messages()])
@pytest.mark.parametrize("after", [0, 4])
def test_an_error_in_a_stream(dialect: Any, after: int) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with pytest.raises(UpstreamFailure) as caught:
        heard(sse([*stream_of(USUAL)[:after], error]), dialect)
    assert caught.value.payload == error


@pytest.mark.parametrize("dialect", [Chat(), Messages()])
def test_a_stream_without_its_end_is_cut(dialect: Any) -> None:
    events = stream_of(USUAL)
    for length in range(len(events)):
        with pytest.raises(CutStream, match="message_stop"):
            heard(sse(events[:length]), dialect)


def test_a_block_that_never_began_is_unreadable() -> None:
    events = [e for e in stream_of(message(TEXT)) if e["type"] != "content_block_start"]
    with pytest.raises(KeyError):
        heard(sse(events))
