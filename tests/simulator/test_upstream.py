"""Start, stop, change and control of a running upstream."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import aiohttp
import pytest
from pydantic import ValidationError

from router_core.simulator import Behaviour, Stall, Upstream
from tests.simulator.client import chat, post, until


async def test_several_upstreams_in_one_process(http: aiohttp.ClientSession) -> None:
    async with Upstream() as one, Upstream(Behaviour(rpm=0)) as two:
        assert one.port != two.port
        assert ((await chat(http, one)).status, (await chat(http, two)).status) == (200, 429)
        assert (one.log.arrived, two.log.arrived) == (1, 1)


async def test_an_outage_breaks_what_runs_refuses_what_comes_and_keeps_the_port(http: aiohttp.ClientSession) -> None:
    async with Upstream(Behaviour(faults=(Stall(after=1),), rpm=5)) as upstream:
        port = upstream.port
        running = asyncio.create_task(chat(http, upstream, stream=True))
        await until(lambda: upstream.log.in_flight == 1)
        await upstream.stop()
        with pytest.raises(aiohttp.ClientError):
            await running
        assert [visit.end for visit in upstream.log] == ["cut"]
        with pytest.raises(aiohttp.ClientConnectorError):
            await chat(http, upstream)
        await upstream.start()
        assert upstream.port == port
        upstream.heal()
        assert (await chat(http, upstream)).headers["x-ratelimit-remaining-requests"] == "3", "limits are remembered"


async def test_behaviour_changes_while_it_runs(http: aiohttp.ClientSession) -> None:
    async with Upstream() as upstream:
        assert (await chat(http, upstream)).status == 200
        upstream.behaviour = replace(upstream.behaviour, rpm=1)
        assert [(await chat(http, upstream)).status for _ in range(2)] == [429, 429], "what was admitted counts"


async def test_it_is_controlled_over_http(http: aiohttp.ClientSession) -> None:
    async with Upstream() as upstream:
        control = f"{upstream.origin}/_control"
        faults = [{"kind": "errors", "status": 503, "when": {"times": 1}}]
        change = {"behaviour": {"rpm": 7, "latency": {"median": 0.01, "sigma": 1}, "faults": faults}}
        assert (await post(http, control, change)).json == {"ok": True}
        assert upstream.behaviour.rpm == 7
        assert [(await chat(http, upstream)).status for _ in range(2)] == [503, 200]
        assert (await post(http, control, {"fail": {"status": 500, "times": 1}, "slow": 2})).status == 200
        assert (await chat(http, upstream)).status == 500
        assert upstream.behaviour.slowdown == 2
        assert (await post(http, control, {"heal": True, "clear_log": True})).status == 200
        assert (upstream.behaviour.faults, len(upstream.log)) == ((), 0)


@pytest.mark.parametrize(
    ("order", "named"),
    [
        ({"behaviour": {"rmp": 3}}, "rmp"),
        ({"behaviour": {"rpm": -3}}, "rpm"),
        ({"sloow": 1}, "sloow"),
        ([], "object"),
        ({"heal": True, "slow": 3, "fail": {"status": 99}}, "status"),
    ],
)
async def test_a_wrong_order_changes_nothing_and_names_the_field(
    http: aiohttp.ClientSession, order: object, named: str
) -> None:
    async with Upstream() as upstream:
        before = upstream.behaviour
        reply = await post(http, f"{upstream.origin}/_control", order)
        assert (reply.status, upstream.behaviour) == (400, before)
        assert named in str(reply.json)


async def test_an_outage_over_http_ends_by_itself(http: aiohttp.ClientSession) -> None:
    async with Upstream() as upstream:
        assert (await post(http, f"{upstream.origin}/_control", {"outage": 0.1})).status == 200
        async with asyncio.timeout(5):
            refused = False
            while not refused:
                try:
                    await chat(http, upstream)
                    await asyncio.sleep(0.01)
                except aiohttp.ClientError:
                    refused = True
            while True:
                try:
                    assert (await chat(http, upstream)).status == 200
                    break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.01)


async def test_a_prompt_of_some_megabytes_is_taken(http: aiohttp.ClientSession) -> None:
    async with Upstream() as upstream:
        messages = [{"role": "user", "content": "x" * 4_000_000}]
        assert (await chat(http, upstream, messages=messages)).json["usage"]["prompt_tokens"] == 1_000_000


def test_a_wrong_behaviour_is_an_error_that_names_the_field() -> None:
    for wrong in ({"rpm": -1}, {"speed": 0}, {"latencyy": 1}, {"latency": -0.5}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            Behaviour(**wrong)
