"""Streams: failover before the first content, a clear error after it, and a settlement however they end."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace

import pytest

from router_core.errors import InternalServerError, StreamInterrupted, Timeout
from router_core.simulator import Behaviour, Cut, Fault, Malformed, Stall, StreamError, Upstream
from router_core.streaming import Stream
from tests.router.rig import PROMPT, Make, entry, state_of, until


async def text_of(stream: Stream) -> str:
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


@pytest.mark.parametrize("fault", [Cut(after=0), Malformed(), StreamError(), StreamError(style="groq"), Stall()])
async def test_before_the_first_content_another_deployment_takes_over(
    routers: Make, first: Upstream, second: Upstream, fault: Fault
) -> None:
    first.behaviour = replace(first.behaviour, faults=(fault,))
    router = routers([entry(first, "bad"), entry(second, "good", order=1)], ttft_timeout=0.2, disable_cooldowns=True)
    for _ in range(4):
        stream = await router.acompletion("m", PROMPT, stream=True, max_tokens=5)
        chunks = [chunk async for chunk in stream]
        assert {chunk.deployment for chunk in chunks} == {"good"}
        assert sum(chunk.choices[0].delta.get("role") is not None for chunk in chunks) == 1
    assert first.log.arrived > 0
    assert (await state_of(router, "bad")).inflight == 0


@pytest.mark.parametrize("fault", [Cut(after=3), Malformed(after=3), StreamError(after=3), Stall(after=3)])
async def test_after_content_the_error_carries_what_was_received(
    routers: Make, first: Upstream, second: Upstream, fault: Fault
) -> None:
    first.behaviour = replace(first.behaviour, faults=(fault,))
    router = routers([entry(first, "bad")], stall_timeout=0.2)
    received = ""
    stream = await router.acompletion("m", PROMPT, stream=True, max_tokens=10)
    with pytest.raises(StreamInterrupted) as caught:  # noqa: PT012 - the loop is what raises
        async for chunk in stream:
            received += chunk.choices[0].delta.content or ""
    assert received
    message = caught.value.received.choices[0].message
    assert (message.role, message.content) == ("assistant", received)
    assert received not in str(caught.value)
    state = await state_of(router, "bad")
    assert (state.inflight, state.failed) == (0, 1)


async def test_all_failing_before_content_is_the_upstreams_error(routers: Make, first: Upstream) -> None:
    first.fail(500)
    router = routers([entry(first, "one")], num_retries=1)
    with pytest.raises(InternalServerError) as caught:
        await router.acompletion("m", PROMPT, stream=True)
    assert len(caught.value.attempts) == 2


async def test_a_callers_deadline_ends_a_stream_without_blame(routers: Make, first: Upstream) -> None:
    first.behaviour = Behaviour(ttft=5.0)
    router = routers([entry(first, "one")])
    with pytest.raises(Timeout) as caught:
        await router.acompletion("m", PROMPT, stream=True, timeout=0.1)
    assert [record.kind for record in caught.value.attempts] == ["caller"]
    assert (await state_of(router, "one")).failed == 0


async def test_a_closed_stream_settles_and_hangs_up(routers: Make, first: Upstream) -> None:
    first.behaviour = Behaviour(tokens_per_second=20)
    router = routers([entry(first, "one")])
    stream = await router.acompletion("m", PROMPT, stream=True, max_tokens=1000)
    assert (await anext(stream)).deployment == "one"
    await stream.aclose()
    await stream.aclose()
    assert [chunk async for chunk in stream] == []
    await until(lambda: first.log.in_flight == 0)
    state = await state_of(router, "one")
    assert (state.inflight, state.failed) == (0, 0)


async def test_a_forgotten_stream_settles_and_hangs_up(routers: Make, first: Upstream) -> None:
    first.behaviour = Behaviour(tokens_per_second=20)
    router = routers([entry(first, "one")])
    stream = await router.acompletion("m", PROMPT, stream=True, max_tokens=1000)
    await anext(stream)
    del stream
    gc.collect()
    await until(lambda: first.log.in_flight == 0)
    assert (await state_of(router, "one")).inflight == 0


async def test_a_cancelled_stream_settles_and_hangs_up(routers: Make, first: Upstream) -> None:
    first.behaviour = Behaviour(tokens_per_second=20)
    router = routers([entry(first, "one")])
    stream = await router.acompletion("m", PROMPT, stream=True, max_tokens=1000)
    reading = asyncio.create_task(text_of(stream))
    await asyncio.sleep(0.1)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await until(lambda: first.log.in_flight == 0)
    assert (await state_of(router, "one")).inflight == 0


async def test_a_forgotten_synchronous_stream_settles(routers: Make, first: Upstream) -> None:
    first.behaviour = Behaviour(tokens_per_second=20)
    router = routers([entry(first, "one")])

    def work() -> None:
        stream = router.completion("m", PROMPT, stream=True, max_tokens=1000)
        next(stream)

    await asyncio.to_thread(work)
    gc.collect()
    await until(lambda: first.log.in_flight == 0)
    assert (await state_of(router, "one")).inflight == 0


async def test_usage_comes_only_to_those_who_ask(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")])
    asked = {"stream_options": {"include_usage": True}}
    plain = [chunk async for chunk in await router.acompletion("m", PROMPT, stream=True, max_tokens=3)]
    wanted = [chunk async for chunk in await router.acompletion("m", PROMPT, stream=True, max_tokens=3, **asked)]
    assert all(chunk.choices for chunk in plain)
    assert wanted[-1].usage.completion_tokens == 3
