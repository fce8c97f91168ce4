"""A strategy is tried beside the real one before it decides anything."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from router_core.config import Settings
from router_core.errors import ConfigurationError
from router_core.router import Router
from router_core.simulator import Upstream
from router_core.strategies import Strategy
from tests.router.rig import PROMPT, Make, entry, until

RANK = "-- Facts: weight\nreturn function(candidate) return candidate.id == 'two' and 0 or 1 end\n"


async def test_what_it_would_have_done_stands_in_the_snapshot(routers: Make, first: Upstream) -> None:
    mine = Strategy.from_lua("mine", RANK)
    models = [entry(first, "one"), entry(first, "two")]
    router = routers(models, strategies=[mine], shadow_strategy="mine", shadow_sample=1.0)
    served = [(await router.acompletion("m", PROMPT)).deployment for _ in range(30)]
    (state,) = (await router.snapshot()).shadows
    assert (state.group, state.strategy, state.calls, state.refused) == ("m", "mine", 30, 0)
    assert state.agreed == served.count("two")
    assert set(served) == {"one", "two"}, "it decides nothing"


async def test_a_part_of_the_decisions_asks_it(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")], shadow_strategy="least-busy", shadow_sample=0.5)
    for _ in range(60):
        await router.acompletion("m", PROMPT)
    (state,) = (await router.snapshot()).shadows
    assert 10 <= state.calls <= 50
    assert Settings(shadow_strategy="least-busy").shadow_sample == 0.1


async def test_metrics_show_it(routers: Make, first: Upstream, pool: str) -> None:
    registry = CollectorRegistry()
    router = routers([entry(first, "one")], shadow_strategy="least-busy", shadow_sample=1.0, metrics=registry)
    for _ in range(3):
        await router.acompletion("m", PROMPT)
    labels = {"pool": pool, "group": "m", "strategy": "least-busy"}
    name = "router_core_pool_shadow_decisions_total"
    await until(lambda: registry.get_sample_value(name, {**labels, "outcome": "agreed"}) == 3)
    assert registry.get_sample_value(name, {**labels, "outcome": "differed"}) == 0
    assert registry.get_sample_value(name, {**labels, "outcome": "refused"}) == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"shadow_strategy": "least-bussy"}, "shadow_strategy: .*least-busy"),
        ({"shadow_strategy": "custom"}, "shadow_strategy: .*without effect"),
        ({"shadow_strategy": "latency-based-routing", "shadow_strategy_args": {"tll": 3}}, "shadow_strategy: .*ttl"),
        ({"shadow_strategy": "least-busy", "shadow_sample": 1.5}, "shadow_sample"),
        ({"shadow_strategy": lambda request, snapshot: None}, "shadow_strategy"),
    ],
)
def test_a_shadow_that_cannot_be_is_an_error_at_once(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Router(model_list=[], redis_url="memory://", **arguments)
