"""Traffic mirroring: the copy is made, limited, settled, and never felt by the caller."""

from __future__ import annotations

import asyncio
import time
import warnings

import pytest

from router_core.errors import ConfigurationError
from router_core.simulator import Behaviour, Upstream
from router_core.streaming import Stream
from tests.router.rig import PROMPT, Make, entry, state_of, until


@pytest.mark.parametrize("stream", [False, True])
async def test_each_call_is_repeated_at_the_silent_model(
    routers: Make, first: Upstream, second: Upstream, stream: bool
) -> None:
    router = routers([entry(first, "loud", "m", silent_model="trial"), entry(second, "quiet", "trial")])
    answer = await router.acompletion("m", PROMPT, stream=stream)
    if isinstance(answer, Stream):
        assert [chunk async for chunk in answer]
    assert answer.deployment == "loud"
    await until(lambda: len(second.log) == 1 and second.log.in_flight == 0)
    assert [visit.stream for visit in second.log] == [stream]
    assert (await state_of(router, "quiet")).inflight == 0


async def test_the_caller_feels_nothing_of_a_copy_that_is_slow_or_fails(routers: Make, first: Upstream) -> None:
    async with Upstream(Behaviour(latency=30.0)) as slow, Upstream() as broken:
        broken.fail(500, times=100)
        router = routers(
            [
                entry(first, "a", "m", silent_model="slow"),
                entry(slow, "b", "slow"),
                entry(first, "c", "n", silent_model="broken"),
                entry(broken, "d", "broken"),
            ]
        )
        began = time.monotonic()
        for group in ("m", "n"):
            assert (await router.acompletion(group, PROMPT)).deployment in ("a", "c")
        await until(lambda: len(broken.log) >= 1 and slow.log.in_flight == 1)
        assert time.monotonic() - began < 10
        await router.aclose()
        await until(lambda: slow.log.in_flight == 0)


async def test_copies_are_not_copied_and_too_many_are_left_out(
    routers: Make, first: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = routers([entry(first, "a", "m", silent_model="n"), entry(first, "b", "n", silent_model="m")])
    await router.acompletion("m", PROMPT)
    await until(lambda: len(first.log) == 2)
    await asyncio.sleep(0)
    assert router._mirror.sent == 1
    monkeypatch.setattr(router._mirror, "_most", 0)
    await router.acompletion("m", PROMPT)
    assert (router._mirror.sent, router._mirror.left_out) == (1, 1)


def test_a_silent_model_that_does_not_exist_is_an_error(routers: Make, first: Upstream) -> None:
    with warnings.catch_warnings(), pytest.raises(ConfigurationError, match=r"silent_model.*there is no model group"):
        routers([entry(first, "a", "m", silent_model="nobody")])
