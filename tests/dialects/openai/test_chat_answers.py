"""What compatible servers answer, brought to OpenAI's shape: reasoning, tool calls, finish reasons, usage."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion as OpenAIChat

from router_core.answering.answers import Answer
from router_core.dialects.openai.chat import Chat
from router_core.dialects.openai.usage import embedding_usage, usage
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, UpstreamFailure

CALL = Call("chat", {"messages": [{"role": "user", "content": "hello"}]})


def answered(message: dict[str, Any], **choice: Any) -> Any:
    answer = decoded({"choices": [{"message": message, "finish_reason": "stop", **choice}]})
    OpenAIChat.model_validate(answer.model_dump())
    return answer.choices[0]


def decoded(body: Any) -> Any:
    return Chat().decode(CALL, "m", Reply({}, json.dumps(body).encode()))


@pytest.mark.parametrize(
    "message",
    [
        {"content": "4", "reasoning_content": "hm"},
        {"content": "4", "reasoning": "hm"},
        {"content": "4", "reasoning": "hm", "reasoning_content": "hm"},
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "4"},
            ]
        },
        {"content": [{"type": "reasoning", "summary": [{"text": "hm"}]}, {"type": "text", "text": "4"}]},
    ],
)
def test_reasoning_has_one_name(message: dict[str, Any]) -> None:
    said = answered(message).message
    assert (said.content, said.reasoning_content, "reasoning" in said) == ("4", "hm", False)


def test_no_reasoning_is_no_field_and_details_stay() -> None:
    said = answered({"content": "4", "reasoning": None, "reasoning_details": [{"type": "reasoning.encrypted"}]}).message
    assert "reasoning_content" not in said
    assert said.reasoning_details == [{"type": "reasoning.encrypted"}]


def test_think_tags_are_content_where_the_server_leaves_them_there() -> None:
    assert answered({"content": "<think>hm</think>4"}).message.content == "<think>hm</think>4"


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ({"name": "f"}, "{}"),
        ({"name": "f", "arguments": None}, "{}"),
        ({"name": "f", "arguments": ""}, ""),
        ({"name": "f", "arguments": {"a": 1}}, '{"a": 1}'),
    ],
)
def test_a_tool_call_has_an_id_a_type_and_its_arguments_as_text(function: Any, arguments: str) -> None:
    choice = answered({"tool_calls": [{"function": function}]}, finish_reason=None)
    call = choice.message.tool_calls[0]
    assert (call.type, call.function.arguments, choice.finish_reason) == ("function", arguments, "tool_calls")
    assert call.id.startswith("call_")


@pytest.mark.parametrize(
    ("given", "reason", "native"),
    [
        ("stop", "stop", None),
        (None, "stop", None),
        ("", "stop", None),
        ("eos", "stop", "eos"),
        ("end_turn", "stop", "end_turn"),
        ("model_length", "length", "model_length"),
        ("tool_use", "tool_calls", "tool_use"),
        ("SAFETY", "content_filter", "SAFETY"),
        ("insufficient_system_resource", "length", "insufficient_system_resource"),
    ],
)
def test_finish_reasons_are_openais_and_the_servers_own_is_kept(given: Any, reason: str, native: Any) -> None:
    choice = answered({"content": "4"}, finish_reason=given)
    kept = choice.get("provider_specific_fields") or {}
    assert (choice.finish_reason, kept.get("native_finish_reason")) == (reason, native)


def test_what_openai_has_no_name_for_stays() -> None:
    body = {
        "choices": [{"message": {"content": "4"}, "content_filter_results": {"hate": {"filtered": False}}}],
        "citations": ["https://example.com"],
        "time_info": {"total_time": 0.1},
        "prompt_filter_results": [{"prompt_index": 0}],
    }
    answer = decoded(body)
    assert (answer.citations, answer.time_info["total_time"]) == (["https://example.com"], 0.1)
    assert answer.prompt_filter_results == [{"prompt_index": 0}]
    assert answer.choices[0].content_filter_results == {"hate": {"filtered": False}}


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "content_filter", "message": "filtered"}},
        {
            "choices": [
                {"message": {"content": ""}, "finish_reason": "error", "error": {"code": 502, "message": "down"}}
            ]
        },
    ],
)
def test_an_error_in_place_of_an_answer_or_of_a_choice_is_one(body: Any) -> None:
    with pytest.raises(UpstreamFailure) as caught:
        decoded(body)
    assert caught.value.payload["error"]["message"] in ("filtered", "down")


COUNTED = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


@pytest.mark.parametrize(
    ("more", "cached", "thought"),
    [
        ({}, None, None),
        ({"prompt_tokens_details": {"cached_tokens": 4}}, 4, None),
        ({"prompt_tokens_details": None, "prompt_cache_hit_tokens": 4}, 4, None),
        ({"cached_tokens": 4}, 4, None),
        ({"completion_tokens_details": {"reasoning_tokens": 3}}, None, 3),
        ({"reasoning_tokens": 3}, None, 3),
    ],
)
def test_cached_and_reasoning_tokens_are_found_where_servers_put_them(more: Any, cached: Any, thought: Any) -> None:
    found = usage({**COUNTED, **more})
    assert found is not None
    assert (found.get("prompt_tokens_details") or {}).get("cached_tokens") == cached
    assert (found.get("completion_tokens_details") or {}).get("reasoning_tokens") == thought
    assert (found["prompt_tokens"], found["completion_tokens"], found["total_tokens"]) == (10, 5, 15)


def test_reasoning_counted_beside_the_completion_is_counted_in() -> None:
    xai = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 45}
    found = usage({**xai, "completion_tokens_details": {"reasoning_tokens": 30}})
    assert found is not None
    assert (found["completion_tokens"], found["total_tokens"]) == (35, 45)


def test_tokens_written_to_the_cache_have_litellms_names_too() -> None:
    found = usage({**COUNTED, "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 8}, "cost": 0.1})
    assert found is not None
    assert (found["cache_creation_input_tokens"], found["cache_read_input_tokens"], found["cost"]) == (8, 0, 0.1)


@pytest.mark.parametrize("counted", [None, {}, {"prompt_tokens": 1}, {"completion_tokens": 1}, {"cost": 0.1}])
def test_unknown_usage_is_none(counted: Any) -> None:
    assert usage(counted) is None


def test_usage_of_embeddings_may_have_either_count() -> None:
    assert embedding_usage({"total_tokens": 3}) == {"prompt_tokens": 3, "total_tokens": 3}
    assert embedding_usage({"prompt_tokens": 3}) == {"prompt_tokens": 3, "total_tokens": 3}
    assert embedding_usage({"cost": 1}) is None
    assert embedding_usage(None) is None


def test_groqs_own_place_for_usage_counts_where_there_is_no_other() -> None:
    answer: Answer = decoded({"choices": [{"message": {"content": "4"}}], "x_groq": {"usage": COUNTED}})
    assert answer["usage"]["total_tokens"] == 15
