"""What calls teach of a deployment's context window and of estimates."""

from __future__ import annotations

import pytest

from router_core.fits import Fit
from router_core.state.records import Lease, Refused
from tests.state.kit import Place, ask, declared, ended, serving, settled, tried


async def test_a_window_that_an_error_told_keeps_longer_calls_away(place: Place) -> None:
    store = await serving(place)
    await store.register([declared("a"), declared("b")])
    lease = await store.acquire(ask("a"))
    await settled(store, lease, outcome=ended("context_window", context_tokens=8192))
    assert place.column("context") == {"a": "8192"}
    assert (await store.snapshot()).deployments["a"].context_tokens == 8192
    for _ in range(8):
        assert (await store.acquire(ask("a", "b", input_tokens=10_241))).deployment == "b"
    assert isinstance(await tried(store, ask("a", input_tokens=10_240)), Lease), "estimates may be a quarter too high"
    answer = await tried(store, ask("a", input_tokens=10_241, max_wait=30.0))
    assert isinstance(answer, Refused)
    assert answer.refusals[0].reason == "too_large"
    assert [event.kind for event in await store.events()].count("context") == 1


async def test_a_longer_call_that_was_served_takes_it_back(place: Place) -> None:
    store = await serving(place)
    leases = [await store.acquire(ask()) for _ in range(3)]
    await settled(store, leases[0], outcome=ended("context_window", context_tokens=2000))
    await settled(store, leases[1], outcome=ended("ok", 1999, 1))
    assert place.column("context") == {"a": "2000"}
    await settled(store, leases[2], outcome=ended("ok", 2001, 1))
    assert place.column("context") == {}


async def test_estimates_are_learned_as_one_worker_would(place: Place) -> None:
    store, fit = await serving(place), Fit()
    told: list[tuple[str, float, float, float]] = []
    store.on_fit = lambda *words: told.append(words)
    for guess, tools, real in [(100, False, 180), (1000, True, 2400), (5000, False, 5600), (40, True, 900)] * 4:
        lease = await store.acquire(ask(input_tokens=guess))
        await settled(store, lease, outcome=ended("ok", real, 5, guess=guess, tools=tools))
        fit.learn(guess, tools, real)
    ratio, plain, plain_count, tool, tool_count = map(float, place.column("fit")["a"].split())
    assert ratio == pytest.approx(fit.ratio, rel=1e-6)
    assert told[-1] == ("a", ratio, plain, tool)
    assert (plain_count, tool_count) == (8, 8)


async def test_a_call_that_teaches_nothing_leaves_no_trace(place: Place) -> None:
    store = await serving(place)
    for outcome in (ended("ok", 5, 5), ended("server", guess=50), ended("ok", None, None, guess=50)):
        await settled(store, await store.acquire(ask()), outcome=outcome)
    assert place.column("fit") == place.column("context") == {}


async def test_garbage_costs_one_settle_its_lesson_and_nothing_is_half_done(place: Place) -> None:
    store = await serving(place, **{"tokens/60": 1000})
    lease = await store.acquire(ask(input_tokens=10))
    place.put("fit", "a", "x")
    before = place.dump()
    await settled(store, lease, outcome=ended("ok", 50, 5, guess=50))
    assert place.dump() == before
    place.do("HDEL", "fit", "a")
    await settled(store, lease, outcome=ended("ok", 50, 5, guess=50))
    assert place.inflight("a") == 0
