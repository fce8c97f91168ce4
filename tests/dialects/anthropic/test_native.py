"""Messages as they are, and both kinds where others serve them."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.answering.other_answers import Message, MessageEvent
from router_core.dialects.anthropic.chat import Chat
from router_core.dialects.anthropic.messages import Messages
from router_core.dialects.anthropic.place import BEDROCK, VERTEX
from router_core.providers.base import Call
from router_core.providers.dialect import UpstreamFailure
from tests.dialects.anthropic.said import HI, SONNET, heard, message, reply, sse, stream_of

NATIVE = {"max_tokens": 5, "messages": HI, "system": "s", "top_k": 3, "metadata": {"user_id": "u"}}
WHOLE = message({"type": "text", "text": "hello"}, {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}})


def wire(dialect: Any, model: str = SONNET, stream: bool = False, **more: Any) -> Any:
    return dialect.encode(Call("messages", {**NATIVE, **more}, stream=stream), model)


def test_the_body_is_the_callers() -> None:
    assert wire(Messages(), temperature=None).body == {**NATIVE, "model": SONNET}
    assert wire(Messages(), stream=True).body["stream"] is True
    assert wire(Messages()).path == "/v1/messages"


def test_the_answer_is_anthropics() -> None:
    answer = Messages().decode(Call("messages", {}), SONNET, reply(WHOLE))
    assert isinstance(answer, Message)
    assert answer == WHOLE
    assert answer.content[0].text == "hello"


@pytest.mark.parametrize("payload", [{}, {"content": "text"}])
def test_what_is_no_message_is_unreadable(payload: Any) -> None:
    with pytest.raises((KeyError, TypeError)):
        Messages().decode(Call("messages", {}), SONNET, reply(payload))


def test_an_error_in_a_200() -> None:
    with pytest.raises(UpstreamFailure):
        Messages().decode(Call("messages", {}), SONNET, reply({"type": "error", "error": {"type": "api_error"}}))


def test_every_event_comes_as_it_was_sent() -> None:
    events = [*stream_of(WHOLE)[:-1], {"type": "of_next_year"}, {"type": "message_stop"}]
    got = heard(sse(events), Messages(), "messages")
    assert all(isinstance(event, MessageEvent) for event in got)
    assert got == events


def test_a_whole_answer_where_a_stream_was_asked_for_comes_as_events() -> None:
    events = list(Messages().whole(Call("messages", {}), SONNET, reply(WHOLE)))
    assert [event["type"] for event in events] == [
        "message_start",
        *["content_block_start", "content_block_stop"] * 2,
        "message_delta",
        "message_stop",
    ]
    assert [event["content_block"] for event in events if "content_block" in event] == WHOLE["content"]
    assert events[-2]["delta"]["stop_reason"] == "end_turn"


@pytest.mark.parametrize("dialect", [Chat(VERTEX), Messages(VERTEX)])
def test_vertex_has_the_model_in_the_path_and_the_version_in_the_body(dialect: Any) -> None:
    sent = wire(dialect, "claude-sonnet-4@20250514", stream=True, anthropic_beta=["b"])
    assert sent.path == "/publishers/anthropic/models/claude-sonnet-4@20250514:streamRawPredict"
    assert wire(dialect, "m").path == "/publishers/anthropic/models/m:rawPredict"
    assert (sent.body["anthropic_version"], sent.body["stream"]) == ("vertex-2023-10-16", True)
    assert "model" not in sent.body
    assert sent.headers == {"anthropic-beta": "b"}


@pytest.mark.parametrize("dialect", [Chat(BEDROCK), Messages(BEDROCK)])
def test_bedrock_says_streams_in_the_path_and_betas_in_the_body(dialect: Any) -> None:
    name = "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    sent = wire(dialect, name, stream=True, betas="a,b")
    assert sent.path == f"/model/{name.replace('/', '%2F')}/invoke-with-response-stream"
    assert wire(dialect, "m").path == "/model/m/invoke"
    assert sent.body["anthropic_version"] == "bedrock-2023-05-31"
    assert sent.body["anthropic_beta"] == ["a", "b"]
    assert not {"model", "stream", "betas"} & sent.body.keys()
    assert sent.headers == {}


def test_a_file_of_anthropics_needs_its_beta() -> None:
    part = {"type": "file", "file": {"file_id": "file_1"}}
    asked = [{"role": "user", "content": [part]}]
    encode = Chat().encode
    assert encode(Call("chat", {"messages": asked}), SONNET).headers == {"anthropic-beta": "files-api-2025-04-14"}
    both = encode(Call("chat", {"messages": asked, "anthropic_beta": "files-api-2025-04-14,x"}), SONNET)
    assert both.headers == {"anthropic-beta": "files-api-2025-04-14,x"}
    used = {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}
    result = {"role": "tool", "tool_call_id": "1", "content": [part]}
    assert encode(Call("chat", {"messages": [*HI, used, result]}), SONNET).headers
