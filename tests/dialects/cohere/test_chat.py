"""Cohere's chat: the request in its words, what it cannot be told, and what its answers become."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from router_core.dialects.cohere.chat import Chat
from router_core.errors import BadRequestError, UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, UpstreamFailure
from tests.dialects.streamed import collected

CHAT = Chat()
ASK = [{"role": "user", "content": "hello"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def tool(name: str = "f", **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": SCHEMA, **more}}


def sent(messages: Any = ASK, stream: bool = False, **body: Any) -> Any:
    given = CHAT.parameters.select({"messages": messages, **body}, "cohere")
    wire = CHAT.encode(Call("chat", given, stream=stream), "command")
    assert wire.path == "/chat"
    return wire.body


def sent_message(**message: Any) -> Any:
    return sent([message])["messages"][0]


def reply(**body: Any) -> Reply:
    return Reply(httpx.Headers(), json.dumps({"id": "1", "finish_reason": "COMPLETE", **body}).encode())


def answered(message: dict[str, Any], **body: Any) -> Any:
    return CHAT.decode(Call("chat", {}), "command", reply(message={"role": "assistant", **message}, **body))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_completion_tokens": 5}, {"max_tokens": 5}),
        ({"max_tokens": 5, "top_p": 0.5, "top_k": 3}, {"max_tokens": 5, "p": 0.5, "k": 3}),
        ({"stop": "x"}, {"stop_sequences": ["x"]}),
        ({"stop": ["x", "y"], "seed": None}, {"stop_sequences": ["x", "y"]}),
        ({"n": 1, "parallel_tool_calls": True, "stream_options": {"include_usage": True}}, {}),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"reasoning_effort": "low"}, {"thinking": {"type": "enabled", "token_budget": 1024}}),
        ({"reasoning_effort": "high"}, {"thinking": {"type": "enabled"}}),
        (
            {"reasoning_effort": "low", "thinking": {"type": "enabled", "budget_tokens": 9}},
            {"thinking": {"type": "enabled", "token_budget": 9}},
        ),
        ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
            {"response_format": {"type": "json_object", "json_schema": SCHEMA}},
        ),
        ({"tools": [tool()], "tool_choice": "auto"}, {"tools": [tool()]}),
        ({"tools": [tool()], "tool_choice": "required"}, {"tools": [tool()], "tool_choice": "REQUIRED"}),
        ({"tools": [tool()], "tool_choice": "none"}, {"tools": [tool()], "tool_choice": "NONE"}),
        (
            {"tools": [tool()], "tool_choice": {"type": "function", "function": {"name": "f"}}},
            {"tools": [tool()], "tool_choice": "REQUIRED"},
        ),
        ({"tools": [tool(strict=True)]}, {"tools": [tool()], "strict_tools": True}),
        ({"tools": [tool(strict=False)]}, {"tools": [tool()]}),
        (
            {"documents": [{"data": {"text": "x"}}], "citation_options": {"mode": "FAST"}, "safety_mode": "OFF"},
            {"documents": [{"data": {"text": "x"}}], "citation_options": {"mode": "FAST"}, "safety_mode": "OFF"},
        ),
    ],
)
def test_parameters_in_cohere_s_words(given: dict[str, Any], said: dict[str, Any]) -> None:
    assert sent(ASK, False, **given) == {"model": "command", "messages": ASK, **said}


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"n": 2}, "n"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"user": "me"}, "user"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"tool_choice": "any"}, "tool_choice"),
        (
            {"tools": [tool(), tool("g")], "tool_choice": {"type": "function", "function": {"name": "f"}}},
            "tool_choice",
        ),
        ({"tools": [tool(strict=True), tool("g")]}, "tools"),
        ({"tools": [{"type": "web_search"}]}, r"tools[0]"),
    ],
)
def test_what_cohere_cannot_be_told_is_named(given: dict[str, Any], place: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        sent(ASK, False, **given)
    assert caught.value.params == (place,)


def test_a_conversation_is_said_in_coheres_words() -> None:
    given = [
        {"role": "developer", "content": "be brief"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": "http://x/y"}],
        },
        {"role": "assistant", "content": None, "tool_calls": [CALL | {"index": 0}], "reasoning_content": "I will f"},
        {"role": "tool", "tool_call_id": "c1", "content": "15"},
        {"role": "assistant", "content": "it is 15"},
    ]
    image = {"type": "image_url", "image_url": {"url": "http://x/y"}}
    assert sent(given)["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "see"}, image]},
        {"role": "assistant", "tool_calls": [CALL], "tool_plan": "I will f"},
        {"role": "tool", "content": "15", "tool_call_id": "c1"},
        {"role": "assistant", "content": "it is 15"},
    ]


def test_images_may_be_data_and_have_a_detail() -> None:
    url = {"url": "data:image/png;base64,AA", "detail": "low"}
    assert sent_message(role="user", content=[{"type": "image_url", "image_url": url}])["content"] == [
        {"type": "image_url", "image_url": url}
    ]


def test_what_has_no_place_in_a_message_is_named() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}
    with pytest.raises(UnsupportedParamsError, match=r"messages\[0\]\.content\[0\]"):
        sent_message(role="user", content=[audio])
    with pytest.raises(UnsupportedParamsError, match=r"messages\[0\]\.content\[0\]"):
        sent_message(role="system", content=[{"type": "image_url", "image_url": "http://x"}])
    with pytest.raises(BadRequestError, match=r"messages\[0\]"):
        sent(["hello"])


def test_an_answer_is_said_in_openais_words() -> None:
    answer = answered(
        {
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "yes"}],
            "citations": [{"start": 0}],
        },
        finish_reason="STOP_SEQUENCE",
        usage={
            "billed_units": {"input_tokens": 7, "output_tokens": 2},
            "tokens": {"input_tokens": 70.0, "output_tokens": 5},
            "cached_tokens": 60,
        },
        logprobs=[{"text": "yes", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}],
    )
    choice, message = answer.choices[0], answer.choices[0].message
    assert (answer.id, answer.model, message.content, message.reasoning_content) == ("1", "command", "yes", "hm")
    assert message.thinking_blocks == [{"type": "thinking", "thinking": "hm"}]
    assert message.provider_specific_fields == {"citations": [{"start": 0}]}
    assert (choice.finish_reason, choice.provider_specific_fields) == (
        "stop",
        {"native_finish_reason": "STOP_SEQUENCE"},
    )
    assert choice.logprobs["content"][0] == {
        "token": "yes",
        "logprob": -0.75,
        "bytes": [121, 101, 115],
        "top_logprobs": [],
    }
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (70, 5, 75)
    assert answer.usage.prompt_tokens_details.cached_tokens == 60
    assert answer.usage.billed_units["input_tokens"] == 7


def test_thinking_and_the_plan_go_back_as_what_they_were() -> None:
    said = {"content": [{"type": "thinking", "thinking": "hm"}], "tool_plan": "I will f", "tool_calls": [CALL]}
    answer = answered(said, finish_reason="TOOL_CALL")
    message = answer.choices[0].message
    assert (answer.choices[0].finish_reason, message.reasoning_content) == ("tool_calls", "hmI will f")
    assert sent_message(**message) == {"role": "assistant", **said}
    assert sent_message(role="assistant", content="yes", reasoning_content="hm")["content"] == [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "yes"},
    ]


def test_unknown_usage_is_none() -> None:
    assert answered({"content": []}).usage is None
    assert answered({"content": []}, usage={"tokens": {"input_tokens": 3}}).usage is None
    billed = answered({"content": []}, usage={"billed_units": {"input_tokens": 3, "output_tokens": 1}}).usage
    assert (billed.prompt_tokens, billed.completion_tokens) == (3, 1)


@pytest.mark.parametrize(
    ("own", "word"), [("MAX_TOKENS", "length"), ("ERROR_TOXIC", "content_filter"), ("NEW_WORD", "stop")]
)
def test_reasons_to_finish_have_openais_names(own: str, word: str) -> None:
    choice = answered({"content": []}, finish_reason=own).choices[0]
    assert choice.finish_reason == word
    assert choice.get("provider_specific_fields") in (None, {"native_finish_reason": own})


@pytest.mark.parametrize("own", ["ERROR", "TIMEOUT"])
def test_a_model_that_broke_off_is_an_error(own: str) -> None:
    with pytest.raises(UpstreamFailure):
        answered({"content": [{"type": "text", "text": "hal"}]}, finish_reason=own)


def test_a_server_that_ignores_stream_gives_one_chunk() -> None:
    message = {"content": [{"type": "text", "text": "yes"}], "tool_calls": [CALL]}
    whole = collected([*CHAT.whole(Call("chat", {}, stream=True), "m", reply(message=message))])
    assert whole.choices[0].message.content == "yes"
    assert whole.choices[0].message.tool_calls == [CALL]
