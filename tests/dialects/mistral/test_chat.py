"""Mistral's chat: what is said in other words there, what cannot be said, and what its answers become."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from router_core.answering.answers import Answer
from router_core.dialects.mistral.chat import Chat
from router_core.dialects.mistral.messages import tool_call_id
from router_core.errors import UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, Reply, UpstreamFailure
from tests.dialects.streamed import collected, events, streamed

CHAT = Chat()
ASK = [{"role": "user", "content": "hello"}]
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "hm, "}, {"type": "text", "text": "well"}]}


def sent(messages: Any = ASK, stream: bool = False, **body: Any) -> Any:
    given = CHAT.parameters.select({"messages": messages, **body}, "mistral")
    wire = CHAT.encode(Call("chat", given, stream=stream), "mistral-small")
    assert wire.path == "/chat/completions"
    return wire.body


def sent_message(**message: Any) -> Any:
    return sent([message])["messages"][0]


def answered(message: dict[str, Any], finish: str = "stop") -> Any:
    body = {"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    return CHAT.decode(Call("chat", {}), "m", Reply(httpx.Headers(), json.dumps(body).encode()))


def part(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": "1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def test_parameters_have_other_names_there() -> None:
    body = sent(max_completion_tokens=5, seed=7, stop=["x"], n=2, safe_prompt=True)
    assert body == {
        "model": "mistral-small",
        "messages": ASK,
        "max_tokens": 5,
        "random_seed": 7,
        "stop": ["x"],
        "n": 2,
        "safe_prompt": True,
    }


def test_usage_is_not_asked_for_since_it_always_comes() -> None:
    assert sent(stream=True, stream_options={"include_usage": True}).keys() == {"model", "messages", "stream"}


@pytest.mark.parametrize("name", ["user", "logit_bias", "store", "functions", "thinking", "verbosity"])
def test_what_mistral_lacks_is_named_or_dropped(name: str) -> None:
    with pytest.raises(UnsupportedParamsError, match=name):
        sent(ASK, False, **{name: {"a": 1}})
    assert name not in sent(ASK, False, **{name: {"a": 1}}, drop_params=True)


@pytest.mark.parametrize(
    ("choice", "word"),
    [("auto", "auto"), ("none", "none"), ("required", "any"), ({"type": "function", "function": {"name": "f"}},) * 2],
)
def test_a_tool_choice_has_mistrals_word(choice: Any, word: Any) -> None:
    assert sent(tool_choice=choice)["tool_choice"] == word


def test_a_tool_without_parameters_takes_none() -> None:
    tools = [{"type": "function", "function": {"name": "now"}, "cache_control": {"type": "ephemeral"}}]
    parameters = {"type": "object", "properties": {}}
    assert sent(tools=tools)["tools"] == [{"type": "function", "function": {"name": "now", "parameters": parameters}}]


def test_tool_choices_and_tools_it_has_not_are_refused() -> None:
    with pytest.raises(UnsupportedParamsError, match="allowed_tools"):
        sent(tool_choice={"type": "allowed_tools"})
    with pytest.raises(UnsupportedParamsError, match=r"tools\[0\]"):
        sent(tools=[{"type": "custom", "custom": {"name": "f"}}])


def test_tool_calls_of_other_providers_get_ids_of_nine_characters() -> None:
    call = {"id": "call_abc", "index": 0, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    asked, told = sent(
        [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "call_abc", "content": "1"}]
    )["messages"]
    assert asked["tool_calls"] == [{"id": told["tool_call_id"], "type": "function", "function": call["function"]}]
    assert len(told["tool_call_id"]) == 9
    assert told["tool_call_id"].isalnum()
    assert (tool_call_id("9XlubyOx3"), tool_call_id("a") != tool_call_id("b")) == ("9XlubyOx3", True)


def test_parts_are_said_in_mistrals_words() -> None:
    content = [
        "hi",
        {"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
        {"type": "file", "file": {"file_id": "f1"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}},
        {"type": "document_url", "document_url": "https://example.com/a.pdf"},
        {"type": "refusal", "refusal": "no"},
    ]
    assert sent_message(role="user", content=content)["content"] == [
        {"type": "text", "text": "hi"},
        {"type": "text", "text": "look"},
        content[2],
        {"type": "input_audio", "input_audio": "AA"},
        {"type": "file", "file_id": "f1"},
        {"type": "document_url", "document_url": "data:application/pdf;base64,AA", "document_name": "a.pdf"},
        content[6],
        {"type": "text", "text": "no"},
    ]


def test_what_messages_cannot_say_is_named() -> None:
    with pytest.raises(UnsupportedParamsError, match=r"messages\[0\]\.function_call"):
        sent_message(role="assistant", function_call={"name": "f", "arguments": "{}"})
    with pytest.raises(UnsupportedParamsError, match=r"messages\[0\]\.content\[0\]"):
        sent_message(role="user", content=[{"type": "file", "file": {}}])
    assert sent_message(role="user", content="hi", name="Ada") == {"role": "user", "content": "hi"}
    assert sent_message(role="assistant", content=None, refusal="no") == {"role": "assistant", "content": "no"}
    assert sent_message(role="developer", content="x") == {"role": "system", "content": "x"}
    assert sent_message(role="assistant", content="x", prefix=True) == {
        "role": "assistant",
        "content": "x",
        "prefix": True,
    }


def test_thinking_comes_and_goes_back() -> None:
    answer = answered(
        {"role": "assistant", "content": [THINKING | {"signature": "s"}, {"type": "text", "text": "yes"}]}
    )
    message = answer.choices[0].message
    assert (message.content, message.reasoning_content) == ("yes", "hm, well")
    assert message.thinking_blocks == [{"type": "thinking", "thinking": "hm, well", "signature": "s"}]
    back = sent_message(**message)["content"]
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm, well"}], "signature": "s"}
    assert back == [thought, {"type": "text", "text": "yes"}]
    assert sent_message(role="assistant", reasoning_content="hm", content=None)["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    ]


def test_references_are_kept() -> None:
    reference = {"type": "reference", "reference_ids": [1]}
    message = answered({"content": [{"type": "text", "text": "so"}, reference]}).choices[0].message
    assert (message.content, message.provider_specific_fields) == ("so", {"content": [reference]})


def test_arguments_may_be_an_object() -> None:
    calls = [{"id": "123456789", "function": {"name": "f", "arguments": {"a": 1}}}]
    for message in (
        answered({"tool_calls": calls, "content": ""}, "tool_calls").choices[0].message,
        collected(streamed(CHAT, Call("chat", {}), events(part({"tool_calls": calls}, "tool_calls"))))
        .choices[0]
        .message,
    ):
        assert json.loads(message.tool_calls[0].function.arguments) == {"a": 1}


def test_a_stream_is_the_same_wherever_it_is_cut() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    body = events(
        part({"role": "assistant", "content": ""}),
        part({"content": [THINKING]}),
        part({"content": [{"type": "text", "text": "yés"}]}),
        part({"content": "!"}, "stop", usage=usage),
    )
    for size in range(1, len(body) + 1):
        answer = collected(streamed(CHAT, Call("chat", {}, stream=True), body, size))
        message = answer.choices[0].message
        assert (message.content, message.reasoning_content) == ("yés!", "hm, well")
        assert (answer.choices[0].finish_reason, answer.usage.total_tokens) == ("stop", 7)


def test_a_model_that_broke_off_is_an_error_and_a_cut_stream_too() -> None:
    with pytest.raises(UpstreamFailure):
        answered({"content": "hal"}, "error")
    with pytest.raises(UpstreamFailure):
        streamed(CHAT, Call("chat", {}, stream=True), events(part({"content": "hal"}), part({}, "error")))
    with pytest.raises(CutStream):
        streamed(CHAT, Call("chat", {}, stream=True), events(part({"content": "hal"}), done=False))


def test_a_server_that_ignores_stream_gives_one_chunk() -> None:
    body = {"choices": [{"message": {"content": [THINKING]}, "finish_reason": "model_length"}]}
    chunks: list[Answer] = [*CHAT.whole(Call("chat", {}), "m", Reply(httpx.Headers(), json.dumps(body).encode()))]
    assert collected(chunks).choices[0].message.reasoning_content == "hm, well"
    assert collected(chunks).choices[0].finish_reason == "length"
