"""Which calls are watched for their deployment's silence (state/silence.py), and until when."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from router_core.simulator import Behaviour, Upstream
from tests.router.rig import PROMPT, Make, entry, until


def silent(router: Any) -> int:
    """Calls that have no sign yet."""
    return len(router.store._process().worker.silences)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_is_watched_until_it_answers(routers: Make, first: Upstream, stream: bool) -> None:
    """A stream until its first content, however long it goes on."""
    router = routers([entry(first, "a"), entry(first, "b")])
    first.behaviour = Behaviour(latency=0.3)
    call = asyncio.create_task(router.acompletion("m", PROMPT, stream=stream))
    await until(lambda: first.log.arrived == 1)
    assert silent(router) == 1
    answer = await call
    assert silent(router) == 0
    if stream:
        await answer.aclose()


async def test_one_that_is_given_up_or_fails_is_watched_no_more(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "a"), entry(first, "b")])
    first.behaviour = Behaviour(latency=30)
    call = asyncio.create_task(router.acompletion("m", PROMPT))
    await until(lambda: first.log.arrived == 1)
    call.cancel()
    with suppress(asyncio.CancelledError):
        await call
    assert silent(router) == 0
    first.behaviour = Behaviour()
    first.fail(500, times=1)
    await router.acompletion("m", PROMPT)
    assert silent(router) == 0


@pytest.mark.parametrize("settings", [{"disable_cooldowns": True}, {"cooldown_time": 0}])
async def test_where_cooldowns_are_off_nobody_is_watched(routers: Make, first: Upstream, settings: Any) -> None:
    router = routers([entry(first, "a"), entry(first, "b")], **settings)
    first.behaviour = Behaviour(latency=0.2)
    call = asyncio.create_task(router.acompletion("m", PROMPT))
    await until(lambda: first.log.arrived == 1)
    assert silent(router) == 0
    await call


async def test_nor_is_one_that_has_no_other_beside_it(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "lone")])
    first.behaviour = Behaviour(latency=0.2)
    call = asyncio.create_task(router.acompletion("m", PROMPT))
    await until(lambda: first.log.arrived == 1)
    assert silent(router) == 0
    await call
