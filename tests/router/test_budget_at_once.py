"""A dollar of a team, and two hundred calls at the same time of which nobody knows how long their answers will be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from router_core.errors import BudgetExceededError
from router_core.router import Router
from router_core.simulator import Behaviour, Upstream
from tests.router.rig import Make, entry, until

DOLLAR, AT_ONCE, LONGEST = 10**9, 200, 4000
PRICES: dict[str, Any] = {"input_cost_per_token": 3e-6, "output_cost_per_token": 15e-6}
TEAM: dict[str, Any] = {"scope": "team", "name": "red", "resource": "cost", "window": "1d", "amount": 1.0}


@dataclass
class Wave:
    """Calls that began together: how many, and in nano-dollars what was used before, reserved, and used then."""

    calls: int
    before: int
    reserved: int
    cost: int = 0


def call(dice: Random) -> dict[str, Any]:
    """A question of any length, and an answer of any length."""
    return {
        "messages": [{"role": "user", "content": "word " * dice.randint(1, 400)}],
        "extra_headers": {"x-sim-output-tokens": str(dice.randint(1, LONGEST))},
        "metadata": {"team_id": "red"},
        "max_wait": 0.0,
        "num_retries": 0,
    }


async def wave(router: Router, upstream: Upstream, dice: Random) -> Wave:
    """All ask at once; none has been answered when the last is admitted or refused."""
    arrived = upstream.log.arrived
    tasks = [asyncio.create_task(router.acompletion("m", **call(dice))) for _ in range(AT_ONCE)]
    await until(lambda: upstream.log.arrived - arrived + sum(task.done() for task in tasks) == AT_ONCE)
    [state] = await router.store.usage("team:red")
    assert state.used is not None
    found = Wave(state.inflight, state.used - state.reserved, state.reserved)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [one for one in answers if isinstance(one, BudgetExceededError)]
    assert len(refused) + found.calls == AT_ONCE, answers[:3]
    await router.store.flush()
    [state] = await router.store.usage("team:red")
    assert state.used is not None
    found.cost = state.used - found.before
    return found


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.parametrize(("reserve", "seconds"), [("estimate", 4.0), ("max", 1.0)])
async def test_above_a_budget_is_what_the_calls_in_flight_used_beyond_their_reservations(
    routers: Make, first: Upstream, url: str, reserve: str, seconds: float
) -> None:
    """With upper bounds, of the text's bytes and of what is sent as max_tokens: nothing."""
    first.behaviour, dice = Behaviour(latency=seconds), Random(5)
    router = routers([entry(first, "a", **PRICES)], limits=[TEAM | {"reserve": reserve}], redis_url=url)
    waves = list[Wave]()
    while not waves or waves[-1].calls:
        waves.append(await wave(router, first, dice))
        assert waves[-1].before + waves[-1].reserved <= DOLLAR or not waves[-1].calls
    spent, last = waves[-1].before, waves[-2]
    beyond = last.cost - last.reserved
    print(f"{reserve}: ${spent / DOLLAR:.3f} of calls {[one.calls for one in waves]}, ${beyond / DOLLAR:.3f} beyond")
    assert spent - DOLLAR <= beyond
    if reserve == "max":
        assert spent <= DOLLAR
        assert spent > 0.9 * DOLLAR
    else:
        assert spent >= DOLLAR
