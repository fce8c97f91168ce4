"""Messages of OpenAI's in Anthropic's order: who speaks, what is kept, what is refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from router_core.dialects.anthropic.chat import Chat
from router_core.dialects.anthropic.place import BEDROCK
from router_core.errors import BadRequestError, UnsupportedParamsError
from router_core.providers.base import Call
from tests.dialects.anthropic.said import HI, body

PNG = "data:image/png;base64,aGk="
CACHE = {"type": "ephemeral"}


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


def user(*parts: Any) -> list[Any]:
    return [{"role": "user", "content": list(parts)}]


def called(id: str = "call_1", arguments: str = '{"a": 1}', **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}, **more}


def test_what_comes_before_the_conversation_is_the_system() -> None:
    said = body([{"role": "system", "content": "a"}, {"role": "developer", "content": [text("b")]}, *HI])
    assert said["system"] == [text("a"), text("b")]
    assert said["messages"] == user(text("hi"))


def test_messages_of_one_role_become_one() -> None:
    said = body([*HI, {"role": "user", "content": "there"}, {"role": "assistant", "content": "yes"}, *HI])
    assert [message["role"] for message in said["messages"]] == ["user", "assistant", "user"]
    assert said["messages"][0]["content"] == [text("hi"), text("there")]


@pytest.mark.parametrize(
    ("model", "roles", "system"),
    [
        ("claude-opus-4-8", ["user", "system", "assistant", "user", "system"], None),
        ("claude-sonnet-4-5", ["user", "assistant", "user"], [text("one"), text("two")]),
    ],
)
def test_a_system_message_in_the_middle_stays_there_if_the_model_takes_it(model: str, roles: Any, system: Any) -> None:
    said = body(
        [
            *HI,
            {"role": "system", "content": "one"},
            {"role": "assistant", "content": "yes"},
            {"role": "system", "content": "two"},
            *HI,
        ],
        model,
    )
    assert [message["role"] for message in said["messages"]] == roles
    assert said.get("system") == system


def test_a_system_message_that_nobody_follows_joins_the_system() -> None:
    """It may only stand after the user's turn."""
    messages = [*HI, {"role": "assistant", "content": "I"}, {"role": "system", "content": "late"}]
    assert body(messages, "claude-opus-5")["system"] == [text("late")]


def test_images_and_documents_become_blocks() -> None:
    said = body(
        user(
            {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}},
            {"type": "image_url", "image_url": "https://example.com/a.png", "cache_control": CACHE},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}},
            {"type": "file", "file": {"file_data": "data:text/csv;base64,aGk="}},
            {"type": "file", "file": {"file_data": "https://example.com/a.pdf"}},
            {"type": "file", "file": {"file_id": "file_1"}, "citations": {"enabled": True}},
            {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,aGk="}},
        )
    )
    assert said["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}, "cache_control": CACHE},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
            "title": "a.pdf",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}, "citations": {"enabled": True}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "aGk="}},
    ]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "data:application/zip;base64,aGk="}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,/w=="}},
        {"type": "image_url", "image_url": {"url": "ftp://example.com/a.png"}},
    ],
)
def test_a_part_without_a_place_is_named(part: Any) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        body(user(text("see"), part))
    assert caught.value.params == ("messages[0].content[1]",)
    assert caught.value.retryable


def test_where_nobody_fetches_urls_they_are_refused() -> None:
    call = Call("chat", {"messages": user({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}})})
    with pytest.raises(UnsupportedParamsError, match="give the data"):
        Chat(BEDROCK).encode(call, "anthropic.claude-3-haiku-20240307-v1:0")


def test_a_turn_of_tools() -> None:
    said = body(
        [
            *HI,
            {"role": "assistant", "content": "let me", "tool_calls": [called("call.1"), called("call:2", "")]},
            {"role": "tool", "tool_call_id": "call.1", "content": "sunny", "cache_control": CACHE},
            {
                "role": "tool",
                "tool_call_id": "call:2",
                "content": [text("a picture"), {"type": "image_url", "image_url": {"url": PNG}}],
                "is_error": True,
            },
            {"role": "user", "content": "and?"},
        ]
    )
    assert [message["role"] for message in said["messages"]] == ["user", "assistant", "user"]
    assert said["messages"][1]["content"] == [
        text("let me"),
        {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "call_2", "name": "f", "input": {}},
    ]
    first, second, asked = said["messages"][2]["content"]
    assert first == {
        "type": "tool_result",
        "tool_use_id": "call_1",
        "content": [text("sunny")],
        "cache_control": CACHE,
    }
    assert (second["tool_use_id"], second["is_error"], second["content"][1]["type"]) == ("call_2", True, "image")
    assert asked == text("and?")


def test_the_old_function_messages_find_each_other_by_name() -> None:
    said = body(
        [
            *HI,
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "1"},
        ]
    )
    assert said["messages"][1]["content"][0]["id"] == said["messages"][2]["content"][0]["tool_use_id"] == "f"


def test_thoughts_go_back_signed() -> None:
    thoughts = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "thinking", "thinking": "another provider's"},
    ]
    said = body([*HI, {"role": "assistant", "content": "yes", "thinking_blocks": thoughts}, *HI])
    assert said["messages"][1]["content"] == [*thoughts[:2], text("yes")]


def test_cache_control_of_parts_messages_and_calls() -> None:
    said = body(
        [
            {"role": "system", "content": [text("a", cache_control=CACHE), text("b")]},
            {"role": "user", "content": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"role": "assistant", "content": None, "tool_calls": [called(cache_control=CACHE)]},
            {"role": "tool", "tool_call_id": "call_1", "content": "1"},
        ]
    )
    assert said["system"] == [text("a", cache_control=CACHE), text("b")]
    assert said["messages"][0]["content"][0]["cache_control"]["ttl"] == "1h"
    assert said["messages"][1]["content"][0]["cache_control"] == CACHE


def test_empty_texts_are_left_out_and_a_prefill_does_not_end_in_space() -> None:
    said = body([*HI, {"role": "assistant", "content": ""}, *HI, {"role": "assistant", "content": "```python \n"}])
    assert said["messages"] == [
        {"role": "user", "content": [text("hi"), text("hi")]},
        {"role": "assistant", "content": [text("```python")]},
    ]


@pytest.mark.parametrize("messages", [[], [{"role": "system", "content": "a"}]])
def test_a_conversation_in_which_nobody_speaks_is_refused(messages: Any) -> None:
    with pytest.raises(UnsupportedParamsError, match="needs a message"):
        body(messages)


def test_an_answer_that_was_spoken_is_refused() -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        body([*HI, {"role": "assistant", "content": None, "audio": {"id": "audio_1"}}, *HI])
    assert caught.value.params == ("messages[1].audio",)


def test_what_is_no_list_of_messages_is_the_callers_fault() -> None:
    with pytest.raises(BadRequestError, match="messages must be"):
        body("hi")


def test_a_text_file_is_read_as_utf8() -> None:
    data = base64.b64encode("größer".encode()).decode()
    said = body(user({"type": "file", "file": {"file_data": f"data:text/markdown;base64,{data}"}}))
    assert said["messages"][0]["content"][0]["source"]["data"] == "größer"
