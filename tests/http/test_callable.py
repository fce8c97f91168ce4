"""A function of the user's own as a provider, through the Router."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import openai
import pytest

from router_core import Router, errors
from router_core.answering.answers import ChatCompletion
from router_core.providers import Call
from router_core.providers.callable import from_callable
from tests.http.server import answer, replying, serving

PROMPT = [{"role": "user", "content": "hush-hush"}]
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
Routed = Callable[..., Router]


@pytest.fixture
async def routed(pool: str) -> AsyncIterator[Routed]:
    """`routed(function, …)`: a Router with a deployment for each function, in this order."""
    made: list[Router] = []

    def make(*functions: Any, **more: Any) -> Router:
        names = [f"mine{number}" for number in range(len(functions))]
        models = [
            {
                "model_name": "m",
                "litellm_params": {"model": f"{name}/large", "order": n, **more},
                "model_info": {"id": name},
            }
            for n, name in enumerate(names)
        ]
        adapters = {name: from_callable(one) for name, one in zip(names, functions, strict=True)}
        made.append(Router(models, adapters=adapters, redis_url="memory://", pool=pool, num_retries=1, retry_after=0))
        return made[-1]

    yield make
    for router in made:
        await router.aclose()


async def text(call: Call) -> str:
    return f"{call.body['model']}: {call.body['messages'][0]['content']}"


async def pieces(call: Call) -> AsyncIterator[Any]:
    yield "one "
    yield {"reasoning_content": "hm"}
    yield {"content": "two"}
    yield {"usage": USAGE}


async def streamed(router: Router, **more: Any) -> tuple[str, list[Any]]:
    stream = await router.acompletion("m", PROMPT, stream=True, **more)
    chunks = [chunk async for chunk in stream]
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks), chunks


async def test_text_is_an_answer_and_its_usage_is_unknown(routed: Routed) -> None:
    answer = await routed(text).acompletion("m", PROMPT)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("large: hush-hush", "stop")
    assert (answer.usage, answer.deployment, answer.model) == (None, "mine0", "large")


@pytest.mark.parametrize(
    "given",
    [
        {"choices": [{"message": {"content": "hi"}}], "usage": USAGE},
        {"content": "hi"},
        ChatCompletion(
            {"id": "1", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": USAGE}
        ),
    ],
)
async def test_dicts_and_answers_are_answers_whole_and_streamed(given: Any, routed: Routed) -> None:
    async def function(call: Call) -> Any:
        return given

    router = routed(function)
    answer = await router.acompletion("m", PROMPT)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("hi", "stop")
    assert (answer.usage and answer.usage.total_tokens) == (3 if "choices" in given else None)
    assert (await streamed(router))[0] == "hi"


async def test_a_generator_streams_and_what_it_leaves_out_is_added(routed: Routed) -> None:
    said, chunks = await streamed(routed(pieces))
    assert said == "one two"
    assert "".join(chunk.choices[0].delta.get("reasoning_content") or "" for chunk in chunks) == "hm"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].usage.total_tokens == 3


async def test_a_generator_answers_a_whole_call_too(routed: Routed) -> None:
    answer = await routed(pieces).acompletion("m", PROMPT)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("one two", "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 3


async def test_chunks_in_openais_shape_pass_as_they_are(routed: Routed) -> None:
    async def function(call: Call) -> AsyncIterator[Any]:
        yield {"choices": [{"delta": {"content": "hi"}}]}
        yield {"choices": [{"delta": {}, "finish_reason": "length"}], "usage": USAGE}

    said, chunks = await streamed(routed(function))
    assert (said, chunks[-1].choices[0].finish_reason, chunks[-1].usage.total_tokens) == ("hi", "length", 3)


async def test_the_deployments_parameters_reach_the_function_under_the_callers(routed: Routed) -> None:
    async def function(call: Call) -> str:
        return f"{call.body['temperature']} {call.body['top_k']}"

    answer = await routed(function, temperature=0.5, top_k=3).acompletion("m", PROMPT, temperature=1)
    assert answer.choices[0].message.content == "1 3"


class Refused(Exception):
    """As openai's client and LiteLLM have it."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__("refused")
        self.status_code, self.body = status, {"message": "refused", "code": code}
        self.response = httpx.Response(status, headers={"retry-after": "7"})


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (ValueError("hush-hush"), errors.InternalServerError),
        (TimeoutError(), errors.Timeout),
        (httpx.ReadTimeout("slow"), errors.Timeout),
        (httpx.ConnectError("no route"), errors.APIConnectionError),
        (Refused(429, "rate_limit_exceeded"), errors.RateLimitError),
        (Refused(401, "invalid_api_key"), errors.AuthenticationError),
        (errors.ServiceUnavailableError("down"), errors.ServiceUnavailableError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_it_raises_is_classified_and_the_next_deployment_serves(
    raised: Exception, seen: type[Exception], stream: bool, routed: Routed
) -> None:
    async def broken(call: Call) -> AsyncIterator[str]:
        for error in [raised]:
            raise error
        yield ""

    with pytest.raises(seen) as caught:
        await (streamed(routed(broken)) if stream else routed(broken).acompletion("m", PROMPT, num_retries=0))
    assert "hush" not in str(caught.value)
    router = routed(broken, text)
    if stream:
        assert (await streamed(router))[0] == "large: hush-hush"
    else:
        assert (await router.acompletion("m", PROMPT)).deployment == "mine1"


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (answer(b'{"error": {"message": "slow down"}}', "429 Too Many", "retry-after: 7"), errors.RateLimitError),
        (answer(b'{"error": {"code": "invalid_api_key"}}', "401 Unauthorized"), errors.AuthenticationError),
        (b"", errors.APIConnectionError),
    ],
)
async def test_errors_of_openais_client_in_it_are_what_they_are(data: bytes, seen: Any, routed: Routed) -> None:
    async with serving(replying(data, close=True)) as server:

        async def function(call: Call) -> Any:
            async with openai.AsyncOpenAI(api_key="k", base_url=server.url, max_retries=0) as client:
                return (await client.chat.completions.create(model="m", messages=[])).model_dump()

        with pytest.raises(seen) as caught:
            await routed(function).acompletion("m", PROMPT, num_retries=0)
    if seen is errors.RateLimitError:
        assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("given", [None, 3, {"choices": 3}, {"choices": [{}]}])
async def test_what_is_no_answer_is_malformed(given: Any, routed: Routed) -> None:
    async def function(call: Call) -> Any:
        return given

    with pytest.raises(errors.MalformedAnswerError):
        await routed(function).acompletion("m", PROMPT, num_retries=0)


async def test_a_stream_of_what_are_no_pieces_is_malformed(routed: Routed) -> None:
    async def function(call: Call) -> AsyncIterator[Any]:
        yield 3

    with pytest.raises(errors.MalformedAnswerError):
        await streamed(routed(function))


async def test_an_error_after_content_carries_what_was_received(routed: Routed) -> None:
    async def function(call: Call) -> AsyncIterator[str]:
        yield "half"
        raise ValueError

    with pytest.raises(errors.StreamInterrupted) as caught:
        await streamed(routed(function))
    assert caught.value.received.choices[0].message.content == "half"


async def test_closing_the_stream_ends_the_generator(routed: Routed) -> None:
    ended = asyncio.Event()

    async def function(call: Call) -> AsyncIterator[str]:
        try:
            for _ in range(1000):
                yield "more "
        finally:
            ended.set()

    stream = await routed(function).acompletion("m", PROMPT, stream=True)
    await anext(stream)
    await stream.aclose()
    assert ended.is_set()


async def test_other_kinds_of_call_are_served_where_they_are_named(pool: str) -> None:
    async def function(call: Call) -> Any:
        return {"data": [{"embedding": [0.5]}]}

    entry = {"model_name": "m", "litellm_params": {"model": "mine/e"}}
    async with Router(
        [entry], adapters={"mine": from_callable(function, ["embedding"])}, redis_url="memory://", pool=pool
    ) as router:
        assert (await router.aembedding("m", "x")).data[0].embedding == [0.5]
        with pytest.raises(errors.BadRequestError, match="chat"):
            await router.acompletion("m", PROMPT)
