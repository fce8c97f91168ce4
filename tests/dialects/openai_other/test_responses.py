"""OpenAI's Responses API as it is: requests, answers in openai's shape, streams cut anywhere, errors inside."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from openai.types.responses import Response as OpenAIResponse

from router_core.answering.other_answers import Response
from router_core.dialects.openai.responses import Responses
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, Reply, UpstreamFailure
from tests.dialects.streamed import events, streamed

RESPONSES = Responses()
MESSAGE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Guten Tag, Ängström", "annotations": []}],
}
CALLED = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": "{}"}
USAGE = {"input_tokens": 9, "output_tokens": 4}


def call(stream: bool = False, **body: Any) -> Call:
    return Call("responses", {"input": "hello", **body}, stream)


def decoded(body: Any) -> Response:
    answer = RESPONSES.decode(call(), "m", Reply(httpx.Headers(), json.dumps(body).encode()))
    assert isinstance(answer, Response)
    return answer


def snapshot(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "sequence_number": 0, "response": {"id": "resp_1", "output": [], **fields}}


def delta(text: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "delta": text, "output_index": 0, "content_index": 0}


def test_a_request_says_what_the_caller_says_and_nothing_unset() -> None:
    wire = RESPONSES.encode(call(instructions="Be brief", previous_response_id="resp_0", temperature=None), "gpt-5")
    assert (wire.path, wire.query, wire.files) == ("/responses", {}, ())
    said = {"input": "hello", "instructions": "Be brief", "previous_response_id": "resp_0", "model": "gpt-5"}
    assert wire.body == said
    assert RESPONSES.encode(call(stream=True), "gpt-5").body["stream"] is True


def test_an_answer_is_openais_also_where_a_server_leaves_out_what_it_requires() -> None:
    answer = decoded({"output": [MESSAGE, CALLED], "usage": USAGE})
    model = OpenAIResponse.model_validate(answer.model_dump())
    assert answer.output_text == model.output_text == "Guten Tag, Ängström"
    assert answer.output[1].name == "look"
    assert (answer.usage.total_tokens, answer.usage.input_tokens_details.cached_tokens) == (13, 0)


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": 3}])
def test_tokens_that_were_not_counted_are_unknown(usage: Any) -> None:
    assert decoded({"output": [], "usage": usage}).usage is None


def test_an_answer_in_the_background_is_one_too() -> None:
    answer = decoded({"id": "resp_1", "status": "queued", "background": True, "output": [], "usage": None})
    assert (answer.status, answer.output_text) == ("queued", "")


def test_a_failed_answer_is_the_error_in_it() -> None:
    with pytest.raises(UpstreamFailure) as caught:
        decoded({"status": "failed", "error": {"code": "server_error", "message": "sorry"}, "output": []})
    assert caught.value.payload["error"]["code"] == "server_error"


@pytest.mark.parametrize("body", [{}, {"output": None}, {"output": "x"}, []])
def test_what_has_no_output_is_no_answer(body: Any) -> None:
    with pytest.raises((KeyError, TypeError, AttributeError)):
        decoded(body)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_is_its_events_as_they_were_sent(size: int) -> None:
    sent = [
        snapshot("created"),
        {"type": "response.output_item.added", "output_index": 0, "item": {**MESSAGE, "content": []}},
        delta("Guten Tag, "),
        delta("Ängström"),
        snapshot("completed", output=[MESSAGE], usage=USAGE),
    ]
    got = streamed(RESPONSES, call(stream=True), events(*sent), size)
    assert [event["type"] for event in got] == [event["type"] for event in sent]
    assert got[2].delta == "Guten Tag, "
    assert got[-1].response.output_text == "Guten Tag, Ängström"
    assert got[-1].response.usage.total_tokens == 13
    OpenAIResponse.model_validate(got[-1].response.model_dump())


def test_an_incomplete_answer_is_an_end() -> None:
    last = snapshot("incomplete", status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    got = streamed(RESPONSES, call(stream=True), events(snapshot("created"), delta("Gu"), last, done=False))
    assert got[-1].response.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize(
    "failure",
    [
        {"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": None},
        {"type": "error", "error": {"code": "server_error", "message": "sorry"}},
        snapshot("failed", error={"code": "server_error", "message": "sorry"}),
    ],
)
def test_an_error_in_a_stream_is_raised(failure: dict[str, Any]) -> None:
    with pytest.raises(UpstreamFailure) as caught:
        streamed(RESPONSES, call(stream=True), events(snapshot("created"), failure))
    assert caught.value.payload == failure


@pytest.mark.parametrize("done", [True, False])
def test_a_stream_without_its_last_event_is_cut(done: bool) -> None:
    with pytest.raises(CutStream):
        streamed(RESPONSES, call(stream=True), events(snapshot("created"), delta("Gu"), done=done))


def test_a_server_that_ignores_stream_gives_the_last_event_alone() -> None:
    body = {"output": [MESSAGE], "status": "incomplete", "usage": USAGE}
    (event,) = RESPONSES.whole(call(stream=True), "m", Reply(httpx.Headers(), json.dumps(body).encode()))
    assert (event.type, event.response.output_text) == ("response.incomplete", "Guten Tag, Ängström")
