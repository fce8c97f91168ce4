"""What an upstream refuses, and what it says about its limits."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_core.simulator import Arrival, Behaviour, Upstream, body_metadata, bursty
from router_core.simulator.meter import Meter
from router_core.simulator.ratelimit import duration
from tests.simulator.client import chat
from tests.simulator.conftest import Clock

TEN_TOKENS = {"sim_input_tokens": 6, "sim_output_tokens": 4}


async def test_rpm_is_an_exact_rolling_window(http: aiohttp.ClientSession, clock: Clock) -> None:
    async with Upstream(Behaviour(rpm=2), clock=clock) as upstream:
        assert (await chat(http, upstream)).status == 200
        clock.now += 40
        assert (await chat(http, upstream)).status == 200
        refused = await chat(http, upstream)
        assert refused.status == 429
        assert (refused.headers["retry-after"], refused.headers["retry-after-ms"]) == ("20", "20000")
        assert refused.json["error"]["code"] == "rate_limit_exceeded"
        assert refused.json["error"]["type"] == "requests"
        assert "Limit 2, Used 2, Requested 1. Please try again in 20s." in refused.json["error"]["message"]
        clock.now += 19.999
        assert (await chat(http, upstream)).status == 429
        clock.now += 0.001
        assert (await chat(http, upstream)).status == 200, "at exactly 60 s the first is out of the window"


async def test_tpm_counts_input_and_output(http: aiohttp.ClientSession, clock: Clock) -> None:
    async with Upstream(Behaviour(tpm=25), clock=clock) as upstream:
        for _ in range(2):
            assert (await chat(http, upstream, metadata=TEN_TOKENS)).status == 200
            clock.now += 1
        refused = await chat(http, upstream, metadata=TEN_TOKENS)
        assert (refused.status, refused.json["error"]["type"]) == (429, "tokens")
        assert refused.headers["retry-after"] == "58"
        assert upstream.log[-1].tokens == 0, "a refusal used nothing"


async def test_what_can_never_fit_is_too_large_without_a_retry_after(http: aiohttp.ClientSession) -> None:
    async with Upstream(Behaviour(tpm=9)) as upstream:
        refused = await chat(http, upstream, metadata=TEN_TOKENS)
    assert refused.status == 429
    assert refused.json["error"]["message"].startswith("Request too large")
    assert "retry-after" not in refused.headers


async def test_rate_headers_are_openais(http: aiohttp.ClientSession, clock: Clock) -> None:
    async with Upstream(Behaviour(rpm=3, tpm=100), clock=clock) as upstream:
        headers = (await chat(http, upstream, metadata=TEN_TOKENS)).headers
        unlimited = Upstream()
        async with unlimited:
            assert not any("ratelimit" in name for name in (await chat(http, unlimited)).headers)
    assert {name[12:]: value for name, value in headers.items() if name.startswith("x-ratelimit-")} == {
        "limit-requests": "3",
        "remaining-requests": "2",
        "reset-requests": "1m0s",
        "limit-tokens": "100",
        "remaining-tokens": "90",
        "reset-tokens": "1m0s",
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.008, "8ms"), (1.5, "1.5s"), (20, "20s"), (113.425, "1m53.425s"), (3600, "1h0m0s"), (0.0001, "1ms")],
)
def test_durations_have_openais_form(seconds: float, text: str) -> None:
    assert duration(seconds) == text


async def test_max_concurrent_refuses_one_more(http: aiohttp.ClientSession) -> None:
    async with Upstream(Behaviour(max_concurrent=3, latency=0.2)) as upstream:
        statuses = [reply.status for reply in await asyncio.gather(*(chat(http, upstream) for _ in range(5)))]
        assert sorted(statuses) == [200, 200, 200, 429, 429]
        assert (await chat(http, upstream)).status == 200, "a slot that is free is usable at once"


async def test_speed_shrinks_the_window_too(http: aiohttp.ClientSession, clock: Clock) -> None:
    async with Upstream(Behaviour(rpm=1, speed=20), clock=clock) as upstream:
        assert (await chat(http, upstream)).status == 200
        assert (await chat(http, upstream)).headers["retry-after"] == "3"
        clock.now += 3
        assert (await chat(http, upstream)).status == 200


async def test_keys_models_and_context_sizes_are_checked(http: aiohttp.ClientSession) -> None:
    async with Upstream(Behaviour(api_key="sk-right")) as upstream:
        refused = await chat(http, upstream)
        assert (refused.status, refused.json["error"]["code"]) == (401, "invalid_api_key")
        upstream.behaviour = Behaviour(models=("other",))
        refused = await chat(http, upstream)
        assert (refused.status, refused.json["error"]["code"]) == (404, "model_not_found")
        upstream.behaviour = Behaviour(context_tokens=5)
        refused = await chat(http, upstream, metadata=TEN_TOKENS)
        assert (refused.status, refused.json["error"]["code"]) == (400, "context_length_exceeded")
    assert "sk-right" not in repr(Behaviour(api_key="sk-right"))


@pytest.mark.slow
async def test_limit_and_witness_agree_under_bursts(http: aiohttp.ClientSession) -> None:
    """Bursts well over the limit: the fullest rolling window of what was served holds exactly the limit."""
    async with Upstream(Behaviour(rpm=40, window=0.5)) as upstream:

        async def replay(arrival: Arrival) -> int:
            await asyncio.sleep(arrival.at)
            return (await chat(http, upstream, metadata=body_metadata(arrival))).status

        statuses = await asyncio.gather(*(replay(arrival) for arrival in bursty(3, 200, peak=2, seed=1)))
        served, _ = upstream.log.worst_window(0.5, where=lambda visit: visit.status == 200)
    assert served == 40
    assert set(statuses) == {200, 429}
    assert len(upstream.log) == len(statuses)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), max_size=60),
    st.integers(0, 6),
    st.integers(0, 60),
)
def test_the_meter_admits_exactly_what_fits_and_its_wait_is_the_earliest_time(
    steps: list[tuple[int, int]], rpm: int, tpm: int
) -> None:
    meter, admitted, now = Meter(60.0), list[tuple[int, int]](), 0

    def fits(at: int, tokens: int) -> bool:
        held = [amount for since, amount in admitted if at - since < 60]
        return len(held) + 1 <= rpm and sum(held) + tokens <= tpm

    for gap, tokens in steps:
        now += gap
        full = meter.admit(now, tokens, rpm, tpm)
        assert (full is None) is fits(now, tokens)
        if full is None:
            admitted.append((now, tokens))
        elif full.wait is not None:
            held = [amount for since, amount in admitted if now + full.wait - since < 60]
            assert (len(held) < rpm) if full.resource == "requests" else (sum(held) + tokens <= tpm)
            sooner = [amount for since, amount in admitted if now + full.wait - 0.5 - since < 60]
            assert (len(sooner) >= rpm) if full.resource == "requests" else (sum(sooner) + tokens > tpm)
