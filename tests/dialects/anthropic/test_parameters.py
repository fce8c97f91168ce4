"""Parameters of OpenAI's in Anthropic's words, by the generation of the model."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.dialects.anthropic.models import known
from router_core.dialects.anthropic.request import JSON_ONLY
from router_core.dialects.anthropic.schema import closed
from router_core.errors import BadRequestError, UnsupportedParamsError
from tests.dialects.anthropic.said import HI, body

OPUS_5 = "claude-opus-5"
TOOL = {"type": "function", "function": {"name": "f", "description": "", "parameters": {"type": "object"}}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def wanting(schema: Any = SCHEMA, **more: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, **more}}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"max_completion_tokens": 6, "max_tokens": 5}, {"max_tokens": 6}),
        ({"max_tokens": 0}, {"max_tokens": 0}),
        ({"stop": "x"}, {"stop_sequences": ["x"]}),
        ({"stop": ["x", "y"]}, {"stop_sequences": ["x", "y"]}),
        ({"temperature": 0.2, "top_p": 0.9}, {"temperature": 0.2, "top_p": 0.9}),
        ({"user": "u1"}, {"metadata": {"user_id": "u1"}}),
        ({"user": "u1", "safety_identifier": "u2"}, {"metadata": {"user_id": "u2"}}),
        ({"service_tier": "auto"}, {"service_tier": "auto"}),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}),
        ({"response_format": {"type": "text"}}, {}),
        ({"response_format": {"type": "json_object"}}, {"system": [{"type": "text", "text": JSON_ONLY}]}),
        ({"stream_options": {"include_usage": True}, "temperature": None}, {}),
        ({"top_k": 3, "container": "c", "mcp_servers": [1]}, {"top_k": 3, "container": "c", "mcp_servers": [1]}),
        ({"thinking": {"type": "disabled"}}, {"thinking": {"type": "disabled"}}),
        ({"system": "s"}, {"system": [{"type": "text", "text": "s"}]}),
        ({"web_search_options": {}}, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ],
)
def test_what_becomes_of_a_parameter(given: dict[str, Any], sent: dict[str, Any]) -> None:
    plain = body()
    assert body(**given) == plain | sent


@pytest.mark.parametrize(
    ("model", "given", "named"),
    [
        (OPUS_5, {"temperature": 0.2}, "temperature"),
        (OPUS_5, {"top_p": 0.2}, "top_p"),
        ("claude-sonnet-4-5", {"temperature": 1.5}, "temperature"),
        ("claude-sonnet-4-5", {"stop": "\n"}, "stop"),
        ("claude-sonnet-4-5", {"user": "a@example.com"}, "user"),
        ("claude-sonnet-4-5", {"service_tier": "flex"}, "service_tier"),
        ("claude-sonnet-4-0", {"response_format": wanting()}, "response_format"),
        ("claude-sonnet-4-5", {"response_format": {"type": "grammar"}}, "response_format"),
        ("claude-sonnet-4-5", {"tool_choice": {"type": "allowed_tools"}, "tools": [TOOL]}, "tool_choice"),
        ("claude-opus-5-5", {"tool_choice": "required", "tools": [TOOL]}, "tool_choice"),
        ("claude-sonnet-4-5", {"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools[0]"),
        ("claude-3-5-haiku-latest", {"reasoning_effort": "low"}, "reasoning_effort"),
        ("claude-opus-5-5", {"reasoning_effort": "none"}, "reasoning_effort"),
        ("claude-opus-5", {"reasoning_effort": "immense"}, "reasoning_effort"),
        ("claude-sonnet-4-5", {"reasoning_effort": "low", "max_tokens": 1024}, "reasoning_effort"),
        ("claude-sonnet-4-5", {"reasoning_effort": "low", "thinking": {"type": "disabled"}}, "reasoning_effort"),
        (
            "claude-sonnet-4-5",
            {"reasoning_effort": "low", "tools": [TOOL], "tool_choice": "required"},
            "reasoning_effort",
        ),
    ],
)
def test_what_cannot_be_said_to_this_model_is_named(model: str, given: dict[str, Any], named: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        body(HI, model, **given)
    assert named in caught.value.params
    assert caught.value.retryable


def test_a_default_that_must_not_be_sent_is_not_missed() -> None:
    assert body(HI, OPUS_5, temperature=1, top_p=1.0) == body(HI, OPUS_5)


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        ("claude-3-7-sonnet-20250219", "medium", {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        ("claude-sonnet-4-5", "minimal", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ("claude-sonnet-4-5", "max", {"thinking": {"type": "enabled", "budget_tokens": 9_999}}),
        ("claude-sonnet-4-5", "none", {}),
        ("claude-opus-4-6", "xhigh", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
        (
            "claude-opus-4-7",
            "xhigh",
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "xhigh"}},
        ),
        (OPUS_5, "none", {"thinking": {"type": "disabled"}}),
        ("claude-sonnet-5-5", "none", {"thinking": {"type": "between_tools"}}),
    ],
)
def test_effort_in_the_words_of_the_generation(model: str, effort: str, sent: dict[str, Any]) -> None:
    said = body(HI, model, reasoning_effort=effort, max_tokens=10_000)
    assert {key: said[key] for key in ("thinking", "output_config") if key in said} == sent


def test_effort_beside_thinking_and_a_config_of_the_callers() -> None:
    said = body(HI, OPUS_5, reasoning_effort="low", thinking={"type": "adaptive"}, output_config={"task_budget": 1})
    assert said["thinking"] == {"type": "adaptive"}
    assert said["output_config"] == {"effort": "low", "task_budget": 1}


def test_no_thinking_is_asked_for_after_tools_that_were_called_without() -> None:
    """Anthropic refuses it in the 4.5 generation; another provider made the calls."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    used = {"role": "assistant", "content": None, "tool_calls": [call]}
    thought = {**used, "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]}
    result = {"role": "tool", "tool_call_id": "1", "content": "1"}
    with pytest.raises(UnsupportedParamsError, match="without thinking_blocks"):
        body([*HI, used, result], reasoning_effort="low")
    assert "thinking" in body([*HI, thought, result], reasoning_effort="low")
    assert "thinking" in body([*HI, used, result], OPUS_5, reasoning_effort="low")


def test_tools_of_either_form_are_anthropics() -> None:
    written = {"name": "f", "parameters": {**SCHEMA, "title": "F"}, "strict": True, "cache_control": {"type": "a"}}
    said = body(
        tools=[
            {"type": "function", "function": written},
            {"type": "function", "function": {"name": "g", "description": "G"}, "defer_loading": True},
            {"type": "web_fetch_20250910", "name": "web_fetch"},
            {"name": "h", "input_schema": {"type": "object"}},
        ]
    )
    assert said["tools"] == [
        {
            "name": "f",
            "input_schema": {**SCHEMA, "title": "F", "additionalProperties": False},
            "strict": True,
            "cache_control": {"type": "a"},
        },
        {
            "name": "g",
            "description": "G",
            "input_schema": {"type": "object", "properties": {}},
            "defer_loading": True,
        },
        {"type": "web_fetch_20250910", "name": "web_fetch"},
        {"name": "h", "input_schema": {"type": "object"}},
    ]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"type": "tool", "name": "f"}),
        ({"tool_choice": {"type": "any"}}, {"type": "any"}),
        ({"parallel_tool_calls": True}, None),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        (
            {"parallel_tool_calls": False, "tool_choice": "required"},
            {"type": "any", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_the_choice_among_tools(given: dict[str, Any], sent: Any) -> None:
    assert body(tools=[TOOL], **given).get("tool_choice") == sent


def test_a_tool_that_is_none() -> None:
    with pytest.raises(BadRequestError, match=r"tools\[0\] must be a dict"):
        body(tools=["f"])


def test_web_search_as_openai_says_it() -> None:
    place = {"type": "approximate", "approximate": {"country": "DE"}}
    said = body(web_search_options={"search_context_size": "low", "user_location": place})
    assert said["tools"] == [
        {
            "type": "web_search_20250305",
            "name": "web_search",
            "max_uses": 1,
            "user_location": {"type": "approximate", "country": "DE"},
        }
    ]


def test_a_schema_for_the_answer() -> None:
    said = body(response_format=wanting(description="about"))
    schema = {**SCHEMA, "description": "about", "additionalProperties": False}
    assert said["output_config"] == {"format": {"type": "json_schema", "schema": schema}}


def test_a_schema_is_closed_and_what_cannot_be_enforced_is_told() -> None:
    inner = {"type": "array", "items": {"$ref": "#/$defs/x"}, "minItems": 2}
    given = {
        "type": "object",
        "description": "about",
        "properties": {
            "minimum": {"type": "integer", "minimum": 1},
            "list": inner,
            "s": {"type": "string"},
            "any": True,
        },
        "$defs": {"x": {"oneOf": [{"type": "string", "format": "date"}, {"type": ["object", "null"]}]}},
    }
    assert closed(given, "response_format") == {
        "type": "object",
        "description": "about",
        "properties": {
            "minimum": {"type": "integer", "description": "{minimum: 1}"},
            "list": {"type": "array", "items": {"$ref": "#/$defs/x"}, "description": "{minItems: 2}"},
            "s": {"type": "string"},
            "any": True,
        },
        "$defs": {
            "x": {
                "anyOf": [
                    {"type": "string", "format": "date"},
                    {"type": ["object", "null"], "additionalProperties": False},
                ]
            }
        },
        "additionalProperties": False,
    }


def test_an_object_with_any_names_cannot_be_closed() -> None:
    with pytest.raises(UnsupportedParamsError, match="additionalProperties"):
        closed({"type": "object", "additionalProperties": {"type": "string"}}, "response_format")


@pytest.mark.parametrize(
    ("name", "family", "version"),
    [
        ("claude-3-5-haiku-latest", "haiku", (3, 5)),
        ("claude-3-opus-20240229", "opus", (3, 0)),
        ("claude-4-opus-20250514", "opus", (4, 0)),
        ("claude-opus-4-20250514", "opus", (4, 0)),
        ("claude-opus-4-1@20250805", "opus", (4, 1)),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "sonnet", (4, 5)),
        ("anthropic.claude-opus-4-6-v1", "opus", (4, 6)),
        ("anthropic/claude-sonnet-4.6", "sonnet", (4, 6)),
        ("claude-sonnet-5", "sonnet", (5, 0)),
        ("claude-mythos-preview", "mythos", (5, 0)),
        ("claude-fable-5-2", "fable", (5, 2)),
        ("MiniMax-M2", "", (4, 5)),
    ],
)
def test_a_models_name_tells_family_and_version(name: str, family: str, version: tuple[int, int]) -> None:
    assert (known(name).family, known(name).version) == (family, version)


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("claude-3-haiku-20240307", 4_096),
        ("claude-3-5-sonnet-latest", 8_192),
        ("claude-opus-4-1", 32_000),
        (OPUS_5, 32_000),
    ],
)
def test_max_tokens_of_a_call_that_says_none(name: str, tokens: int) -> None:
    assert body(HI, name)["max_tokens"] == tokens


@pytest.mark.parametrize(("budget", "tokens"), [(10_000, 42_000), (50_000, 64_000)])
def test_a_budget_for_thinking_leaves_room_for_the_answer(budget: int, tokens: int) -> None:
    assert body(thinking={"type": "enabled", "budget_tokens": budget})["max_tokens"] == tokens
