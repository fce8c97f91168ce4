"""peak-ewma, least-tokens, price-weighted and balanced through the scripts, on every engine.

Calls that nobody ends pile up in an order that the formula of a rank gives exactly; a shuffle has its proportions.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from router_core import strategies
from router_core.state.records import Outcome
from router_core.state.store import Store
from tests.state.kit import NOW, Place, ask, declared, settled
from tests.strategies.chance import FLAKE, p_value, wrong

STARTED_MS = 11_000  # slow start is over
CHEAP, DEAR = 10**9, 5 * 10**9


async def serving(place: Place, name: str, facts: Mapping[str, Mapping[str, Any]]) -> Store:
    """A worker that knows this strategy, its deployments well under way."""
    store = Store(place.url, pool=place.pool, ranks=strategies.sources([name]), engine=place.engine(), timeout=2.0)
    place.stores.append(store)
    await store.register([declared(id, **more) for id, more in facts.items()])
    place.move(STARTED_MS)
    return store


async def teach(store: Store, name: str, ms: Mapping[str, float]) -> None:
    """One answer of 100 tokens each: so many ms to the first token, as many for each token."""
    for id, each in ms.items():
        lease = await store.acquire(ask(id, strategy=name))
        await settled(store, lease, outcome=Outcome("ok", 101 * each, each, 10, 100, stream=True))


async def pile_up(store: Store, name: str, ids: str, times: int, **more: Any) -> str:
    """Where so many calls went that nobody ended."""
    leases = [await store.acquire(ask(*ids, strategy=name, **more)) for _ in range(times)]
    return "".join(lease.deployment for lease in leases)


async def test_peak_ewma_piles_up_by_the_wait(place: Place) -> None:
    store = await serving(place, "peak-ewma", {id: {} for id in "abc"})
    await teach(store, "peak-ewma", {"a": 100, "b": 230, "c": 490})
    assert await pile_up(store, "peak-ewma", "abc", 8, stream=True) == "aabaabca"
    assert await pile_up(store, "peak-ewma", "abc", 3, stream=True) == "aba", "600, 690, 700"


async def test_least_tokens_piles_up_by_work_and_barrier(place: Place) -> None:
    """a: 0.14 s a call and a limit of 10, 1 of it used; b: 0.31 s. Without the barrier it would be aabaabaa."""
    store = await serving(place, "least-tokens", {"a": {"limits": {"requests/60": 10}}, "b": {}})
    await teach(store, "least-tokens", {"a": 0.3, "b": 0.69})
    assert await pile_up(store, "least-tokens", "ab", 8, input_tokens=50, output_tokens=50) == "aababaab"


async def test_balanced_piles_up_by_time_and_price(place: Place) -> None:
    """b is as fast as a and 5 times as dear, so it counts as 2.24 times as slow; c is 1.6 times as slow."""
    cheap, dear = {"input_price": CHEAP, "output_price": CHEAP}, {"input_price": DEAR, "output_price": DEAR}
    store = await serving(place, "balanced", {"a": cheap, "b": dear, "c": cheap})
    await teach(store, "balanced", {"a": 1, "b": 1, "c": 1.6})
    assert await pile_up(store, "balanced", "abc", 8, input_tokens=50, output_tokens=50) == "acabacab"


@pytest.mark.slow
async def test_price_weighted_shares_by_the_inverse_square_of_the_price(place: Place) -> None:
    prices = {"a": 1.0, "b": 1.5, "c": 2.0}
    facts = {id: {"input_price": int(p * 1e9), "output_price": int(p * 1e9)} for id, p in prices.items()}
    store = await serving(place, "price-weighted", facts)
    request = ask(*prices, strategy="price-weighted", input_tokens=100, output_tokens=100)
    leases = [one for _ in range(40) for one in await asyncio.gather(*(store.acquire(request) for _ in range(250)))]
    weights = {id: 1 / price**2 for id, price in prices.items()}
    counts = Counter(lease.deployment for lease in leases)
    assert p_value(counts, weights) > FLAKE, counts
    assert p_value(counts, wrong(weights, "a", 1.3)) < FLAKE, "the test of the test"


async def test_price_weighted_stays_away_after_an_outage(place: Place) -> None:
    """The cheap one was out; while the other serves it has nothing but its probe, and 30 s later its share again."""
    facts = {id: {"input_price": price, "output_price": price} for id, price in (("a", CHEAP), ("b", DEAR))}
    store = await serving(place, "price-weighted", facts)
    lease = await store.acquire(ask("a", strategy="price-weighted"))
    await settled(store, lease, outcome=Outcome("server", 10.0, breaker=NOW))
    place.move(6_000)
    request = ask("a", "b", strategy="price-weighted", input_tokens=100, output_tokens=100)
    probe = await store.acquire(request)
    assert probe.probe
    await settled(store, probe)
    for after_ms, most in ((0, 0), (15_000, 0), (16_000, 200)):
        place.move(after_ms)
        leases = [await store.acquire(request) for _ in range(200)]
        served = sum(one.deployment == "a" for one in leases)
        assert (served == 0) if most == 0 else (served > 150), (after_ms, served)
        await settled(store, *leases)
