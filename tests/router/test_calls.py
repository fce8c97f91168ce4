"""A call that goes well: what the caller gets, what the pool learns, what it costs."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import httpx
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from router_core.errors import BadRequestError, ConfigurationError
from router_core.hooks import AttemptEnded, AttemptStarted, Decided, RequestEnded
from router_core.providers import Call, HttpAdapter
from router_core.router import Router
from router_core.simulator import Upstream
from tests.router.rig import PROMPT, Make, Seen, entry, state_of


async def test_the_answer_is_openai_shaped_and_says_who_gave_it(routers: Make, first: Upstream) -> None:
    prices: dict[str, Any] = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    router = routers([entry(first, "one", **prices)])
    answer = await router.acompletion("m", PROMPT, max_tokens=5)
    ChatCompletion.model_validate(answer.model_dump())
    usage = answer.usage
    hidden = answer._hidden_params
    assert (answer.deployment, answer.model_used, hidden["model_id"]) == ("one", "sim", "one")
    assert hidden["api_base"] == first.url
    assert hidden["custom_llm_provider"] == "openai"
    assert hidden["response_cost"] == pytest.approx((usage.prompt_tokens + 2 * usage.completion_tokens) / 1e6)
    assert (hidden["attempted_retries"], hidden["attempted_fallbacks"]) == (0, 0)
    assert answer._response_ms is not None
    assert answer._response_ms > 0
    assert [(record.deployment, record.kind) for record in answer.attempts] == [("one", "ok")]
    assert (answer.decision.deployment, answer.decision.candidates) == ("one", 1)


async def test_the_pool_knows_what_was_used_and_holds_nothing(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one", rpm=10, tpm=10_000)])
    answer = await router.acompletion("m", PROMPT, max_tokens=5)
    state = await state_of(router, "one")
    assert (state.inflight, state.ok, state.failed) == (0, 1, 0)
    assert state.used["requests/60"] == 1
    assert state.used["tokens/60"] == answer.usage.total_tokens


async def test_a_call_is_two_operations(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")])
    await router.acompletion("m", PROMPT)
    await router.store.flush()
    before = router.store.operations[0]
    for _ in range(5):
        await router.acompletion("m", PROMPT)
    await router.store.flush()
    assert router.store.operations[0] - before == 10


async def test_a_stream_gives_openai_chunks_and_settles_with_its_usage(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one", tpm=10_000)])
    async with await router.acompletion("m", PROMPT, stream=True, max_tokens=4) as stream:
        chunks = [chunk async for chunk in stream]
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk.model_dump())
    assert all(chunk.choices for chunk in chunks)
    assert stream.deployment == chunks[0].deployment == "one"
    state = await state_of(router, "one")
    assert (state.inflight, state.ok) == (0, 1)
    assert state.ttft_ms is not None
    assert state.used["tokens/60"] == first.log[0].tokens


async def test_embeddings_are_routed(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")])
    answer = await router.aembedding("m", ["a", "b"])
    assert len(answer.data) == 2
    assert answer.deployment == "one"


async def test_calls_without_an_event_loop(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")])

    def work() -> tuple[str | None, int, int]:
        answer = router.completion("m", PROMPT)
        with router.completion("m", PROMPT, stream=True, max_tokens=3) as stream:
            chunks = list(stream)
        return answer.deployment, len(chunks), len(router.embedding("m", "text").data)

    deployment, chunks, vectors = await asyncio.to_thread(work)
    assert (deployment, vectors) == ("one", 1)
    assert chunks >= 3
    assert (await state_of(router, "one")).inflight == 0


async def test_a_mocked_answer_reaches_no_upstream(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")])
    answer = await router.acompletion("m", PROMPT, mock_response="mocked")
    assert answer.choices[0].message.content == "mocked"
    stream = await router.acompletion("m", PROMPT, mock_response="mocked", stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "mocked"
    assert first.log.arrived == 0


async def test_watchers_hear_of_each_step(routers: Make, first: Upstream) -> None:
    seen = Seen()
    router = routers([entry(first, "one")], hooks=[seen])
    await router.acompletion("m", PROMPT)
    assert [type(event) for event in seen.events] == [Decided, AttemptStarted, AttemptEnded, RequestEnded]
    ended = seen.of(RequestEnded)[0]
    assert (ended.group, ended.served_by, ended.kind, ended.attempts) == ("m", "m", "ok", 1)


async def test_a_watcher_that_fails_breaks_no_call(routers: Make, first: Upstream) -> None:
    def broken(event: object, /) -> None:
        raise RuntimeError

    router = routers([entry(first, "one")], hooks=[broken])
    assert (await router.acompletion("m", PROMPT)).deployment == "one"


async def test_explain_and_snapshot_have_no_effect(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one", rpm=5), entry(first, "two", rpm=5)])
    explained = await router.explain(model="m", messages=PROMPT)
    assert {candidate.deployment for candidate in explained.candidates} == {"one", "two"}
    assert explained.chosen in ("one", "two")
    snapshot = await router.snapshot()
    assert all(state.inflight == 0 and not any(state.used.values()) for state in snapshot.deployments.values())
    assert first.log.arrived == 0


async def test_the_router_routing_options_never_reach_the_provider(
    routers: Make, first: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = routers([entry(first, "one")])
    sent: list[dict[str, object]] = []
    adapter = router._wiring.upstream.adapters["one"]
    assert isinstance(adapter, HttpAdapter)
    original = adapter.request

    def spy(call: Call) -> httpx.Request:
        sent.append(dict(call.body))
        return original(call)

    monkeypatch.setattr(adapter, "request", spy)
    await router.acompletion(
        "m",
        PROMPT,
        num_retries=1,
        timeout=9,
        priority=2,
        metadata={"tags": ["x"]},
        max_wait=0,
        fallbacks=[],
        temperature=0.5,
    )
    assert sent == [{"messages": PROMPT, "temperature": 0.5}]
    assert sent[0]["messages"] is PROMPT  # not copied


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": "unknown"}, "unknown"),
        ({"model": "m", "routing_strategy": "no-such"}, "no-such"),
        ({"model": "m", "timeout": "soon"}, "timeout"),
        ({"model": "m", "num_retries": -1}, "num_retries"),
        ({"model": "m", "specific_deployment": "nobody"}, "nobody"),
    ],
)
async def test_a_bad_wish_is_an_error_that_names_it(
    routers: Make, first: Upstream, arguments: dict[str, Any], words: str
) -> None:
    router = routers([entry(first, "one")])
    with pytest.raises(BadRequestError, match=words):
        await router.acompletion(messages=PROMPT, **arguments)
    assert first.log.arrived == 0


def test_the_constructor_refuses_what_cannot_work() -> None:
    with pytest.raises(ConfigurationError, match="no-such"):
        Router(model_list=[], routing_strategy="no-such", redis_url="memory://")
    model = {"model_name": "m", "litellm_params": {"model": "bedrock/anthropic.claude-v2", "api_key": "k"}}
    with pytest.raises(ConfigurationError, match="bedrock"):
        Router(model_list=[model], redis_url="memory://")


async def test_a_forgotten_router_is_collected(first: Upstream, pool: str) -> None:
    router = Router(model_list=[entry(first, "one")], redis_url="memory://", pool=pool)
    await router.acompletion("m", PROMPT)
    await router.store.flush()
    await router._parts.transport.aclose()
    gone = weakref.ref(router)
    del router
    gc.collect()
    assert gone() is None
