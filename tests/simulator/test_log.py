"""The log as a witness."""

from __future__ import annotations

import asyncio

import aiohttp
from hypothesis import given
from hypothesis import strategies as st

from router_core.simulator import Behaviour, Upstream, worst_window
from router_core.simulator.log import Log
from tests.simulator.client import chat, get, until
from tests.simulator.conftest import Clock

MARKS = st.lists(st.tuples(st.integers(0, 200).map(lambda tenths: tenths / 10), st.integers(0, 9)), max_size=40)


@given(MARKS, st.integers(1, 100).map(lambda tenths: tenths / 10))
def test_the_worst_window_is_what_brute_force_finds(marks: list[tuple[float, int]], seconds: float) -> None:
    windows = [[amount for at, amount in marks if 0 <= at - start < seconds] for start, _ in marks] or [[]]
    expected = max(len(window) for window in windows), max(sum(window) for window in windows)
    assert worst_window(marks, seconds) == expected


async def test_the_log_tells_arrivals_tokens_and_ends(http: aiohttp.ClientSession, clock: Clock) -> None:
    async with Upstream(Behaviour(rpm=2), clock=clock) as upstream:
        for stream in (False, True, False):
            await chat(http, upstream, stream=stream, max_tokens=3)
            clock.now += 1.0
    assert [visit.number for visit in upstream.log] == [1, 2, 3]
    assert [(v.at, v.status, v.tokens, v.stream, v.end) for v in upstream.log] == [
        (1000.0, 200, 5, False, "finished"),
        (1001.0, 200, 5, True, "finished"),
        (1002.0, 429, 0, False, "finished"),
    ]
    assert upstream.log.worst_window(60.0) == (3, 10)
    assert upstream.log.worst_window(60.0, where=lambda visit: visit.status == 200) == (2, 10)
    assert upstream.log.worst_window(1.0) == (1, 5)


async def test_in_flight_and_its_peak_and_visits_still_running(http: aiohttp.ClientSession) -> None:
    async with Upstream(Behaviour(latency=0.3)) as upstream:
        calls = [asyncio.create_task(chat(http, upstream)) for _ in range(7)]
        await until(lambda: upstream.log.in_flight == 7)
        assert upstream.log.worst_window(60.0)[0] == 7
        assert {visit.end for visit in upstream.log.visits()} == {"open"}
        for call in calls[:2]:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert upstream.log.in_flight == 0
        assert upstream.log.peak_in_flight == 7
        assert sorted(visit.end for visit in upstream.log) == ["disconnected"] * 2 + ["finished"] * 5


def test_memory_is_bounded_and_what_fell_out_is_counted(clock: Clock) -> None:
    log = Log(cap=3, clock=clock)
    for _ in range(5):
        log.leave(log.arrive("/v1/chat/completions", "m", False, False), "finished")
    assert ([visit.number for visit in log], log.dropped, log.arrived) == ([3, 4, 5], 2, 5)
    assert [visit.number for visit in log[1:]] == [4, 5]
    log.clear()
    assert (len(log), log.dropped) == (0, 0)


def test_a_visit_ends_once(clock: Clock) -> None:
    log = Log(clock=clock)
    visitor = log.arrive("/v1/chat/completions", "m", False, False)
    log.leave(visitor, "cut")
    log.leave(visitor, "finished")
    assert [visit.end for visit in log] == ["cut"]


async def test_log_and_stats_over_http(http: aiohttp.ClientSession) -> None:
    async with Upstream(log_cap=4) as upstream:
        for _ in range(6):
            await chat(http, upstream, max_tokens=3)
        page = await get(http, f"{upstream.origin}/_log")
        assert ([visit["number"] for visit in page["visits"]], page["next"], page["ended"]) == ([3, 4, 5, 6], 6, 6)
        page = await get(http, f"{upstream.origin}/_log?after=5")
        assert [visit["number"] for visit in page["visits"]] == [6]
        upstream.log.clear()
        await chat(http, upstream, max_tokens=3)
        stats = await get(http, f"{upstream.origin}/_stats?window=60&window=0.5")
    assert stats["requests"] == 1
    assert stats["by_status"] == {"200": 1}
    assert stats["worst_windows"][0] == {"seconds": 60.0, "requests": 1, "tokens": 5}
    assert stats["p99_seconds"] > 0
    assert "hello" not in str(page), "no content"
