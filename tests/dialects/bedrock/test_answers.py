"""Converse's answers, whole and streamed, as OpenAI's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, UpstreamFailure
from tests.dialects.bedrock.kit import (
    HI,
    NOVA,
    SONNET,
    answered,
    delta,
    deltas,
    dialect,
    end,
    events,
    frame,
    heard,
    reply,
    start,
    stop,
)
from tests.dialects.streamed import collected

THOUGHT = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s1"}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
CITED = {"title": "a", "location": {"web": {"url": "https://example.com"}}}


def test_texts_thoughts_and_calls_have_their_places() -> None:
    answer = answered(
        THOUGHT,
        {"reasoningContent": {"redactedContent": "c2Vj"}},
        {"text": "one "},
        {"citationsContent": {"content": [{"text": "two"}], "citations": [CITED]}},
        {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": "sky"}, "type": "tool_use"}},
        stop="tool_use",
    )
    message = answer.choices[0].message
    assert (answer.id, answer.model, answer.choices[0].finish_reason) == ("r1", SONNET, "tool_calls")
    assert (message.content, message.reasoning_content) == ("one two", "hm")
    assert message.thinking_blocks == [
        {"type": "thinking", "thinking": "hm", "signature": "s1"},
        {"type": "redacted_thinking", "data": "c2Vj"},
    ]
    (call,) = message.tool_calls
    assert (call.id, call.function.name, json.loads(call.function.arguments)) == ("t1", "look", {"at": "sky"})
    assert message.provider_specific_fields == {"citations": [CITED]}


def test_tools_that_bedrock_ran_are_no_calls_for_the_caller() -> None:
    use = {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}}
    message = answered(use, {"text": "found"}).choices[0].message
    assert message.content == "found"
    assert message.tool_calls is None
    assert message.provider_specific_fields == {"bedrock_content": [use]}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("stop_sequence", "stop"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("model_context_window_exceeded", "length"),
        ("malformed_tool_use", "stop"),
    ],
)
def test_reasons_to_stop_have_openais_names(theirs: str, ours: str) -> None:
    """The provider's own is kept where it says more."""
    choice = answered({"text": "x"}, stop=theirs).choices[0]
    assert choice.finish_reason == ours
    own = choice.get("provider_specific_fields", {}).get("native_finish_reason")
    assert own == (None if theirs in ("end_turn", "max_tokens") else theirs)


def test_cached_tokens_are_counted_in() -> None:
    cached = {"cacheReadInputTokens": 6, "cacheWriteInputTokens": 4}
    usage = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 18, **cached}
    counted = answered({"text": "x"}, usage=usage).usage
    assert (counted.prompt_tokens, counted.completion_tokens, counted.total_tokens) == (13, 5, 18)
    assert (counted.prompt_tokens_details.cached_tokens, counted.cache_creation_input_tokens) == (6, 4)
    assert answered({"text": "x"}, usage={}).usage is None


def test_what_openai_has_no_field_for_is_kept() -> None:
    more: dict[str, Any] = {"trace": {"guardrail": {"actionReason": "masked"}}, "serviceTier": {"type": "flex"}}
    answer = answered({"text": "x"}, **more)
    assert answer.provider_specific_fields == {"metrics": {"latencyMs": 1}, **more}
    assert answer.service_tier == "flex"
    fields = {"additionalModelResponseFields": {"stop_sequence": "x"}}
    (chunk,) = heard(frame("messageStop", {"stopReason": "stop_sequence", **fields}))
    assert chunk["provider_specific_fields"] == fields


def test_an_answer_by_tool_is_the_content_and_what_is_said_beside_it_is_not() -> None:
    use, beside = {"toolUseId": "t", "name": "json_tool_call", "input": {"x": 1}}, {"text": "Here it is:"}
    choice = answered(beside, {"toolUse": use}, stop="tool_use", model=NOVA).choices[0]
    assert (choice.message.content, choice.message.tool_calls, choice.finish_reason) == ('{"x": 1}', None, "stop")
    named = {"toolUse": {"toolUseId": "t", "name": "json_tool_call"}}
    pieces = [delta(1, {"toolUse": {"input": piece}}) for piece in ("", '{"x":', " 1}")]
    stream = events(delta(0, beside), stop(0), start(1, named), *pieces, stop(1), end("tool_use"))
    streamed = collected(heard(stream, NOVA, response_format=SCHEMA)).choices[0]
    assert (streamed.message.content, streamed.finish_reason) == ('{"x": 1}', "stop")
    for message in (choice.message, streamed.message):
        assert message.provider_specific_fields == {"bedrock_content": [beside]}


def test_what_is_said_instead_of_an_answer_by_tool_is_told() -> None:
    blocked = events(delta(0, {"text": "blo"}), delta(0, {"text": "cked"}), end("guardrail_intervened"))
    whole = collected(heard(blocked, NOVA, response_format=SCHEMA)).choices[0]
    assert (whole.message.content, whole.finish_reason) == ("blocked", "content_filter")


@pytest.mark.parametrize("size", [0, 1, 7])
def test_a_stream_says_what_the_whole_says(size: int) -> None:
    stream = events(
        start(0, {"reasoningContent": {}}),
        delta(0, {"reasoningContent": {"text": "h"}}),
        delta(0, {"reasoningContent": {"text": "m"}}),
        delta(0, {"reasoningContent": {"signature": "s1"}}),
        stop(0),
        start(1, {}),
        delta(1, {"text": "o"}),
        delta(1, {"text": ""}),
        delta(1, {"text": "ne"}),
        stop(1),
        start(3, {"toolUse": {"toolUseId": "t1", "name": "look"}}),
        delta(3, {"toolUse": {"input": '{"at":'}}),
        delta(3, {"toolUse": {"input": ' "sky"}'}}),
        stop(3),
        start(4, {"toolUse": {"toolUseId": "t2", "name": "go"}}),
        delta(4, {"toolUse": {"input": ""}}),
        stop(4),
        end("tool_use"),
    )
    chunks = heard(stream, size=size)
    whole = collected(chunks)
    message = whole.choices[0].message
    assert (message.content, message.reasoning_content) == ("one", "hm")
    assert message.thinking_blocks == [{"type": "thinking", "thinking": "hm", "signature": "s1"}]
    assert [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls] == [
        ("t1", "look", '{"at": "sky"}'),
        ("t2", "go", "{}"),
    ]
    assert (whole.choices[0].finish_reason, whole.usage.total_tokens) == ("tool_calls", 8)
    assert chunks[-1]["provider_specific_fields"] == {"metrics": {"latencyMs": 7}}
    assert "provider_specific_fields" not in message


def test_a_stream_tells_hidden_thoughts_citations_and_the_servers_tools() -> None:
    ran = {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "type": "server_tool_use"}}
    chunks = heard(
        events(
            delta(0, {"reasoningContent": {"redactedContent": "c2Vj"}}),
            stop(0),
            start(1, ran),
            delta(1, {"toolUse": {"input": "{}"}}),
            stop(1),
            delta(2, {"text": "found"}),
            delta(2, {"citation": CITED}),
            stop(2),
            end(),
        )
    )
    assert deltas(chunks, "thinking_blocks") == [[{"type": "redacted_thinking", "data": "c2Vj"}]]
    assert not deltas(chunks, "tool_calls")
    fields = collected(chunks).choices[0].message.provider_specific_fields
    assert fields["citations"] == [CITED]
    assert fields["bedrock_content"] == [{**ran, "deltas": [{"toolUse": {"input": "{}"}}]}]


def test_an_error_inside_a_stream_is_told_with_what_came_before() -> None:
    begun = frame("messageStart", {"role": "assistant"}) + frame(*delta(0, {"text": "o"}))
    broken = frame("throttlingException", {"message": "Too many tokens, please wait"}, kind="exception")
    with pytest.raises(UpstreamFailure) as caught:
        heard(begun + broken)
    assert caught.value.payload["error"]["code"] == 429


def test_a_stream_is_whole_with_its_end_even_without_its_usage() -> None:
    with pytest.raises(CutStream):
        heard(frame(*delta(0, {"text": "o"})))
    chunks = heard(frame(*delta(0, {"text": "o"})) + frame(*end()))
    assert collected(chunks).usage is None


def test_a_server_that_ignored_the_stream_gives_one_chunk() -> None:
    payload = {"output": {"message": {"content": [{"text": "x"}]}}, "stopReason": "end_turn"}
    (chunk,) = dialect(SONNET).whole(Call("chat", {"messages": HI}, stream=True), SONNET, reply(payload))
    assert chunk["choices"][0]["delta"]["content"] == "x"


def test_what_is_no_answer_is_an_error() -> None:
    payloads: tuple[Any, ...] = ({}, {"output": {}}, {"output": {"message": {"content": []}}})
    for payload in payloads:
        with pytest.raises(KeyError):
            dialect(SONNET).decode(Call("chat", {}), SONNET, reply(payload))
