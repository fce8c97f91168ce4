"""Delays: distributions by their draws, and that they are really waited for."""

from __future__ import annotations

import random
import statistics
import time

import aiohttp
import pytest

from router_core.simulator import Behaviour, Lognormal, Upstream
from router_core.simulator.behaviour import draw
from router_core.simulator.pace import pace
from tests.simulator.client import PROMPT, chat


def test_a_lognormal_has_its_median_and_spread() -> None:
    rng = random.Random(3)
    drawn = sorted(draw(Lognormal(0.2, 0.5), rng) for _ in range(20_000))
    assert statistics.median(drawn) == pytest.approx(0.2, rel=0.03)
    assert drawn[int(0.8413 * 20_000)] / 0.2 == pytest.approx(2.718**0.5, rel=0.04), "one sigma up"
    assert draw(Lognormal(0.2), rng) == 0.2
    assert draw(0.3, rng) == 0.3


def test_slowdown_and_speed_scale_every_delay() -> None:
    behaviour = Behaviour(latency=1.0, ttft=2.0, tokens_per_second=10, slowdown=6, speed=2)
    drawn = pace(behaviour, random.Random(0))
    assert (drawn.latency, drawn.ttft, drawn.interval) == pytest.approx((3.0, 6.0, 0.3))
    assert drawn.whole(11) == pytest.approx(3 + 6 + 10 * 0.3)


async def test_a_stream_shows_latency_then_ttft_then_the_token_speed(http: aiohttp.ClientSession) -> None:
    behaviour = Behaviour(latency=0.1, ttft=0.1, tokens_per_second=100, output_tokens=21)
    async with Upstream(behaviour) as upstream:
        began = time.monotonic()
        body = {"model": "m", "messages": PROMPT, "stream": True}
        async with http.post(f"{upstream.url}/chat/completions", json=body) as response:
            headers = time.monotonic() - began
            got, first, content = b"", 0.0, 0
            async for piece in response.content.iter_any():
                got += piece
                content += piece.count(b'"tok "')
                first = first or (time.monotonic() - began if content else 0.0)
            whole = time.monotonic() - began
    assert got.count(b'"tok "') == 21
    assert 0.1 <= headers < first
    assert first >= 0.2
    assert whole >= 0.4 - 0.005


async def test_a_plain_answer_takes_as_long_as_the_stream_would(http: aiohttp.ClientSession) -> None:
    async with Upstream(Behaviour(latency=0.05, ttft=0.05, tokens_per_second=100, output_tokens=11)) as upstream:
        await chat(http, upstream)
        assert upstream.log[0].seconds >= 0.2
        upstream.slow(2)
        await chat(http, upstream)
        assert upstream.log[1].seconds >= 0.4
