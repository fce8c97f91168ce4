"""What hedging is for: the slowest of the first contents, at a few percent of calls more."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from router_core.simulator.traces import Arrival
from tests.sim.figures import Figures, figures
from tests.sim.ours import Fleet, Strategy
from tests.sim.play import play
from tests.sim.world import Fault, Scenario, deployments_for

SECONDS = 60.0
CALLS = 1500


def brown_out(**arguments: Any) -> Figures:
    """A minute of fifty workers, in which one deployment of twenty is ten times slower for a third of it."""
    arrivals = [Arrival(SECONDS * number / CALLS, 400, 30) for number in range(CALLS)]
    deployments = deployments_for(arrivals, 1)
    slow = Fault("slow", deployments[2].id, 25.0, 45.0, 10.0)
    scenario = Scenario("brown-out", "", "", arrivals, deployments, (slow,), 1)
    strategy = Strategy("shuffle", {"routing_strategy": "simple-shuffle", **arguments})
    return figures(play(scenario, partial(Fleet, strategy)))


@pytest.mark.slow
def test_a_third_off_the_slowest_first_contents_for_a_twentieth_of_calls_more() -> None:
    alone, hedged = brown_out(), brown_out(hedge={"after": "p95", "budget": 0.05})
    print(
        f"p99 of TTFT {alone.ttft[2]:.2f} s, hedged {hedged.ttft[2]:.2f} s; calls {alone.load:.3f}, {hedged.load:.3f}"
    )
    assert hedged.ttft[2] <= 0.7 * alone.ttft[2]
    assert hedged.load <= alone.load + 0.05
    assert (alone.errors, hedged.errors) == (0, 0)
