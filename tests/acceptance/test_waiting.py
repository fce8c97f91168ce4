"""Many calls wait for room: nobody is sent away who would have had his turn, no ticket is left, and turns are by
priority and fair between users.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from router_core import Router
from router_core.errors import NoDeploymentAvailable
from router_core.simulator import Upstream
from router_core.state.records import Acquire, Lease, Refused
from router_core.state.store import Store
from router_core.strategies import sources
from tests.servers import Server
from tests.state.kit import Place, ask, declared

PROMPT = [{"role": "user", "content": "hello"}]
MINUTE = {"requests/60": 1000, "tokens/60": 100_000}


async def _filled(place: Place) -> Store:
    """Half of the tokens come back in 5 s, the other half in 25 s."""
    store = place.store()
    await store.register([declared(limits=MINUTE)])
    await _all(store, [ask(input_tokens=5000)] * 10)
    place.move(20_000)
    await _all(store, [ask(input_tokens=5000)] * 10)
    place.move(35_000)
    await store.snapshot([])  # the worker hears what time it is now
    return store


async def _all(store: Store, requests: Sequence[Acquire]) -> list[Lease]:
    return list(await asyncio.gather(*map(store.acquire, requests)))


async def _still_wait(calls: Sequence[asyncio.Task[Lease]]) -> int:
    """How many of the calls keep their place in the queue."""
    await asyncio.sleep(0.3)
    waiting = sum(not call.done() for call in calls)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    return waiting


@pytest.fixture
def patient() -> dict[str, float]:
    return {"max_wait": 10.0}


async def test_a_large_call_is_not_refused_because_many_small_ones_are_before_it(
    pool: str, patient: dict[str, float]
) -> None:
    """30 of 100 tokens and one of 2,000: all of them fit into the 50,000 that come back within the wait."""
    place = Place("memory://", pool)
    place.freeze()
    store = await _filled(place)
    small = [asyncio.create_task(store.acquire(ask(input_tokens=100, **patient))) for _ in range(30)]
    await asyncio.sleep(0.1)
    large = asyncio.create_task(store.acquire(ask(input_tokens=2000, **patient)))
    assert await _still_wait([*small, large]) == 31
    await place.aclose()


async def test_a_small_call_is_not_refused_because_a_large_one_asked_in_the_same_batch(
    pool: str, patient: dict[str, float]
) -> None:
    """One of 5,000 tokens and 15 of 100 ask together: all of them fit into what comes back within the wait."""
    place = Place("memory://", pool)
    place.freeze()
    store = await _filled(place)
    sizes = [100, 5000, *[100] * 14]
    calls = [asyncio.create_task(store.acquire(ask(input_tokens=size, **patient))) for size in sizes]
    assert await _still_wait(calls) == len(sizes)
    await place.aclose()


async def test_calls_that_waited_in_vain_leave_no_ticket(valkey: Server, pool: str) -> None:
    """Also those behind the 64 that the scripts read of a queue at once."""
    store = Store(valkey.url, pool=pool, ranks=sources())
    await store.register([declared(limits={"concurrent": 1})])
    await store.acquire(ask())
    patient = [asyncio.create_task(store.acquire(ask(max_wait=30))) for _ in range(70)]
    await asyncio.sleep(0.1)
    found = await asyncio.gather(*(store.acquire(ask(max_wait=0.3)) for _ in range(10)), return_exceptions=True)
    assert {type(one) for one in found} == {Refused}
    with valkey.operator() as client:
        left = set(client.zrange(f"rc:{{{pool}}}:waiting:g", 0, -1))
    for call in patient:
        call.cancel()
    await asyncio.gather(*patient, return_exceptions=True)
    await store.aclose()
    assert sum(member[0] not in "~=" for member in left) == len(patient)


async def test_scheduled_calls_are_served_by_priority_and_in_turn(valkey: Server, pool: str) -> None:
    """One slot, taken; then five calls of one user, two of another, and one of priority 0 at last."""
    order: list[str] = []
    async with (
        Upstream() as upstream,
        Router(model_list=_one_slot(upstream), redis_url=valkey.url, pool=pool) as router,
    ):
        await router.snapshot()
        held = await router.store.acquire(Acquire("m", ("a",)))

        async def call(user: str, priority: int) -> None:
            await router.schedule_acompletion("m", PROMPT, priority, user=user, max_wait=20)
            order.append(user)

        calls = []
        for user, priority in [*[("greedy", 1)] * 5, *[("other", 1)] * 2, ("urgent", 0)]:
            calls.append(asyncio.create_task(call(user, priority)))
            await _waits(router, len(calls))
        router.store.cancel(held)
        await asyncio.gather(*calls)
    assert order == ["urgent", "greedy", "other", "greedy", "other", "greedy", "greedy", "greedy"]


async def test_an_error_says_the_place_and_how_many_wait(valkey: Server, pool: str) -> None:
    """A queue of at most two: the third is refused at once."""
    models = _one_slot(upstream=None)
    async with Router(model_list=models, redis_url=valkey.url, pool=pool, max_queue=2, max_wait=20) as router:
        await router.snapshot()
        await router.store.acquire(Acquire("m", ("a",)))
        calls = []
        for number in (1, 2):
            calls.append(asyncio.create_task(router.acompletion("m", PROMPT)))
            await _waits(router, number)
        with pytest.raises(NoDeploymentAvailable, match="2 before it of 2 that wait") as caught:
            await router.acompletion("m", PROMPT, num_retries=0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    assert (caught.value.place, caught.value.waiting, caught.value.earliest) == (2, 2, None)
    assert [refusal.reason for refusal in caught.value.refusals] == ["queue_full"]


def _one_slot(upstream: Upstream | None) -> list[dict[str, Any]]:
    url = "http://127.0.0.1:9" if upstream is None else upstream.url
    params = {"model": "openai/sim", "api_base": url, "api_key": "key", "max_parallel_requests": 1}
    return [{"model_name": "m", "litellm_params": params, "model_info": {"id": "a"}}]


async def _waits(router: Router, count: int) -> None:
    async with asyncio.timeout(10):
        while (await router.snapshot()).waiting["m"] < count:  # noqa: ASYNC110 (the tickets are in Redis)
            await asyncio.sleep(0.01)
