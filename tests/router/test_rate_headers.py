"""A router before an upstream whose quota somebody else uses too: its answers say so, and the pool believes them."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import httpx
import pytest

from router_core.errors import RouterError
from router_core.monitoring import observing
from router_core.monitoring.observing import Observer
from router_core.router import Router
from router_core.simulator import Dialect, Upstream
from router_core.state.records import Heard
from tests.router.rig import PROMPT, Make, entry, state_of

MANY = {"disable_cooldowns": True, "num_retries": 0, "routing_strategy": "least-busy"}


async def foreign(upstream: Upstream, calls: int) -> None:
    """Somebody else with the same account."""
    async with httpx.AsyncClient() as client:
        body = {"model": "sim", "messages": PROMPT, "max_tokens": 1}
        for _ in range(calls):
            await client.post(f"{upstream.url}/chat/completions", json=body)


def behave(upstream: Upstream, **changes: Any) -> None:
    upstream.behaviour = dataclasses.replace(upstream.behaviour, **changes)


async def call(router: Router, **more: Any) -> str:
    """The id of who served, or the class of the error."""
    try:
        return str((await router.acompletion(model="m", messages=PROMPT, max_tokens=1, **more)).deployment)
    except RouterError as error:
        return type(error).__name__


def refused(upstream: Upstream) -> int:
    return sum(visit.status == 429 for visit in upstream.log)


async def steady(router: Router, calls: int, pause: float = 0.02) -> list[str]:
    """Calls one after the other begun, whether or not those before have ended."""
    tasks = []
    for _ in range(calls):
        tasks.append(asyncio.create_task(call(router)))
        await asyncio.sleep(pause)
    return await asyncio.gather(*tasks)


@pytest.mark.slow
@pytest.mark.parametrize("says", [False, True])
async def test_somebody_else_on_the_account(routers: Make, first: Upstream, second: Upstream, says: bool) -> None:
    """Of 60 a minute somebody else has had 30. Whom the headers tell asks for what is left, and the rest goes on to
    the next deployment without having been refused first."""
    behave(first, rpm=60, dialect=Dialect(rate_headers=says), latency=0.02)
    router = routers([entry(first, "a", rpm=60), entry(second, "b", order=2)], **MANY)
    await foreign(first, 30)
    served = await steady(router, 90)
    assert served.count("a") == 30
    if says:
        assert refused(first) <= 3
        assert served.count("b") == 90 - 30 - refused(first)
        assert (await state_of(router, "a")).observed["requests/60"].foreign > 20
    else:
        assert refused(first) == 30


async def test_it_is_seen_in_streams_before_they_end(routers: Make, first: Upstream, second: Upstream) -> None:
    behave(first, rpm=60, tokens_per_second=1.0, output_tokens=60)
    router = routers([entry(first, "a", rpm=60), entry(second, "b", order=2)], **MANY)
    await foreign(first, 45)
    stream = await router.acompletion(model="m", messages=PROMPT, stream=True)
    async with stream:
        assert (await state_of(router, "a")).observed["requests/60"].foreign == 45


async def test_others_tokens_are_seen_too(routers: Make, first: Upstream) -> None:
    behave(first, tpm=1000)
    router = routers([entry(first, "a", tpm=1000)], **MANY)
    async with httpx.AsyncClient() as client:
        body = {"model": "sim", "messages": PROMPT, "max_tokens": 800}
        await client.post(f"{first.url}/chat/completions", json=body)
    await call(router)
    state = await state_of(router, "a")
    assert 790 <= state.observed["tokens/60"].foreign <= 820


async def test_a_429_is_not_charged_where_its_headers_say_what_is(routers: Make, first: Upstream) -> None:
    behave(first, rpm=5)
    router = routers([entry(first, "a", rpm=50, tpm=100_000)], **MANY)
    await foreign(first, 5)
    assert await call(router) == "RateLimitError"
    state = await state_of(router, "a")
    assert state.observed["requests/60"].foreign == 50, "nothing is left, so there is no room"
    assert (state.used["requests/60"], state.used["tokens/60"]) == (50, 0)
    assert await call(router) == "NoDeploymentAvailable"
    assert refused(first) == 1


async def test_a_429_without_headers_stays_charged(routers: Make, first: Upstream) -> None:
    behave(first, rpm=5, dialect=Dialect(rate_headers=False))
    router = routers([entry(first, "a", rpm=50, tpm=100_000)], **MANY)
    await foreign(first, 5)
    assert await call(router) == "RateLimitError"
    state = await state_of(router, "a")
    assert (state.used["requests/60"], dict(state.observed)) == (1, {})
    assert state.used["tokens/60"] > 0


@pytest.mark.slow
async def test_the_providers_limit_is_believed_and_unset_ones_are_found(
    routers: Make, first: Upstream, second: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "TOLD", 0.0)
    monkeypatch.setattr(observing, "LOOKED", 0.0)
    monkeypatch.setattr(observing, "SECOND", 1.1)
    behave(first, rpm=40, tpm=5000)
    behave(second, rpm=30, tpm=7000)
    router = routers([entry(first, "a", rpm=100), entry(second, "b", discover=True)], **MANY)
    for pause in (0.0, 0.0, 1.2, 0.0):
        await asyncio.sleep(pause)
        for id in ("a", "b"):
            assert await call(router, specific_deployment=id) == id
    assert (await state_of(router, "a")).limits == {"requests/60": 40}
    assert (await state_of(router, "b")).limits == {"requests/60": 30, "tokens/60": 7000}
    events = [event for event in await router.store.events() if event.kind == "limit-observed"]
    assert {event.deployment for event in events} == {"a", "b"}
    assert len(events) == 2


def heard(observer: Observer, limit: int, remaining: int) -> tuple[Heard, ...]:
    found = {"x-ratelimit-limit-requests": str(limit), "x-ratelimit-remaining-requests": str(remaining)}
    return observer.answered("a", httpx.Headers(found))


class TestWhatIsWorthTelling:
    @pytest.fixture
    def time(self) -> list[float]:
        return [1000.0]

    @pytest.fixture
    def observer(self, routers: Make, first: Upstream, time: list[float]) -> Observer:
        router = routers([entry(first, "a", rpm=100), entry(first, "none")], **MANY)
        return Observer(router._wiring.deployments, clock=lambda: time[0])

    async def test_little_is_told_and_seldom(self, observer: Observer, time: list[float]) -> None:
        assert heard(observer, 100, 50) == ()
        time[0] += 1
        assert heard(observer, 1000, 50) == (), "there is more than we want"
        time[0] += 1
        assert heard(observer, 100, 49) == (Heard("requests/60", 100, 49),)
        assert heard(observer, 100, 48) == (), "a moment ago"
        time[0] += 2.1
        assert len(heard(observer, 100, 47)) == 1
        assert observer.answered("none", httpx.Headers({"x-ratelimit-limit-requests": "1"})) == ()
        assert observer.answered("unknown", httpx.Headers()) == ()

    async def test_a_lower_limit_twice_and_then_now_and_then(self, observer: Observer, time: list[float]) -> None:
        told = []
        for second in range(1300):
            told += [second] if heard(observer, 90, 90) else []
            time[0] += 1
        assert told == [0, 2, 602, 1202]
        assert len(heard(observer, 80, 80)) == 1
        time[0] += 2.1
        assert len(heard(observer, 200, 200)) == 1, "it was lower, so now the pool has to know"


async def test_retry_after_concerns_those_that_are_metered_together(routers: Make, first: Upstream) -> None:
    """The same model of one account: yes. Another model, which has limits of its own: if the account is named."""
    behave(first, rpm=1)
    key = {"api_key": "one-key"}
    named = {"info": {"account": "acme"}}
    router = routers(
        [
            entry(first, "a", **key), entry(first, "a2", **key),
            entry(first, "same", "n", **key), entry(first, "another", "n", **key, model="openai/other"),
            entry(first, "theirs", "n", api_key="another-key"),
            entry(first, "x", "o", **named), entry(first, "y", "o", model="openai/other", **named),
        ],
        num_retries=0,
    )  # fmt: skip
    await foreign(first, 1)
    assert await call(router, specific_deployment="a") == "RateLimitError"
    await router.store.flush()
    states = (await router.snapshot()).deployments
    assert {id for id, state in states.items() if state.health == "open"} == {"a", "a2", "same"}
    assert 50 < states["same"].cooling <= 60
    with pytest.raises(RouterError):
        await router.acompletion(model="o", messages=PROMPT, specific_deployment="x")
    await router.store.flush()
    states = (await router.snapshot()).deployments
    assert {id for id, state in states.items() if state.health == "open"} == {"a", "a2", "same", "x", "y"}
