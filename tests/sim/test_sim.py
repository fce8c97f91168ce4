"""The simulation itself: time that jumps, upstreams that answer as described, figures that say what happened."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from router_core.errors import RateLimitError, ServiceUnavailableError
from router_core.simulator.traces import Arrival
from tests.sim import __main__ as program
from tests.sim import clock as virtual
from tests.sim.figures import figures
from tests.sim.lineup import PLAYERS
from tests.sim.play import Done, Log, Make, play
from tests.sim.upstream import Upstream, Visit
from tests.sim.world import Deployment, Fault, Scenario, deployments_for

ONE = Deployment(
    "one", ttft=1.0, prefill=100.0, speed=10.0, input_price=1.0, output_price=2.0, slots=2, rpm=4, tpm=10**6
)
CALL = Arrival(0.0, 100, 20)  # 1 s + 1 s to the first token, 2 s for the rest


def upstream(clock: virtual.Clock, *faults: Fault, visits: list[Visit] | None = None) -> Upstream:
    return Upstream(ONE, list(faults), clock, [1.0] * 1000, [] if visits is None else visits)


def scenario(*faults: Fault, calls: int = 400, seconds: float = 60.0) -> Scenario:
    """Two made-up minutes for twenty deployments."""
    arrivals = [Arrival(seconds * number / calls, 200, 50) for number in range(calls)]
    return Scenario("small", "", "", arrivals, deployments_for(arrivals, 1), faults, 1)


def player(name: str) -> Make:
    return next(one for one in PLAYERS if one.name == name).make


def test_an_hour_passes_at_once_and_everybody_measures_it() -> None:
    clock, began = virtual.Clock(), time.monotonic()

    async def main() -> tuple[float, float]:
        start = time.perf_counter()
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(1800))
        return time.perf_counter() - start, asyncio.get_running_loop().time()

    assert virtual.run(main(), clock) == (3600.0, 3600.0)
    assert time.monotonic() - began < 60, "and the real one is back"


def test_a_call_that_nobody_will_ever_wake_is_an_error() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="hangs for ever"):
        virtual.run(main(), virtual.Clock())


def test_an_upstream_takes_its_time_and_gets_slower_beyond_its_slots() -> None:
    clock = virtual.Clock()
    up = upstream(clock)

    async def one() -> tuple[float, float]:
        stream = up.stream(CALL, 0)
        await anext(stream)
        first = clock.now
        async for _ in stream:
            pass
        return first, clock.now

    async def main() -> list[tuple[float, float]]:
        return list(await asyncio.gather(one(), one(), one()))

    assert virtual.run(main(), clock) == [(2.0, 5.0), (2.0, 5.0), (3.0, 6.0)], "with three of them all take half more"
    assert up.busy == 16.0
    assert up.running == 0


def test_an_upstream_refuses_beyond_its_limit_until_the_first_call_leaves_the_minute() -> None:
    clock = virtual.Clock()
    up = upstream(clock, Fault("storm", "one", 100, 110, 0.5))

    async def begin() -> None:
        await anext(up.stream(CALL, 0))

    async def main() -> list[float | None]:
        found: list[float | None] = []
        for _ in range(4):
            await begin()  # at 0, 2, 4, 6: one after the other, each left open
        with pytest.raises(RateLimitError) as refused:
            await begin()
        found.append(refused.value.retry_after)
        await asyncio.sleep(60.5 - clock.now)
        await begin()
        await asyncio.sleep(100 - clock.now)
        await begin()
        with pytest.raises(RateLimitError) as refused:
            await begin()
        return [*found, refused.value.retry_after]

    first, stormy = virtual.run(main(), clock)
    assert first == 30, "60 - 8.x, but at most what providers say"
    assert stormy is not None
    assert 15 < stormy <= 30, "half of four is used: the one of 60.5 has to leave"


def test_faults_begin_and_end() -> None:
    clock, visits = virtual.Clock(), list[Visit]()
    up = upstream(clock, Fault("down", "one", 10, 20), Fault("slow", "one", 30, 40, 10.0), visits=visits)

    async def main() -> None:
        assert up.first(CALL, 0) == 2.0
        await asyncio.sleep(10)
        assert not up.answers
        with pytest.raises(ServiceUnavailableError):
            await anext(up.stream(CALL, 0))
        await asyncio.sleep(20)
        assert (up.answers, up.first(CALL, 0)) == (True, 20.0)
        await asyncio.sleep(10)
        assert up.first(CALL, 0) == 2.0

    virtual.run(main(), clock)
    assert [visit.kind for visit in visits] == ["server"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["simple-shuffle", "LiteLLM latency", "oracle"])
def test_the_same_seed_gives_the_same_run(name: str) -> None:
    first, second = (play(scenario(Fault("down", "quick-1", 5, 20)), player(name)) for _ in range(2))
    assert first.calls == second.calls
    assert first.visits == second.visits


@pytest.mark.slow
def test_every_worker_is_a_member_of_one_pool_and_every_call_ends() -> None:
    log = play(scenario(), player("least-busy"))
    assert len(log.calls) == 400
    assert not [call for call in log.calls if call.error]
    assert len({visit.deployment for visit in log.visits}) == 20
    assert all(0 < call.ttft <= call.duration for call in log.calls)


def test_detection_and_recovery_are_read_from_the_visits() -> None:
    """`a` gets half of ten calls a second, nothing from 3 s into the fault on, and its share again 5 s after it."""
    arrivals = [Arrival(number / 10, 1, 1) for number in range(1000)]
    fault, deployments = Fault("down", "a", 30, 50), tuple(Deployment(id, 1, 1, 1, 1, 1, 1, 1, 1) for id in ("a", "b"))
    visits = [
        Visit(x.at, "a" if number % 2 and not 33 <= x.at < 55 else "b", number, "ok")
        for number, x in enumerate(arrivals)
    ]
    calls = [Done(number, 1.0, 2.0, "b", "") for number in range(1000)]
    log = Log(Scenario("x", "", "", arrivals, deployments, (fault,), 1), calls, visits, {"a": 0.0, "b": 100.0})
    found = figures(log)
    assert found.detect == pytest.approx(2.5, abs=0.5)
    assert found.recover == pytest.approx(3.5, abs=0.5)
    assert (found.missed, found.lost, found.errors, found.load, found.storm) == (0, 0, 0, 1.0, 1.0)
    assert found.fullest == pytest.approx(1.0, abs=0.01)
    always = figures(Log(log.scenario, calls, [x._replace(deployment="a") for x in visits], log.busy))
    assert (always.missed, always.detect) == (1, None)


@pytest.mark.slow
def test_the_short_form_writes_its_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of the deployments down, brown-outs, storms: the oracle sees to everybody, and nobody is faster."""
    assert program.main(["--quick", "--out", str(tmp_path)]) == 0
    said, text = capsys.readouterr().out, (tmp_path / "RESULTS.md").read_text()
    assert "[8/8" in said
    assert "| what matters | strategy |" in text
    assert "## half:" in text
