"""LiteLLM's hello world: Anthropic and OpenAI behind one name. The caller gets an answer, and sees whose."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from router_core import Router
from router_core.simulator import Upstream
from tests.acceptance.rig import GREETING
from tests.http.server import answer, replying, serving

pytestmark = pytest.mark.usefixtures("nothing_shared")

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "Hello from Claude"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 4},
}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.fixture
async def openai() -> AsyncIterator[Upstream]:
    async with Upstream() as upstream:
        yield upstream


def router(anthropic: str, openai: str) -> Router:
    return Router(
        model_list=[
            {
                "model_name": "smart",
                "litellm_params": {
                    "model": "anthropic/claude-sonnet-4-5", "api_key": "sk-ant-1234", "api_base": anthropic, "order": 1,
                },
            },
            {
                "model_name": "smart",
                "litellm_params": {"model": "openai/gpt-4o", "api_key": "sk-1234", "api_base": openai, "order": 2},
            },
        ]
    )  # fmt: skip


async def test_the_first_serves_while_it_can(openai: Upstream) -> None:
    up = serving(replying(answer(json.dumps(MESSAGE).encode())))
    async with up as anthropic, router(anthropic.url, openai.url) as one:
        response = await one.acompletion(model="smart", messages=GREETING)
    assert response.choices[0].message.content == "Hello from Claude"
    assert (response.model_used, response.usage.total_tokens) == ("claude-sonnet-4-5", 7)
    (request,) = anthropic.requests
    assert request.headers["x-api-key"] == "sk-ant-1234"
    assert json.loads(request.body)["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": GREETING[-1]["content"]}]}
    ]


@pytest.mark.parametrize("down", ["overloaded", "gone"])
async def test_the_second_serves_while_the_first_is_down(openai: Upstream, down: str) -> None:
    overloaded = answer(json.dumps(OVERLOADED).encode(), "529 Overloaded", "Content-Type: application/json")
    async with serving(replying(overloaded)) as anthropic:
        url = anthropic.url if down == "overloaded" else "http://127.0.0.1:1"
        async with router(url, openai.url) as one:
            response = await one.acompletion(model="smart", messages=GREETING)
            stream = await one.acompletion(model="smart", messages=GREETING, stream=True)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert response.choices[0].message.content
    assert text
    assert (response.model_used, stream.model_used) == ("gpt-4o", "gpt-4o")
    assert response._hidden_params["custom_llm_provider"] == "openai"
    first, last = response.attempts
    assert (first.kind, first.status_code) == (("server", 529) if down == "overloaded" else ("connect", None))
    assert (last.deployment, last.kind) == (response.deployment, "ok")


async def test_a_bad_key_of_the_first_is_not_the_callers_fault(openai: Upstream) -> None:
    refusal = b'{"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}'
    refusing = serving(replying(answer(refusal, "401 Unauthorized", "Content-Type: application/json")))
    async with refusing as anthropic, router(anthropic.url, openai.url) as one:
        response = await one.acompletion(model="smart", messages=GREETING)
    assert response.model_used == "gpt-4o"
