"""What hedging is for: the slowest of the first contents, at a few percent of calls more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pytest

from router_core.simulator.traces import Arrival
from tests.sim.figures import Figures, figures
from tests.sim.ours import Fleet, Strategy
from tests.sim.play import play
from tests.sim.world import Deployment, Fault, Scenario, deployments_for

SECONDS = 60.0
CALLS = 1500
HEDGE = {"after": "p95", "budget": 0.05}

Befalls = Callable[[Sequence[Deployment]], tuple[Fault, ...]]


def hiccups(deployments: Sequence[Deployment]) -> tuple[Fault, ...]:
    """For half a minute somebody else is ten times slower in each second: nobody can learn who."""
    return tuple(Fault("slow", deployments[7 * n % 20].id, 20.0 + n, 21.0 + n, 10.0) for n in range(30))


def brown_out(deployments: Sequence[Deployment]) -> tuple[Fault, ...]:
    """One of twenty is ten times slower for twenty seconds."""
    return (Fault("slow", deployments[2].id, 25.0, 45.0, 10.0),)


def hang(deployments: Sequence[Deployment]) -> tuple[Fault, ...]:
    """One of twenty accepts calls for twenty seconds and never answers."""
    return (Fault("hang", deployments[2].id, 25.0, 45.0),)


def both(strategy: str, befalls: Befalls) -> tuple[Figures, Figures]:
    """A minute of fifty workers, without hedges and with."""
    arrivals = [Arrival(SECONDS * number / CALLS, 400, 30) for number in range(CALLS)]
    deployments = deployments_for(arrivals, 1)
    scenario = Scenario("hedging", "", "", arrivals, deployments, befalls(deployments), 1)
    plain = {"routing_strategy": strategy}
    alone, hedged = (
        figures(play(scenario, partial(Fleet, Strategy(strategy, arguments))))
        for arguments in (plain, {**plain, "hedge": HEDGE})
    )
    print(
        f"{strategy}, {befalls.__name__}: p99 of TTFT {alone.ttft[2]:.2f} s, hedged {hedged.ttft[2]:.2f} s; "
        f"calls {alone.load:.3f}, {hedged.load:.3f}"
    )
    return alone, hedged


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["simple-shuffle", "balanced"])
def test_a_third_off_the_slowest_first_contents_for_a_twentieth_of_calls_more(strategy: str) -> None:
    alone, hedged = both(strategy, hiccups)
    assert hedged.ttft[2] <= 0.7 * alone.ttft[2]
    assert hedged.load <= alone.load + 0.05
    assert (alone.errors, hedged.errors) == (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "befalls"), [("simple-shuffle", brown_out), ("balanced", brown_out), ("balanced", hang)]
)
def test_hedges_do_not_hide_from_the_fleet_who_is_slow(strategy: str, befalls: Befalls) -> None:
    """The slow one's calls are cancelled before anything can be learned of their length; so their loss counts."""
    alone, hedged = both(strategy, befalls)
    assert hedged.ttft[2] <= 1.02 * alone.ttft[2]
    assert hedged.load <= alone.load + 0.05
