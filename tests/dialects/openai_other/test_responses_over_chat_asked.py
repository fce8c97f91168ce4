"""The Responses API through a chat: the chat that is asked, and what it cannot be asked."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.dialects.openai.chat import Chat
from router_core.dialects.responses_over_chat import ResponsesOverChat
from router_core.errors import BadRequestError, UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.dialect import Wire
from router_core.providers.parameters import Parameters
from tests.dialects.openai_other.over_chat_kit import BLOCK, LOOK, OVER, messages


def asked(**body: Any) -> Any:
    """The chat that a Responses call becomes."""
    selected = OVER.parameters.select({"input": "hello", **body}, "p")
    return OVER.encode(Call("responses", selected), "m").body


def test_a_text_is_what_the_user_says_after_the_instructions() -> None:
    assert asked(instructions="Be brief")["messages"] == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "hello"},
    ]


def test_what_the_assistant_did_in_one_turn_is_one_message() -> None:
    got = messages(
        {"role": "user", "content": "Where is it?"},
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "thinking_blocks": [BLOCK],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}], "id": "msg"},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at": 1}', "id": "fc"},
        {"type": "function_call", "call_id": "c2", "name": "wait", "provider_specific_fields": {"sig": "s"}},
        {"type": "function_call_output", "call_id": "c1", "output": "there"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "done"}]},
        {"role": "assistant", "content": "There."},
        {"role": "assistant", "content": "Really."},
    )
    look = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
    wait = {"id": "c2", "type": "function", "function": {"name": "wait", "arguments": "{}"}}
    assert got == [
        {"role": "user", "content": "Where is it?"},
        {
            "role": "assistant",
            "content": "I look.",
            "reasoning_content": "Hm.",
            "thinking_blocks": [BLOCK],
            "tool_calls": [look, wait | {"provider_specific_fields": {"sig": "s"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "there"},
        {"role": "tool", "tool_call_id": "c2", "content": "done"},
        {"role": "assistant", "content": "There."},
        {"role": "assistant", "content": "Really."},
    ]


def test_reasoning_that_only_its_own_model_can_read_is_not_said_to_another() -> None:
    sealed = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "xyz"}
    assert messages({"role": "user", "content": "a"}, sealed) == [{"role": "user", "content": "a"}]


def test_pictures_files_and_sounds_are_parts() -> None:
    hint = {"cache_control": {"type": "ephemeral"}}
    sound = {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}}
    (message,) = messages(
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "look", **hint},
                {"type": "input_image", "image_url": "data:image/png;base64,QQ==", "detail": "low"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,QQ==", "filename": "a.pdf"},
                {"type": "input_file", "file_url": "https://example.com/a.pdf"},
                {"type": "input_file", "file_id": "file-1"},
                sound,
                {"type": "refusal", "refusal": "no"},
            ],
        }
    )
    assert message["content"] == [
        {"type": "text", "text": "look", **hint},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ==", "detail": "low"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,QQ==", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "https://example.com/a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        sound,
        {"type": "refusal", "refusal": "no"},
    ]


def test_parameters_have_their_names_in_a_chat() -> None:
    got = asked(
        max_output_tokens=10,
        temperature=0.5,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}, "verbosity": "low"},
        tools=[LOOK],
        tool_choice={"type": "function", "name": "look"},
        top_logprobs=2,
        include=["reasoning.encrypted_content", "message.output_text.logprobs"],
        store=False,
        background=False,
        truncation="disabled",
        top_k=5,
    )
    del got["messages"]
    function = {name: value for name, value in LOOK.items() if name != "type"}
    assert got == {
        "model": "m",
        "max_completion_tokens": 10,
        "temperature": 0.5,
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}},
        "verbosity": "low",
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "logprobs": True,
        "top_logprobs": 2,
        "top_k": 5,
    }
    assert asked(text={"format": {"type": "json_object"}})["response_format"] == {"type": "json_object"}
    assert "response_format" not in asked(text={"format": {"type": "text"}}, tool_choice=None)
    assert asked(tools=[LOOK], tool_choice="required")["tool_choice"] == "required"


def test_a_chat_that_takes_less_gives_a_responses_api_that_takes_less() -> None:
    over = ResponsesOverChat(Chat(Parameters.only("chat", "messages max_tokens response_format")))
    assert {"input", "instructions", "max_output_tokens", "text"} <= over.parameters.takes
    assert {"temperature", "tools", "reasoning", "top_logprobs"} <= over.parameters.lacking
    body = over.encode(Call("responses", {"input": "a", "max_output_tokens": 3}), "m").body
    assert body["max_tokens"] == 3
    with pytest.raises(UnsupportedParamsError) as caught:
        over.encode(Call("responses", {"input": "a", "text": {"verbosity": "low"}}), "m")
    assert caught.value.params == ("text.verbosity",)


@pytest.mark.parametrize(
    ("place", "body"),
    [
        ("previous_response_id", {"previous_response_id": "resp_1"}),
        ("conversation", {"conversation": "conv_1"}),
        ("background", {"background": True}),
        ("store", {"store": True}),
        ("prompt", {"prompt": {"id": "p"}}),
        ("truncation", {"truncation": "auto"}),
        ("max_tool_calls", {"max_tool_calls": 2}),
        ("tools[1]", {"tools": [LOOK, {"type": "web_search"}]}),
        ("tool_choice", {"tool_choice": {"type": "web_search"}}),
        ("include[0]", {"include": ["file_search_call.results"]}),
        ("reasoning.context", {"reasoning": {"context": "all_turns"}}),
        ("text.other", {"text": {"other": 1}}),
        ("n", {"n": 2}),
        ("input[0]", {"input": [{"type": "item_reference", "id": "x"}]}),
        ("input[0].content[0]", {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}),
        ("input[0].content[0]", {"input": [{"role": "user", "content": [{"type": "input_video"}]}]}),
    ],
)
def test_what_cannot_be_kept_over_chat_is_named(place: str, body: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        asked(**body)
    assert caught.value.params == (place,)


def test_what_the_chat_itself_refuses_has_the_callers_name() -> None:
    class NoEffort(Chat):
        def encode(self, call: Call, model: str) -> Wire:
            raise UnsupportedParamsError(params=["reasoning_effort"])

    with pytest.raises(UnsupportedParamsError) as caught:
        ResponsesOverChat(NoEffort()).encode(Call("responses", {"input": "a", "reasoning": {"effort": "low"}}), "m")
    assert caught.value.params == ("reasoning",)


@pytest.mark.parametrize(
    "input",
    [None, 5, ["text"], [{"role": "nobody", "content": "a"}], [{"type": "function_call", "name": "look"}]],
)
def test_what_is_no_input_is_the_callers_error(input: Any) -> None:
    with pytest.raises(BadRequestError):
        asked(input=input)
