"""Windows of time in which a fault happens."""

from __future__ import annotations

import aiohttp
import pytest
from pydantic import ValidationError

from router_core.simulator import Behaviour, Errors, Upstream, When
from tests.simulator.client import chat
from tests.simulator.conftest import Clock


@pytest.mark.parametrize(
    ("when", "inside", "outside"),
    [
        (When(start=5), [5, 1e6], [0, 4.9]),
        (When(start=5, seconds=2), [5, 6.9], [4.9, 7]),
        (When(start=10, seconds=2, every=30), [10, 11.9, 40, 71], [9, 12, 39.9, 42]),
        (When(seconds=0), [], [0, 1]),
    ],
)
def test_a_window_is_half_open_and_may_repeat(when: When, inside: list[float], outside: list[float]) -> None:
    assert all(when.covers(at, stream=False) for at in inside)
    assert not any(when.covers(at, stream=False) for at in outside)


async def test_a_burst_of_errors_comes_and_goes_with_the_upstreams_clock(
    http: aiohttp.ClientSession, clock: Clock
) -> None:
    burst = Errors(503, when=When(start=10, seconds=5))
    async with Upstream(Behaviour(faults=(burst,), speed=10), clock=clock) as upstream:
        statuses = []
        for _ in range(4):
            statuses.append((await chat(http, upstream)).status)
            clock.now += 0.5  # 5 s of the upstream's life
        assert statuses == [200, 200, 503, 200]


async def test_a_fault_for_streams_alone(http: aiohttp.ClientSession) -> None:
    async with Upstream(Behaviour(faults=(Errors(500, when=When(stream=True)),))) as upstream:
        assert (await chat(http, upstream)).status == 200
        assert (await chat(http, upstream, stream=True)).status == 500


@pytest.mark.parametrize("wrong", [{"rate": 1.5}, {"seconds": -1}, {"every": 0}, {"untill": 3}])
def test_a_wrong_schedule_is_an_error_that_names_the_field(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        When(**wrong)  # type: ignore[arg-type]
