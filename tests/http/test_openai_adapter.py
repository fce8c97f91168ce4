"""The OpenAI adapter over real sockets: what is sent, what is made of the answer, and all the ways a stream ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from openai.types.chat import ChatCompletion as OpenAIChat
from openai.types.chat import ChatCompletionChunk as OpenAIChunk

from router_core import errors, providers
from router_core.http.transport import Transport
from router_core.providers import Call, HttpAdapter
from tests.http.described import Described
from tests.http.server import answer, replying, serving

MESSAGES = [{"role": "user", "content": "hush-hush"}]


@dataclass
class Deployment(Described):
    model: str = "gpt-4o"
    provider: str = "openai"


def adapter_for(deployment: Deployment) -> HttpAdapter:
    adapter = providers.adapter_for(deployment)
    assert isinstance(adapter, HttpAdapter)
    return adapter


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    one = Transport(trust_env=False)
    yield one
    await one.aclose()


def chat(stream: bool = False, **body: Any) -> Call:
    return Call("chat", {"messages": MESSAGES, **body}, stream=stream)


async def stream(transport: Transport, body: str, kind: str = "text/event-stream", **parameters: Any) -> list[Any]:
    data = answer(body.encode(), "200 OK", f"Content-Type: {kind}")
    async with serving(replying(data)) as server:
        adapter, call = adapter_for(Deployment(api_base=server.url)), chat(stream=True, **parameters)
        response = await transport.handle_async_request(adapter.request(call))
        return [chunk async for chunk in adapter.stream(call, response)]


def event(**fields: Any) -> str:
    return "data: " + json.dumps({"id": "1", "model": "m", "created": 1, **fields}) + "\n\n"


def part(content: str | None = None, finish: str | None = None) -> str:
    return event(choices=[{"index": 0, "delta": {"content": content}, "finish_reason": finish}])


USAGE = event(choices=[], usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
DONE = "data: [DONE]\n\n"


def test_the_request_is_openais() -> None:
    deployment = Deployment(organization="org", params={"temperature": 0.5, "extra_headers": {"x-team": "blue"}})
    request = adapter_for(deployment).request(
        chat(temperature=1, extra_body={"top_k": 3}, extra_query={"v": "2"}, extra_headers={"User-Agent": "mine"})
    )
    assert str(request.url) == "https://api.openai.com/v1/chat/completions?v=2"
    assert json.loads(request.content) == {"temperature": 1, "messages": MESSAGES, "model": "gpt-4o", "top_k": 3}
    assert request.headers["authorization"] == "Bearer sk-of-this-deployment"
    assert (request.headers["openai-organization"], request.headers["x-team"]) == ("org", "blue")
    assert (request.headers["user-agent"], request.headers["accept-encoding"]) == ("mine", "gzip, deflate")


def test_one_call_leaves_nothing_behind_for_the_next() -> None:
    adapter = adapter_for(Deployment())
    adapter.request(chat(extra_headers={"x-caller": "one"}, seed=1))
    assert "x-caller" not in adapter.request(chat()).headers
    assert "seed" not in json.loads(adapter.request(chat()).content)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {"include_usage": True}),
        ({"stream_options": {"other": 1}}, {"include_usage": True, "other": 1}),
        ({"stream_options": None}, None),
    ],
)
def test_usage_is_asked_for_unless_forbidden(given: dict[str, Any], sent: Any) -> None:
    body = json.loads(adapter_for(Deployment()).request(chat(stream=True, **given)).content)
    assert (body["stream"], body.get("stream_options")) == (True, sent)


def test_a_body_that_is_no_json_is_the_callers_fault_and_not_shown() -> None:
    with pytest.raises(errors.BadRequestError, match="object is not JSON"):
        adapter_for(Deployment()).request(chat(seed=object()))


def test_an_answer_can_be_sent_back_as_a_message() -> None:
    adapter = adapter_for(Deployment())
    body = {"choices": [{"message": {"content": "hello"}}]}
    said = adapter.decode(chat(), httpx.Response(200), json.dumps(body).encode()).choices[0].message
    sent = json.loads(adapter.request(Call("chat", {"messages": [said]})).content)
    assert sent["messages"] == [{"content": "hello", "role": "assistant"}]


def test_an_unknown_provider_is_refused_with_what_to_do() -> None:
    with pytest.raises(errors.ConfigurationError, match=r"'nobody'.*known: .*openai.*api_base"):
        adapter_for(Deployment(provider="nobody"))
    compatible = adapter_for(Deployment(provider="nobody", api_base="http://127.0.0.1:1"))
    assert compatible.request(chat()).url.port == 1


def test_what_a_compatible_server_leaves_out_is_filled_in() -> None:
    body = {
        "choices": [{"message": {"content": "hi"}, "finish_reason": "eos"}],
        "usage": {"prompt_tokens": 2, "completion_tokens": 3},
    }
    decoded = adapter_for(Deployment()).decode(chat(), httpx.Response(200), json.dumps(body).encode())
    OpenAIChat.model_validate(decoded.model_dump())
    assert decoded.choices[0].finish_reason == "stop"
    assert decoded.usage.total_tokens == 5


@pytest.mark.parametrize(
    ("sent", "completion"),
    [(None, None), ({}, None), ({"prompt_tokens": 2}, None), ({"prompt_tokens": 2, "total_tokens": 6}, 4)],
)
def test_unknown_usage_is_none_and_never_zero(sent: Any, completion: int | None) -> None:
    body = {"choices": [{"message": {"content": "hi"}}], "usage": sent}
    usage = adapter_for(Deployment()).decode(chat(), httpx.Response(200), json.dumps(body).encode()).usage
    assert (usage and usage.completion_tokens) == completion


def test_embeddings_have_their_path_and_are_decoded() -> None:
    adapter, call = adapter_for(Deployment()), Call("embedding", {"input": "x"})
    assert str(adapter.request(call).url).endswith("/v1/embeddings")
    decoded = adapter.decode(call, httpx.Response(200), b'{"data": [{"embedding": [0.5]}]}')
    assert decoded.data[0].embedding == [0.5]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b"3", b'{"choices": 1}', b'{"choices": [{}]}', b'{"data": [{}]}', b"\xff"]
)
@pytest.mark.parametrize("kind", ["chat", "embedding"])
def test_a_200_nobody_can_read_is_a_malformed_answer_and_quotes_nothing(body: bytes, kind: Any) -> None:
    with pytest.raises(errors.MalformedAnswerError) as caught:
        adapter_for(Deployment()).decode(Call(kind, {}), httpx.Response(200), body)
    assert caught.value.__cause__ is None
    assert caught.value.kind == "malformed"


def test_an_error_instead_of_an_answer_is_classified() -> None:
    body = b'{"error": {"message": "Overloaded", "code": 503}}'
    with pytest.raises(errors.ServiceUnavailableError):
        adapter_for(Deployment()).decode(chat(), httpx.Response(200), body)


async def test_a_stream_gives_chunks_and_usage_at_the_end(transport: Transport) -> None:
    body = ": hello\n\n" + part("a") + part("b") + part(finish="stop") + USAGE + DONE
    received = await stream(transport, body)
    assert [chunk.choices[0].delta.content for chunk in received] == ["a", "b", None, None]
    assert [chunk.usage is not None for chunk in received] == [False, False, False, True]
    for chunk in received:
        OpenAIChunk.model_validate(chunk.model_dump())


async def test_who_asked_for_usage_gets_openais_own_last_chunk(transport: Transport) -> None:
    body = part("a", "stop") + USAGE + DONE
    assert (await stream(transport, body, stream_options={"include_usage": True}))[-1].choices == []


@pytest.mark.parametrize("ending", [USAGE, "", USAGE.rstrip("\n")])
async def test_a_stream_without_done_is_whole_if_it_was_finished(transport: Transport, ending: str) -> None:
    assert len(await stream(transport, part("a") + part(finish="stop") + ending)) >= 2


@pytest.mark.parametrize("body", ["", part("a"), part("a") + 'data: {"id": "1", "choi'])
async def test_a_cut_stream_is_a_connection_error(transport: Transport, body: str) -> None:
    with pytest.raises(errors.APIConnectionError) as caught:
        await stream(transport, body)
    assert caught.value.reason == "cut_stream"


async def test_a_connection_lost_inside_a_stream_is_a_connection_error(transport: Transport) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n\r\n"
    async with serving(replying(head + part("a").encode(), close=True)) as server:
        adapter = adapter_for(Deployment(api_base=server.url))
        response = await transport.handle_async_request(adapter.request(chat(stream=True)))
        chunks = adapter.stream(chat(stream=True), response)
        assert (await anext(chunks)).choices[0].delta.content == "a"
        with pytest.raises(errors.APIConnectionError):
            await anext(chunks)


@pytest.mark.parametrize(
    "failure",
    [
        event(error={"code": 503, "message": "Overloaded"}, choices=[]),
        'event: error\ndata: {"message": "Overloaded", "type": "overloaded_error"}\n\n',
        'data: {"error": {"message": "Our servers are currently overloaded.", "code": "server_is_overloaded"}}\n\n',
    ],
)
async def test_an_error_inside_a_stream_is_classified(transport: Transport, failure: str) -> None:
    with pytest.raises(errors.ServiceUnavailableError):
        await stream(transport, part("a") + failure)


async def test_a_chunk_nobody_can_read_is_malformed_and_quotes_nothing(transport: Transport) -> None:
    with pytest.raises(errors.MalformedAnswerError) as caught:
        await stream(transport, "data: {hush\n\n" + DONE)
    assert "hush" not in str(caught.value)


async def test_a_server_that_ignores_stream_still_gives_one_chunk(transport: Transport) -> None:
    whole = json.dumps({"choices": [{"message": {"content": "all"}, "finish_reason": "stop"}]})
    (chunk,) = await stream(transport, whole, kind="application/json")
    assert (chunk.choices[0].delta.content, chunk.choices[0].finish_reason) == ("all", "stop")
    OpenAIChunk.model_validate(chunk.model_dump())


async def test_a_refusal_over_the_wire_names_its_deployment_and_shows_no_key(transport: Transport) -> None:
    body = b'{"error": {"message": "bad key sk-of-this-deployment", "code": "invalid_api_key"}}'
    async with serving(replying(answer(body, "401 Unauthorized"))) as server:
        adapter = adapter_for(Deployment(api_base=server.url))
        response = await transport.handle_async_request(adapter.request(chat()))
        error = adapter.error(response, await response.aread())
    assert (type(error), error.deployment) == (errors.AuthenticationError, "a")
    assert "sk-of" not in str(error) + repr(error) + repr(vars(error)) + repr(vars(adapter))
    assert "hush" not in repr(chat())
