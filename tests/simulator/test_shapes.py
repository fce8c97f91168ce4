"""Answers are OpenAI's, by OpenAI's own types, and tokens are counted as the request says."""

from __future__ import annotations

import base64
import struct
from typing import Any

import aiohttp
import pytest
from openai.types import Completion, CreateEmbeddingResponse, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from router_core.simulator import Behaviour, Lognormal, Upstream
from tests.simulator.client import chat, get, post


async def test_a_chat_answer_is_a_chat_completion_with_usage(http: aiohttp.ClientSession) -> None:
    async with Upstream() as upstream:
        reply = await chat(http, upstream, max_tokens=5)
    answer = ChatCompletion.model_validate(reply.json)
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (2, 5, 7)
    assert answer.choices[0].finish_reason == "length"
    assert len(answer.choices[0].message.content or "") == 4 * 5
    assert reply.headers["x-request-id"].startswith("req_")


async def test_a_stream_has_role_content_finish_and_usage_only_if_asked_for(http: aiohttp.ClientSession) -> None:
    async with Upstream(Behaviour(output_tokens=3)) as upstream:
        bare = await chat(http, upstream, stream=True)
        counted = await chat(http, upstream, stream=True, stream_options={"include_usage": True})
    assert bare.headers["content-type"].startswith("text/event-stream")
    assert bare.text == counted.text == "tok tok tok "
    assert bare.events[-1] == counted.events[-1] == "[DONE]"
    chunks = [ChatCompletionChunk.model_validate(event) for event in counted.events[:-1]]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3
    assert all(event["usage"] is None for event in counted.events[:-2])
    assert all("usage" not in event for event in bare.events[:-1])


async def test_text_completions_stream_and_do_not(http: aiohttp.ClientSession) -> None:
    async with Upstream(Behaviour(output_tokens=2)) as upstream:
        url = f"{upstream.url}/completions"
        plain = await post(http, url, {"model": "m", "prompt": "hello"})
        streamed = await post(http, url, {"model": "m", "prompt": "hello", "stream": True})
    assert Completion.model_validate(plain.json).choices[0].text == "tok tok "
    choices = [event["choices"][0] for event in streamed.events[:-1]]
    assert "".join(choice["text"] for choice in choices) == "tok tok "
    assert [choice["finish_reason"] for choice in choices] == [None, None, "stop"]


@pytest.mark.parametrize(("content", "inputs"), [("one", 1), (["one", "two"], 2), ([1, 2, 3], 1), ([[1], [2, 3]], 2)])
async def test_embeddings_have_one_vector_for_each_input(
    http: aiohttp.ClientSession, content: Any, inputs: int
) -> None:
    async with Upstream(Behaviour(embedding_dimensions=4)) as upstream:
        url = f"{upstream.url}/embeddings"
        floats = await post(http, url, {"model": "m", "input": content})
        packed = await post(http, url, {"model": "m", "input": content, "encoding_format": "base64", "dimensions": 2})
    answer = CreateEmbeddingResponse.model_validate(floats.json)
    assert [len(item.embedding) for item in answer.data] == [4] * inputs
    assert sum(value * value for value in answer.data[0].embedding) == pytest.approx(1.0)
    vector = base64.b64decode(packed.json["data"][0]["embedding"])
    assert struct.unpack("<2f", vector) == pytest.approx((0.5**0.5, 0.5**0.5))


async def test_models_are_listed_and_health_told_beside_the_traffic(http: aiohttp.ClientSession) -> None:
    async with Upstream(Behaviour(models=("a", "b"))) as upstream:
        listed = await get(http, f"{upstream.url}/models")
        assert [Model.model_validate(item).id for item in listed["data"]] == ["a", "b"]
        assert await get(http, f"{upstream.origin}/health") == {"status": "ok"}
        assert len(upstream.log) == 0, "neither is traffic"


@pytest.mark.parametrize("number", [str, int])
async def test_metadata_states_the_tokens_exactly(http: aiohttp.ClientSession, number: type) -> None:
    told = {"sim_input_tokens": number(4808), "sim_output_tokens": number(10)}
    async with Upstream() as upstream:
        usage = (await chat(http, upstream, metadata=told)).json["usage"]
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (4808, 10)
        assert (upstream.log[0].input_tokens, upstream.log[0].output_tokens) == (4808, 10)
        capped = (await chat(http, upstream, metadata=told, max_tokens=7)).json
        assert (capped["usage"]["completion_tokens"], capped["choices"][0]["finish_reason"]) == (7, "length")


async def test_headers_state_the_tokens_too(http: aiohttp.ClientSession) -> None:
    async with Upstream() as upstream:
        headers = {"x-sim-input-tokens": "9", "x-sim-output-tokens": "0"}
        reply = await post(http, f"{upstream.url}/chat/completions", {"model": "m", "messages": []}, headers)
    assert reply.json["usage"]["total_tokens"] == 9
    assert reply.json["choices"][0]["message"]["content"] == ""


async def test_a_prompt_of_parts_is_counted_by_its_text(http: aiohttp.ClientSession) -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "x" * 40}, {"type": "image_url", "image_url": {}}]}]
    async with Upstream() as upstream:
        assert (await chat(http, upstream, messages=parts)).json["usage"]["prompt_tokens"] == 10


async def test_output_length_follows_the_spread_and_equal_seeds_draw_alike(http: aiohttp.ClientSession) -> None:
    lengths = []
    for seed in (1, 1, 2):
        async with Upstream(Behaviour(output_tokens=Lognormal(50, 0.7)), seed=seed) as upstream:
            lengths.append([(await chat(http, upstream)).json["usage"]["completion_tokens"] for _ in range(20)])
    assert lengths[0] == lengths[1] != lengths[2]
    assert len(set(lengths[0])) > 10
    assert 25 < sorted(lengths[0])[10] < 100


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": "hello"}, "messages"),
        ({"model": 3, "messages": []}, "model"),
        ({"messages": [], "max_tokens": "many"}, "max_tokens"),
        ({"messages": [], "max_tokens": -1}, "max_tokens"),
        ([], None),
    ],
)
async def test_a_bad_request_is_a_400_that_names_the_field(http: aiohttp.ClientSession, body: Any, param: str) -> None:
    async with Upstream() as upstream:
        reply = await post(http, f"{upstream.url}/chat/completions", body)
    assert (reply.status, reply.json["error"]["param"]) == (400, param)
    assert reply.json["error"]["type"] == "invalid_request_error"


async def test_an_unknown_path_is_a_404_and_in_the_log(http: aiohttp.ClientSession) -> None:
    async with Upstream() as upstream:
        assert (await post(http, f"{upstream.url}/nothing", {})).status == 404
        assert (upstream.log[0].path, upstream.log[0].status) == ("/v1/nothing", 404)
