"""What is sent to OpenAI and to servers that are like it: messages, renamed parameters, roles, what each lacks."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessage

from router_core.answering.answers import Message
from router_core.dialects.openai.chat import Chat
from router_core.dialects.openai.messages import Manner
from router_core.dialects.openai.renames import TO_COMPLETION_TOKENS, TO_MAX_TOKENS
from router_core.errors import BadRequestError, UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.parameters import Parameters

USER = {"role": "user", "content": "hello"}
USE = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def sent(dialect: Chat = Chat(), model: str = "m", stream: bool = False, **body: Any) -> Any:
    return dialect.encode(Call("chat", {"messages": [USER], **body}, stream), model).body


def message(given: Any, manner: Manner = Manner()) -> Any:
    return sent(Chat(manner=manner), messages=[given])["messages"][0]


def test_none_means_unset() -> None:
    assert sent(temperature=None, top_p=0.5) == {"messages": [USER], "model": "m", "top_p": 0.5}


def test_a_message_that_needs_nothing_is_the_callers_own_object() -> None:
    assert message(USER) is USER


@pytest.mark.parametrize("messages", [None, "hello", 3, [3], ["hello"]])
def test_what_are_no_messages_is_the_callers_fault(messages: Any) -> None:
    with pytest.raises(BadRequestError, match="messages"):
        sent(messages=messages)


@pytest.mark.parametrize("kind", [dict, Message, ChatCompletionMessage.model_validate])
def test_an_answer_is_sent_back_without_what_other_providers_added_to_it(kind: Any) -> None:
    said = {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "annotations": [],
        "reasoning_content": "hm",
        "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
        "provider_specific_fields": {"a": 1},
        "tool_calls": [{**USE, "index": 0, "provider_specific_fields": {"signature": "s"}}],
    }
    back = message(kind(said))
    assert back["tool_calls"] == [USE]
    assert {name for name, value in back.items() if value is not None} == {"role", "tool_calls"}


@pytest.mark.parametrize("given", ["reasoning", "reasoning_content"])
@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_goes_back_under_the_servers_name_for_it(given: str, name: str) -> None:
    back = message({"role": "assistant", "content": "4", given: "hm"}, Manner(reasoning=name))
    assert back == {"role": "assistant", "content": "4", name: "hm"}


def test_additions_that_a_server_knows_are_kept() -> None:
    details = {"role": "assistant", "content": "4", "reasoning_details": [{"text": "hm"}]}
    assert message(details, Manner(keeps=frozenset({"reasoning_details"}))) == details
    assert "reasoning_details" not in message(details)


def test_what_is_no_known_addition_is_for_the_provider_and_stays() -> None:
    prefix = {"role": "assistant", "content": "```python", "prefix": True}
    assert message(prefix) == prefix


def test_cache_hints_go_only_to_servers_that_know_them() -> None:
    part = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}
    tool = {"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}}
    hinted = {"role": "user", "content": [part], "cache_control": {"type": "ephemeral"}}
    plain = sent(messages=[hinted], tools=[tool])
    assert plain["messages"] == [{"role": "user", "content": [{"type": "text", "text": "long"}]}]
    assert plain["tools"] == [{"type": "function", "function": {"name": "f"}}]
    knows = Chat(manner=Manner(keeps=frozenset({"cache_control"})))
    assert sent(knows, messages=[hinted], tools=[tool])["messages"] == [hinted]
    assert sent(knows, tools=[tool])["tools"] == [tool]


def test_short_forms_of_parts_are_written_out() -> None:
    content = [
        "look",
        {"type": "image_url", "image_url": "https://example.com/a.png"},
        {
            "type": "image_url",
            "image_url": {"url": "data:image/png;base64,AA==", "detail": "low", "format": "image/png"},
        },
        {"type": "file", "file": {"file_id": "file-1", "format": "application/pdf"}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
    ]
    assert message({"role": "user", "content": content})["content"] == [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
    ]


def test_a_server_without_developers_gets_system_messages() -> None:
    developer = {"role": "developer", "content": "be kind"}
    assert message(developer) == developer
    assert message(developer, Manner({"developer": "system"})) == {"role": "system", "content": "be kind"}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("o3-mini", "max_completion_tokens"),
        ("gpt-5-nano", "max_completion_tokens"),
        ("gpt-4o", "max_tokens"),
        ("gpt-oss-120b", "max_tokens"),
        ("openai-o-like", "max_tokens"),
    ],
)
def test_reasoning_models_get_max_completion_tokens(model: str, name: str) -> None:
    assert sent(Chat(renames=(TO_COMPLETION_TOKENS,)), model, max_tokens=5)[name] == 5


def test_older_servers_get_max_tokens_and_what_is_under_both_names_stays() -> None:
    old = Chat(renames=(TO_MAX_TOKENS,))
    assert sent(old, max_completion_tokens=5) == {"messages": [USER], "model": "m", "max_tokens": 5}
    assert sent(old, max_completion_tokens=5, max_tokens=7)["max_tokens"] == 7


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, {"include_usage": True}),
        ({"stream_options": {"other": 1}}, {"include_usage": True, "other": 1}),
        ({"stream_options": {"include_usage": False}}, {"include_usage": False}),
        ({"stream_options": None}, None),
    ],
)
def test_a_stream_asks_for_usage_unless_forbidden(given: dict[str, Any], options: Any) -> None:
    body = sent(stream=True, **given)
    assert (body["stream"], body.get("stream_options")) == (True, options)


def test_a_server_that_counts_unasked_is_not_asked() -> None:
    body = sent(Chat(counts_unasked=True), stream=True, stream_options={"include_usage": True})
    assert body == {"messages": [USER], "model": "m", "stream": True}


def test_what_neither_openai_nor_the_server_has_can_be_refused_by_name() -> None:
    lacks = Parameters.all_but("chat", "n thinking")
    with pytest.raises(UnsupportedParamsError) as caught:
        lacks.select({"messages": [USER], "thinking": {"type": "enabled"}, "top_k": 3}, "this")
    assert caught.value.params == ("thinking",)
    dropped = lacks.select({"messages": [USER], "thinking": {}, "n": 2, "top_k": 3, "drop_params": True}, "this")
    assert dropped == {"messages": [USER], "top_k": 3}
