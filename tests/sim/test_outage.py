"""An outage, in virtual time: fifty Routers of one pool, twenty deployments. Retries see to the callers, and their
budget to the upstreams."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Any

import pytest

from router_core.simulator.traces import Arrival
from tests.sim.figures import Figures, figures
from tests.sim.ours import Fleet, Strategy
from tests.sim.play import play
from tests.sim.world import Deployment, Fault, FaultKind, Scenario, deployments_for

RATE, SECONDS, BEGIN, LASTS = 25.0, 80.0, 20.0, 30.0  # calls a second; the outage


def outage(seed: int, hit: Callable[[int], bool], kind: FaultKind = "down") -> Scenario:
    """Calls at random, for deployments that have room for 2.4 times as many; those that are `hit` answer 503."""
    rng, at, arrivals = Random(seed), 0.0, list[Arrival]()
    while at < SECONDS:
        at += rng.expovariate(RATE)
        arrivals.append(Arrival(at, rng.randrange(50, 400), rng.randrange(20, 100)))
    deployments = deployments_for(arrivals, seed)
    return Scenario("outage", "", "", arrivals, deployments, tuple(_faults(deployments, hit, kind)), seed)


def _faults(deployments: Iterable[Deployment], hit: Callable[[int], bool], kind: FaultKind) -> Iterable[Fault]:
    return (Fault(kind, one.id, BEGIN, BEGIN + LASTS) for number, one in enumerate(deployments) if hit(number))


def played(scenario: Scenario, strategy: str, **arguments: Any) -> Figures:
    return figures(play(scenario, partial(Fleet, Strategy(strategy, {"routing_strategy": strategy, **arguments}))))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["simple-shuffle", "least-busy"])
def test_half_of_the_deployments_fail_for_half_a_minute_and_no_caller_notices(strategy: str) -> None:
    """Calls that came in the outage made at most 1.2 upstream calls each, though each of them might have made six."""
    found = played(outage(1, lambda number: number // 5 < 2), strategy, num_retries=5)
    assert found.errors == 0
    assert found.storm <= 1.2
    assert found.missed == 0


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["simple-shuffle", "balanced"])
def test_nor_does_one_who_set_nothing(strategy: str) -> None:
    """Two retries alone would meet three dead ones in a row before anybody knows them: in each of these outages some
    call did."""
    for seed in (4, 6):
        found = played(outage(seed, lambda number: number // 5 < 2), strategy)
        assert found.errors == 0
        assert found.storm <= 1.2


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["simple-shuffle", "least-busy"])
def test_half_of_the_deployments_accept_calls_and_never_answer(strategy: str) -> None:
    """Their silence speaks long before the first timeout (15 s): of the calls that came in the outage half would wait
    for one, 1.3 upstream calls each, and more than the retry budget allows."""
    found = played(outage(1, lambda number: number // 5 < 2, "hang"), strategy)
    assert found.errors == 0
    assert found.storm <= 1.2
    assert found.missed == 0


@pytest.mark.slow
def test_where_all_fail_the_budget_bounds_what_the_fleet_sends_them() -> None:
    """Nothing else does here: no deployment is ever cooled. A fifth of the requests, with those of the last seconds
    before it, and one a second besides."""
    scenario, settings = outage(2, lambda _: True), {"num_retries": 5, "disable_cooldowns": True}
    bounded = played(scenario, "simple-shuffle", retry_budget={"min_per_second": 1}, **settings)
    assert bounded.storm <= 1.2 + 10 * 0.2 / LASTS + 1.0 / RATE
    assert played(scenario, "simple-shuffle", retry_budget=False, **settings).storm > 3
