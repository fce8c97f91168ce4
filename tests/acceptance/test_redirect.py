"""An upstream that redirects elsewhere: there nobody even connects, and another deployment serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Literal

import pytest

from router_core import Router
from router_core.simulator import Redirect, Upstream
from tests.acceptance.rig import PROMPT, entry

CALLS = 5


@asynccontextmanager
async def trap() -> AsyncIterator[tuple[str, list[Any]]]:
    """An origin on another port, and who connected to it."""
    came: list[Any] = []

    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer.get_extra_info("peername"))
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", came


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_the_place_a_redirect_points_to_sees_no_request(
    pool: str, shared_url: str, status: Literal[301, 302, 303, 307, 308]
) -> None:
    """Plain calls, streams and embeddings. The key would travel along in headers."""
    async with Upstream() as bad, Upstream() as good, trap() as (elsewhere, came):
        bad.behaviour = replace(bad.behaviour, faults=(Redirect(to=elsewhere, status=status),))
        models = [entry(bad.url, "bad"), entry(good.url, "good", order=1)]
        async with Router(model_list=models, redis_url=shared_url, pool=pool, disable_cooldowns=True) as router:
            for _ in range(CALLS):
                answer = await router.acompletion("m", PROMPT)
                assert [(one.deployment, one.kind) for one in answer.attempts] == [("bad", "server"), ("good", "ok")]
                stream = await router.acompletion("m", PROMPT, stream=True)
                assert {chunk.deployment async for chunk in stream} == {"good"}
                assert (await router.aembedding("m", ["hello"])).deployment == "good"
        assert [visit.status for visit in bad.log] == [status] * 3 * CALLS
        assert [visit.status for visit in good.log] == [200] * 3 * CALLS
        assert came == []
