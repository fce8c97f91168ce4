"""The Responses API through a chat: what is asked, what is answered, and events that openai's own client accepts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI
from openai.types.responses import Response as OpenAIResponse
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from router_core.answering.answers import Answer
from router_core.costs.usage import usage_of
from router_core.dialects.openai.chat import Chat
from router_core.dialects.responses_over_chat import ResponsesOverChat
from router_core.dialects.responses_over_chat_input import messages as chat_messages
from router_core.errors import BadRequestError, UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, Reply, UpstreamFailure, Wire
from router_core.providers.parameters import Parameters
from tests.dialects.streamed import events, streamed
from tests.http.server import answer, replying, serving

OVER = ResponsesOverChat(Chat())
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
BLOCK = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
LOOK = {"type": "function", "name": "look", "description": "d", "parameters": {"type": "object"}, "strict": True}


def asked(**body: Any) -> Any:
    """The chat that a Responses call becomes."""
    selected = OVER.parameters.select({"input": "hello", **body}, "p")
    return OVER.encode(Call("responses", selected), "m").body


def messages(*items: Any, **body: Any) -> Any:
    return chat_messages({"input": list(items), **body})


def answered(message: dict[str, Any], finish: str = "stop", *, asked: Any = None, **fields: Any) -> Any:
    """The Response that a chat's answer becomes."""
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish}
    body = {"id": "chat-1", "created": 5, "model": "m-1", "choices": [choice], **fields}
    response = OVER.decode(
        Call("responses", {"input": "hi", **(asked or {})}), "m", Reply(httpx.Headers(), _json(body))
    )
    OpenAIResponse.model_validate(response.model_dump())
    return response


def chunk(finish: str | None = None, usage: Any = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chat-1", "created": 5, "model": "m-1", "choices": [choice], "usage": usage}


def came(*chunks: dict[str, Any], size: int = 100_000) -> list[Any]:
    """The events that a chat's chunks become."""
    return streamed(OVER, Call("responses", {"input": "hi"}, True), events(*chunks), size)


async def understood(got: Sequence[Answer]) -> Any:
    """The Response that openai's client puts together from events, each of which must be one of its own."""
    for number, event in enumerate(got):
        assert event["sequence_number"] == number
        EVENTS.validate_python(event.model_dump())
    body = "".join(f"event: {event['type']}\ndata: {event.model_dump_json()}\n\n" for event in got)
    data = answer(body.encode(), "200 OK", "Content-Type: text/event-stream")
    async with (
        serving(replying(data)) as server,
        AsyncOpenAI(base_url=server.url, api_key="k") as client,
        client.responses.stream(model="m", input="hi") as stream,
    ):
        return await stream.get_final_response()


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


# --- what is asked -----------------------------------------------------------------------------------------------


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


# --- what is answered --------------------------------------------------------------------------------------------


def test_an_answer_has_an_item_for_all_that_was_thought_said_and_called() -> None:
    tool = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
    source = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
    got = answered(
        {
            "content": "I look.",
            "reasoning_content": "Hm.",
            "thinking_blocks": [BLOCK],
            "annotations": [source],
            "tool_calls": [tool],
            "images": ["i"],
        },
        "tool_calls",
        usage={
            "prompt_tokens": 9,
            "completion_tokens": 4,
            "total_tokens": 13,
            "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
            "cache_creation_input_tokens": 2,
            "cache_read_input_tokens": 3,
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
        citations=["c"],
        service_tier="on_demand",
        asked={"tools": [LOOK], "instructions": "Be brief"},
    )
    thought, said, called = got.output
    assert (got.id, got.model, got.status, got.output_text) == ("chat-1", "m-1", "completed", "I look.")
    assert (thought.summary[0].text, thought.thinking_blocks) == ("Hm.", [BLOCK])
    assert said.content[0].annotations[0].url == "u"
    assert (called.type, called.call_id, called.name, called.arguments) == ("function_call", "c1", "look", '{"at": 1}')
    assert (got.usage.input_tokens, got.usage.output_tokens, got.usage.total_tokens) == (9, 4, 13)
    assert got.usage.input_tokens_details == {"cached_tokens": 3, "cache_write_tokens": 2}
    assert (usage_of(got).sent, usage_of(got).made) == (9, 4)
    assert got.usage.output_tokens_details.reasoning_tokens == 2
    assert (got.instructions, got.tools[0].name) == ("Be brief", "look")
    assert (got["images"], got["citations"]) == (["i"], ["c"])
    assert (got.service_tier, got["provider_specific_fields"]) == (None, {"service_tier": "on_demand"})
    # And it can be given back.
    given = messages(*got.output)
    assert given[0]["tool_calls"] == [tool]
    assert given[0]["thinking_blocks"] == [BLOCK]


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_cut_short_is_incomplete(finish: str, reason: str) -> None:
    got = answered({"content": "I lo"}, finish)
    assert (got.status, got.incomplete_details.reason, got.usage) == ("incomplete", reason, None)


def test_an_answer_of_nothing_has_no_items() -> None:
    assert answered({"content": None}, "length").output == []


def test_a_refusal_is_a_part_of_its_own() -> None:
    got = answered({"refusal": "No."})
    assert (got.output[0].content[0].refusal, got.output_text) == ("No.", "")


# --- what is streamed --------------------------------------------------------------------------------------------

STREAM = (
    chunk(role="assistant", content=""),
    chunk(reasoning_content="H"),
    chunk(reasoning_content="m."),
    chunk(thinking_blocks=[{"type": "thinking", "thinking": "Hm.", "signature": "s"}]),
    chunk(content="I "),
    chunk(content="look."),
    chunk(tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": ""}}]),
    chunk(tool_calls=[{"index": 1, "id": "c2", "type": "function", "function": {"name": "wait", "arguments": "{}"}}]),
    chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"at": 1}'}}]),
    chunk("tool_calls"),
    {**chunk(usage={"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}), "choices": []},
)


@pytest.mark.parametrize("size", [1, 100_000])
async def test_events_come_in_openais_order_and_its_client_understands_them(size: int) -> None:
    got = came(*STREAM, size=size)
    assert [event.type.removeprefix("response.") for event in got] == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    whole = await understood(got)
    assert whole.output_text == "I look."
    assert [(item.type, getattr(item, "arguments", None)) for item in whole.output] == [
        ("reasoning", None),
        ("message", None),
        ("function_call", '{"at": 1}'),
        ("function_call", "{}"),
    ]
    assert whole.usage.total_tokens == 13
    assert got[-1].response.output[0].thinking_blocks[0]["signature"] == "s"


def test_what_an_event_tells_does_not_change_afterwards() -> None:
    added = [event for event in came(*STREAM) if event.type == "response.output_item.added"]
    assert [event.item.get("content") or event.item.get("summary") or [] for event in added] == [[], [], [], []]


async def test_a_refusal_after_text_is_another_part() -> None:
    got = came(chunk(content="Well"), chunk(refusal="No."), chunk("stop"))
    assert [part.type for part in (await understood(got)).output[0].content] == ["output_text", "refusal"]


async def test_logprobs_and_sources_arrive_with_the_text() -> None:
    logprobs = {"content": [{"token": "a", "bytes": [97], "logprob": -0.5, "top_logprobs": []}]}
    first = chunk(content="a")
    first["choices"][0]["logprobs"] = logprobs
    source = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
    part = (await understood(came(first, chunk(annotations=[source]), chunk("stop")))).output[0].content[0]
    assert (part.logprobs[0].logprob, part.annotations[0].url) == (-0.5, "u")


def test_a_stream_that_is_cut_does_not_end_the_response() -> None:
    with pytest.raises(CutStream):
        streamed(OVER, Call("responses", {"input": "hi"}, True), events(*STREAM[:6], done=False))


def test_a_stream_without_done_ends_with_its_connection() -> None:
    got = streamed(OVER, Call("responses", {"input": "hi"}, True), events(*STREAM, done=False))
    assert got[-1].type == "response.completed"


def test_an_error_in_the_chat_is_one_of_the_response() -> None:
    with pytest.raises(UpstreamFailure):
        came(STREAM[0], {"error": {"message": "sorry"}})


async def test_a_server_that_ignores_stream_still_gives_all_events() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "I look."}, "finish_reason": "stop"}
    reply = Reply(httpx.Headers(), _json({"choices": [choice]}))
    got = list(OVER.whole(Call("responses", {"input": "hi"}, True), "m", reply))
    assert (await understood(got)).output_text == "I look."
