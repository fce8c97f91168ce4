"""When a call gets a copy: what may be made twice, after how long, and as far as the fleet's budget goes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from router_core.errors import BadRequestError, InternalServerError, RouterError
from router_core.hooks import Hedged
from router_core.providers.base import Call
from router_core.repeatable import repeatable
from router_core.router import Router
from router_core.simulator import Behaviour, Errors, Stall, Upstream
from router_core.state.records import Acquire
from tests.config.helpers import entry as written
from tests.config.helpers import failure, loaded
from tests.router.hedging_kit import AT_ONCE, clean, hanging
from tests.router.percentile_kit import known, measured
from tests.router.rig import PROMPT, Make, Seen, entry, state_of


@pytest.fixture
async def models(first: Upstream, second: Upstream) -> list[dict[str, Any]]:
    return hanging(first, second)


async def test_a_stream_that_has_begun_is_never_copied(
    routers: Make, models: list[dict[str, Any]], first: Upstream, second: Upstream
) -> None:
    first.behaviour = Behaviour(tokens_per_second=40)
    router = routers(models, hedge={"after": 0.05, "budget": 1.0})
    stream = await router.acompletion("m", PROMPT, stream=True, max_tokens=8)
    assert [chunk async for chunk in stream]
    assert (stream.deployment, second.log.arrived) == ("one", 0)


async def test_who_is_fast_is_not_copied(routers: Make, models: list[dict[str, Any]], first: Upstream) -> None:
    first.heal()
    seen = Seen()
    router = routers(models, hedge={"after": 5.0, "budget": 1.0}, hooks=[seen])
    answer = await router.acompletion("m", PROMPT)
    assert (answer.deployment, answer._hidden_params["hedged"], seen.of(Hedged)) == ("one", False, [])


async def test_the_copy_needs_room_like_any_call(routers: Make, models: list[dict[str, Any]], first: Upstream) -> None:
    first.behaviour = Behaviour(latency=0.15)
    models[1]["litellm_params"]["tpm"] = 1
    seen = Seen()
    router = routers(models, hedge=AT_ONCE, hooks=[seen])
    answer = await router.acompletion("m", PROMPT)
    assert (answer.deployment, answer._hidden_params["hedged"]) == ("one", False)
    assert seen.of(Hedged) == [Hedged("m", None, "no_room")]
    await clean(router, "one", "two")


async def test_without_budget_the_call_goes_on_alone(
    routers: Make, models: list[dict[str, Any]], first: Upstream, second: Upstream
) -> None:
    first.behaviour = Behaviour(latency=0.1)
    registry, seen = CollectorRegistry(), Seen()
    router = routers(models, hedge={"after": 0.02, "budget": 0.0}, hooks=[seen], metrics=registry)
    assert (await router.acompletion("m", PROMPT)).deployment == "one"
    assert (seen.of(Hedged), second.log.arrived) == ([Hedged("m", None, "denied")], 0)
    labels = {"pool": router.store.keys.pool, "group": "m", "outcome": "denied"}
    assert registry.get_sample_value("router_core_hedges_total", labels) == 1


async def test_a_call_is_copied_once_however_often_it_is_retried(
    routers: Make, models: list[dict[str, Any]], first: Upstream, second: Upstream
) -> None:
    for upstream in (first, second):
        upstream.behaviour = Behaviour(faults=(Errors(status=500, delay=0.06),))
    router = routers(models, hedge=AT_ONCE, num_retries=3, disable_cooldowns=True)
    with pytest.raises(InternalServerError) as caught:
        await router.acompletion("m", PROMPT)
    assert len(caught.value.attempts) == 5, "one call, three retries, one copy"
    await clean(router, "one", "two")


async def test_a_call_says_itself_whether_and_when(
    routers: Make, models: list[dict[str, Any]], first: Upstream
) -> None:
    first.behaviour = Behaviour(latency=0.15)
    router, eager = routers(models), routers(models, hedge=AT_ONCE)
    assert (await router.acompletion("m", PROMPT)).deployment == "one"
    assert (await router.acompletion("m", PROMPT, hedge=AT_ONCE)).deployment == "two"
    assert (await eager.acompletion("m", PROMPT, hedge=False)).deployment == "one"
    assert (await eager.acompletion("m", PROMPT, hedge={"after": 4, "budget": 1})).deployment == "one"
    for wrong, field in (({"after": "p0"}, "hedge.after"), ({"budgt": 1}, "hedge.budgt"), ("p95", "hedge")):
        with pytest.raises(BadRequestError, match=f"^{field}: "):
            await router.acompletion("m", PROMPT, hedge=wrong)


async def test_the_copy_begins_after_the_percentile_that_the_fleet_measured(
    routers: Make, models: list[dict[str, Any]]
) -> None:
    router = routers(models, hedge={"after": "p95", "budget": 1.0})
    await measured(router, "one", "two", seconds=0.03)
    assert await known(router) == pytest.approx(0.03, rel=0.05)
    assert (await router.acompletion("m", PROMPT)).deployment == "two"
    timings = (await state_of(router, "one")).timings
    assert timings is not None
    assert timings.latency.count == 101, "it took at least so long: what is usual must not shrink from hedge to hedge"


async def test_streams_go_by_the_time_to_their_first_content(
    routers: Make, models: list[dict[str, Any]], first: Upstream
) -> None:
    first.behaviour = replace(first.behaviour, faults=(Stall(),))
    router = routers(models, hedge={"after": "p95", "budget": 1.0})
    await measured(router, "one", "two", seconds=5.0, first=0.04)
    assert await known(router, stream=True) == pytest.approx(0.04, rel=0.05)
    async with await router.acompletion("m", PROMPT, stream=True) as stream:
        assert stream.deployment == "two"
    timings = (await state_of(router, "one")).timings
    assert timings is not None
    assert (timings.ttft.count, timings.latency.count) == (101, 100), "how long all of it would have taken nobody knows"


async def test_before_enough_calls_were_measured_nothing_is_copied(
    routers: Make, models: list[dict[str, Any]], first: Upstream
) -> None:
    first.behaviour = Behaviour(latency=0.1)
    router = routers(models, hedge={"after": "p80", "budget": 1.0})
    await measured(router, "one", seconds=0.01, calls=18)
    assert (await router.acompletion("m", PROMPT)).deployment == "one"
    await measured(router, "one", seconds=0.01, calls=1)
    await known(router, percent=80)
    assert (await router.acompletion("m", PROMPT)).deployment == "two"


@pytest.mark.parametrize(
    ("kind", "body", "may"),
    [
        ("chat", {"messages": PROMPT}, True),
        ("chat", {"tools": [{"type": "function", "function": {"name": "f"}}]}, True),
        ("chat", {"tools": [{"type": "web_search"}]}, False),
        ("chat", {"store": True}, False),
        ("chat", {"store": False}, True),
        ("messages", {"tools": [{"name": "f", "input_schema": {}}]}, True),
        ("messages", {"tools": [{"type": "code_execution_20250522", "name": "code_execution"}]}, False),
        ("messages", {"mcp_servers": [{"url": "x"}]}, False),
        ("messages", {"container": "c"}, False),
        ("responses", {"input": "x"}, False),
        ("responses", {"input": "x", "store": False}, True),
        ("responses", {"store": False, "previous_response_id": "r"}, False),
        ("responses", {"store": False, "background": True}, False),
        ("responses", {"store": False, "conversation": "c"}, False),
        ("embedding", {"input": "x"}, True),
        ("image_generation", {"prompt": "x"}, False),
        ("speech", {"input": "x"}, False),
        ("transcription", {}, False),
    ],
)
def test_what_may_be_made_twice(kind: Any, body: dict[str, Any], may: bool) -> None:
    assert repeatable(Call(kind=kind, body=body)) is may


async def test_a_call_that_belongs_to_one_deployment_is_not_copied(
    routers: Make, models: list[dict[str, Any]], second: Upstream
) -> None:
    router = routers(models, hedge=AT_ONCE)
    with pytest.raises(RouterError):
        await router.acompletion("one", PROMPT, timeout=0.1)
    assert second.log.arrived == 0


def test_the_configuration_is_typed_and_errors_name_the_field() -> None:
    settings = loaded(written("a"), hedge=True, model_group_hedge={"a": {"after": "1.5", "budget": 0.2}})[0]
    of_a, other = settings.hedge_for("a"), settings.hedge_for("b")
    assert of_a is not None and (of_a.after, of_a.percent, of_a.budget) == (1.5, None, 0.2)  # noqa: PT018
    assert other is not None and (other.after, other.percent, other.budget) == ("p95", 95, 0.05)  # noqa: PT018
    assert (settings.measures("a"), settings.measures("b")) == (False, True)
    assert loaded(written("a"), hedge=True, model_group_hedge={"a": False})[0].hedge_for("a") is None
    assert failure(hedge={"after": "p100"}).startswith('hedge.after: must be a percentile from "p1" to "p99"')
    assert failure(hedge={"after": 0}).startswith("hedge.after: ")
    assert failure(hedge={"after": 1, "budget": 1.5}).startswith("hedge.budget: ")
    assert failure(hedge={"affter": 1}) == "hedge.affter: unknown key, did you mean 'after'?"
    assert failure(model_group_hedge={"a": {"after": True}}).startswith("model_group_hedge.a.after: ")


async def test_a_copy_goes_to_nobody_who_failed_before(
    routers: Make, models: list[dict[str, Any]], first: Upstream, second: Upstream
) -> None:
    """Three of a group: the first fails, the second hangs, the copy goes to the third."""
    second.behaviour = first.behaviour
    async with Upstream() as third:
        first.behaviour = Behaviour()
        first.fail(500)
        models.append(entry(third, "three", order=2, rpm=1000, tpm=100_000))
        router = routers(models, hedge=AT_ONCE, disable_cooldowns=True)
        answer = await router.acompletion("m", PROMPT)
        assert answer.deployment == "three"
        assert first.log.arrived == 1
        assert (await router.store.acquire(Acquire("m", ("one",)))).deployment == "one"


@pytest.mark.slow
async def test_the_budget_is_the_fleets(
    models: list[dict[str, Any]], first: Upstream, any_engine: str, pool: str
) -> None:
    """Four workers, every call slow: a tenth of all calls at most are made twice, and nearly that many are."""
    first.behaviour = Behaviour(latency=0.05)
    hedge = {"after": 0.01, "budget": 0.1}
    fleet = [Router(model_list=models, redis_url=any_engine, pool=pool, hedge=hedge) for _ in range(4)]
    await asyncio.gather(*(router.snapshot() for router in fleet))
    answers = []
    for _ in range(10):
        answers += await asyncio.gather(*(router.acompletion("m", PROMPT) for router in fleet for _ in range(5)))
    copies = sum(answer._hidden_params["hedged"] for answer in answers)
    assert copies <= 20
    assert copies >= 10, "what workers have not told of yet makes it smaller"
    for router in fleet:
        await clean(router, "one", "two")
        await router.aclose()


async def test_who_still_waits_may_have_what_is_kept_of_the_budget(
    routers: Make, models: list[dict[str, Any]], first: Upstream
) -> None:
    """Twenty requests are worth one copy: too few for who is a little late, enough for who asks again."""
    hangs, first.behaviour = first.behaviour, Behaviour()
    seen = Seen()
    router = routers(models, hedge={"after": 0.05, "budget": 0.05}, hooks=[seen])
    for _ in range(20):
        assert (await router.acompletion("m", PROMPT)).deployment == "one"
    first.behaviour = hangs
    before = router.store.verbs["acquire"]
    assert (await router.acompletion("m", PROMPT)).deployment == "two"
    assert router.store.verbs["acquire"] - before == 3, "one for the call, two for its copy"
    assert seen.of(Hedged) == [Hedged("m", "two", "won")]
