"""A Router before aimock's Bedrock and Azure: whole and streamed, with tools, errors and broken streams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from router_core import Router
from router_core.answering.collect import collector_for
from router_core.errors import (
    BadRequestError,
    InternalServerError,
    RateLimitError,
    ServiceUnavailableError,
    StreamInterrupted,
)
from tests.conform.aimock import CLAUDE, MISSING, NOVA, Server, serving

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

TEXT = "Grüße aus dem Binärformat — in mehreren Stücken. ✓"
NAMES = ("bedrock", "nova", "azure")
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "the weather of a place",
        "parameters": {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]},
    },
}
USAGE = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}
AMAZONS = {"model": CLAUDE}
FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "hello"}, "response": {"content": TEXT, "usage": USAGE}},
    {"match": {"userMessage": "think"}, "response": {"content": "42", "reasoning": "six times seven", "usage": USAGE}},
    {
        "match": {"userMessage": "weather", "hasToolResult": False},
        "response": {
            "content": "I look.",
            "toolCalls": [
                {"name": "get_weather", "arguments": {"at": "Rome"}, "id": "call_rome"},
                {"name": "get_weather", "arguments": {"at": "Oslo"}, "id": "call_oslo"},
            ],
        },
    },
    {"match": {"userMessage": "weather", "hasToolResult": True}, "response": {"content": "sun and snow"}},
    *(
        {
            "match": {"userMessage": f"status {status}", **AMAZONS},
            "response": {"error": {"message": "it is so", "type": kind}, "status": status},
        }
        for status, kind in (
            (400, "ValidationException"),
            (429, "ThrottlingException"),
            (500, "InternalServerException"),
            (503, "ServiceUnavailableException"),
        )
    ),
    {"match": {"userMessage": "status"}, "response": {"content": "served"}},
    {"match": {"userMessage": "cut at once", **AMAZONS}, "response": {"content": TEXT}, "truncateAfterChunks": 1},
    {"match": {"userMessage": "cut later", **AMAZONS}, "response": {"content": TEXT}, "truncateAfterChunks": 5},
    {"match": {"userMessage": "cut"}, "response": {"content": "served"}},
    {"match": {"inputText": "embed me"}, "response": {"embedding": [0.25, -0.5, 1.0]}},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("aimock"), FIXTURES) as running:
        yield running


def alone(server: Server) -> Router:
    """Each deployment in a group of its own name."""
    return Router([server.entry(name, name) for name in NAMES], redis_url="memory://", num_retries=0)


def pair(server: Server, **settings: Any) -> Router:
    """Bedrock first, Azure behind it."""
    entries = [server.entry("bedrock", order=1), server.entry("azure", order=2)]
    return Router(entries, redis_url="memory://", **settings)


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


async def asked(router: Router, group: str, messages: Any, stream: bool, **parameters: Any) -> Any:
    """The answer, put together where it was streamed."""
    if not stream:
        return await router.acompletion(group, messages, **parameters)
    collector, usages = collector_for("chat"), []
    async for chunk in await router.acompletion(group, messages, stream=True, **parameters):
        collector.add(chunk)
        usages.append(chunk.usage)
    assert usages[-1] is not None
    return collector.answer()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_text_arrives_as_it_was_written(server: Server, name: str, stream: bool) -> None:
    async with alone(server) as router:
        answer = await asked(router, name, user("hello"), stream, max_tokens=50)
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason) == (TEXT, "stop")
    assert {key: answer.usage[key] for key in USAGE} == USAGE


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_reasoning_is_kept_apart(server: Server, stream: bool) -> None:
    async with alone(server) as router:
        answer = await asked(router, "bedrock", user("think"), stream, reasoning_effort="low")
    message = answer.choices[0].message
    assert (message.reasoning_content, message.content) == ("six times seven", "42")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", NAMES)
async def test_tools_are_called_and_told_their_results(server: Server, name: str, stream: bool) -> None:
    messages = user("weather in Rome and Oslo")
    async with alone(server) as router:
        answer = await asked(router, name, messages, stream, tools=[TOOL])
        message = answer.choices[0].message
        calls = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]
        results = [{"role": "tool", "tool_call_id": call.id, "content": "fine"} for call in message.tool_calls]
        last = await asked(router, name, [*messages, message, *results], stream, tools=[TOOL])
    assert answer.choices[0].finish_reason == "tool_calls"
    assert calls == [("get_weather", {"at": "Rome"}), ("get_weather", {"at": "Oslo"})]
    assert last.choices[0].message.content == "sun and snow"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("status", "error"),
    [(400, BadRequestError), (429, RateLimitError), (500, InternalServerError), (503, ServiceUnavailableError)],
)
async def test_errors_have_their_class_and_fail_over_where_that_helps(
    server: Server, status: int, error: type[Exception], stream: bool
) -> None:
    async with alone(server) as router:
        with pytest.raises(error, match="it is so"):
            await asked(router, "bedrock", user(f"status {status}"), stream)
    async with pair(server, num_retries=2) as router:
        if status == 400:  # the caller's own
            with pytest.raises(error, match="it is so"):
                await asked(router, "any", user("status 400"), stream)
            return
        answer = await asked(router, "any", user(f"status {status}"), stream)
    assert answer.choices[0].message.content == "served"


async def test_a_broken_stream_fails_over_before_content_and_tells_what_came_after_it(server: Server) -> None:
    async with pair(server, num_retries=2) as router:
        answer = await asked(router, "any", user("cut at once"), stream=True)
        assert answer.choices[0].message.content == "served"
    async with pair(server, num_retries=2) as router:
        with pytest.raises(StreamInterrupted) as caught:
            await asked(router, "any", user("cut later"), stream=True)
    received = caught.value.received.choices[0].message.content
    assert received
    assert TEXT.startswith(received)


async def test_azure_embeds(server: Server) -> None:
    async with alone(server) as router:
        answer = await router.aembedding("azure", input=["embed me"])
    assert answer.data[0].embedding == [0.25, -0.5, 1.0]


async def test_claude_as_it_is_through_invoke(server: Server) -> None:
    """Whole only: the frames of aimock's stream lack the base64 that Amazon wraps each event in."""
    async with alone(server) as router:
        found = await router.aanthropic_messages("bedrock", user("hello"), max_tokens=50)
    assert found.content[0]["text"] == TEXT


async def test_each_was_asked_at_its_own_address(server: Server) -> None:
    async with alone(server) as router:
        for name in NAMES:
            await asked(router, name, user("hello"), stream=False)
    paths = {entry["path"] for entry in server.asked()}
    assert f"/model/{CLAUDE}/converse" in paths
    assert f"/model/{NOVA.replace(':', '%3A')}/converse" in paths
    assert any(path.startswith("/openai/deployments/gpt-4o-mini/chat/completions?api-version=") for path in paths)
