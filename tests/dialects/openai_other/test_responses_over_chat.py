"""The Responses API through a chat: what is answered, and events that openai's own client accepts."""

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
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, Reply, UpstreamFailure
from tests.dialects.openai_other.over_chat_kit import BLOCK, LOOK, OVER, messages
from tests.dialects.streamed import events, streamed
from tests.http.server import answer, replying, serving

EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


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
