"""Messages of Anthropic's as OpenAI's answers, whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion as OpenAIChat
from openai.types.chat import ChatCompletionChunk as OpenAIChunk

from router_core.dialects.anthropic.chat import Chat
from router_core.providers.base import Call
from router_core.providers.dialect import UpstreamFailure
from tests.dialects.anthropic.said import HI, SONNET, body, message, reply

CALL = Call("chat", {})
SEARCH = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []}
CITED = {"type": "text", "text": "so", "citations": [{"type": "web_search_result_location", "url": "u"}]}
USE = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}


def decoded(*blocks: Any, **more: Any) -> Any:
    answer = Chat().decode(CALL, SONNET, reply(message(*blocks, **more)))
    OpenAIChat.model_validate(answer.model_dump())
    return answer


def test_texts_thoughts_and_calls() -> None:
    redacted = {"type": "redacted_thinking", "data": "x"}
    answer = decoded(
        THOUGHT, redacted, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}, USE, stop="tool_use"
    )
    said = answer.choices[0].message
    assert (answer.id, answer.model, said.content) == ("msg_1", "claude-sonnet-4-5-20250929", "ab")
    assert (said.reasoning_content, said.thinking_blocks) == ("hm", [THOUGHT, redacted])
    assert (said.tool_calls[0].id, said.tool_calls[0].function.name) == ("toolu_1", "f")
    assert json.loads(said.tool_calls[0].function.arguments) == {"a": 1}
    assert "provider_specific_fields" not in said
    assert "provider_specific_fields" not in answer.choices[0]


@pytest.mark.parametrize(
    ("stop", "finish", "native"),
    [
        ("end_turn", "stop", False),
        ("max_tokens", "length", False),
        ("tool_use", "tool_calls", False),
        ("stop_sequence", "stop", True),
        ("pause_turn", "stop", True),
        ("refusal", "content_filter", True),
        ("model_context_window_exceeded", "length", True),
        ("of_next_year", "stop", True),
    ],
)
def test_reasons_to_end_have_openais_names_and_keep_their_own_where_it_says_more(
    stop: str, finish: str, native: bool
) -> None:
    choice = decoded(stop=stop).choices[0]
    assert choice.finish_reason == finish
    assert choice.message.content is None
    assert choice.get("provider_specific_fields", {}).get("native_finish_reason") == (stop if native else None)


def test_more_of_why_it_ended() -> None:
    details = {"type": "refusal", "category": "bio"}
    fields = decoded(stop="refusal", stop_details=details).choices[0].provider_specific_fields
    assert fields == {"native_finish_reason": "refusal", "stop_details": details}


def test_usage_counts_what_caches_gave_and_took() -> None:
    usage = {
        "input_tokens": 1,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 100,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 6},
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 2},
        "server_tool_use": {"web_search_requests": 3},
        "service_tier": "standard",
    }
    counted = decoded(usage=usage).usage
    assert (counted.prompt_tokens, counted.completion_tokens, counted.total_tokens) == (111, 7, 118)
    assert counted.prompt_tokens_details.cached_tokens == counted.cache_read_input_tokens == 100
    assert counted.prompt_tokens_details.cache_write_tokens == counted.cache_creation_input_tokens == 10
    assert counted.completion_tokens_details.reasoning_tokens == 2
    assert counted.cache_creation == usage["cache_creation"]
    assert counted.server_tool_use == {"web_search_requests": 3}


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": 1}, {"output_tokens": 1}])
def test_unknown_usage_is_none(usage: Any) -> None:
    assert decoded(usage=usage).usage is None


def test_what_only_the_provider_can_say_is_kept_and_goes_back_as_it_came() -> None:
    blocks = [THOUGHT, SEARCH, FOUND, CITED, USE]
    said = decoded(*blocks, stop="pause_turn", container={"id": "c"}).choices[0].message
    assert said.provider_specific_fields == {
        "container": {"id": "c"},
        "citations": [CITED["citations"]],
        "content_blocks": blocks,
    }
    sent = body([*HI, said.model_dump(), {"role": "tool", "tool_call_id": "toolu_1", "content": "1"}])
    assert sent["messages"][1]["content"] == blocks


def test_a_message_that_was_changed_goes_back_as_it_says_now() -> None:
    said = decoded(SEARCH, FOUND, CITED).choices[0].message
    said.content = "otherwise"
    assert body([*HI, said, *HI])["messages"][1]["content"] == [{"type": "text", "text": "otherwise"}]


def test_thoughts_between_calls_keep_their_order() -> None:
    blocks = [THOUGHT, USE, {**THOUGHT, "signature": "t"}, {**USE, "id": "toolu_2"}]
    said = decoded(*blocks, stop="tool_use").choices[0].message
    assert body([*HI, said])["messages"][1]["content"] == blocks


def test_a_call_that_a_program_made_says_so_both_ways() -> None:
    caller = {"type": "code_execution_20250825", "tool_id": "srv_1"}
    said = decoded({**USE, "caller": caller}, stop="tool_use").choices[0].message
    assert said.tool_calls[0].provider_specific_fields == {"caller": caller}
    assert body([*HI, said])["messages"][1]["content"] == [{**USE, "caller": caller}]
    direct = decoded({**USE, "caller": {"type": "direct"}}, stop="tool_use").choices[0].message
    assert "provider_specific_fields" not in direct.tool_calls[0]


def test_an_error_in_a_200_is_none_of_an_answer() -> None:
    with pytest.raises(UpstreamFailure):
        Chat().decode(CALL, SONNET, reply({"type": "error", "error": {"type": "overloaded_error"}}))


@pytest.mark.parametrize("payload", [{}, [], {"content": None}, {"content": [{"text": "x"}]}])
def test_what_is_no_message_is_unreadable(payload: Any) -> None:
    with pytest.raises((KeyError, TypeError, AttributeError)):
        Chat().decode(CALL, SONNET, reply(payload))


def test_a_whole_answer_where_a_stream_was_asked_for() -> None:
    (chunk,) = Chat().whole(CALL, SONNET, reply(message({"type": "text", "text": "a"})))
    OpenAIChunk.model_validate(chunk.model_dump())
    assert (chunk.choices[0].delta.content, chunk.choices[0].finish_reason) == ("a", "stop")
    assert chunk.usage.total_tokens == 8
