"""Hedging: of a call and its copy the first answer counts, and nothing of the other one is left."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from router_core import hedging
from router_core.errors import BadRequestError, InternalServerError, RouterError
from router_core.hooks import AttemptEnded, AttemptStarted, Hedged
from router_core.providers.base import Call
from router_core.providers.callable import from_callable
from router_core.repeatable import repeatable
from router_core.router import Router
from router_core.simulator import Behaviour, Errors, SlowHeaders, Stall, Upstream
from router_core.state.records import Acquire
from router_core.streaming import Stream
from tests.config.helpers import entry as written
from tests.config.helpers import failure, loaded
from tests.router.percentile_kit import known, measured
from tests.router.rig import PROMPT, Make, Seen, entry, state_of, until

AT_ONCE = {"after": 0.02, "budget": 1.0}


@pytest.fixture
async def models(first: Upstream, second: Upstream) -> list[dict[str, Any]]:
    """The first hangs, and is asked first."""
    first.behaviour = replace(first.behaviour, faults=(SlowHeaders(),))
    return [entry(first, "one", rpm=1000, tpm=100_000), entry(second, "two", order=1, rpm=1000, tpm=100_000)]


async def clean(router: Router, *ids: str) -> None:
    """No call is in flight, here or in the pool."""
    for id in ids:
        assert (await state_of(router, id)).inflight == 0
    assert not router.store._process().worker.live


async def test_the_copy_answers_where_the_first_hangs(
    routers: Make, models: list[dict[str, Any]], first: Upstream
) -> None:
    seen = Seen()
    router = routers(models, hedge=AT_ONCE, hooks=[seen])
    answer = await router.acompletion("m", PROMPT)
    assert answer.deployment == "two"
    assert [(one.deployment, one.kind, one.reason) for one in answer.attempts] == [
        ("two", "ok", ""),
        ("one", "cancelled", "hedge_lost"),
    ]
    hidden = answer._hidden_params
    assert (hidden["hedged"], hidden["hedge_won"], hidden["attempted_retries"]) == (True, True, 0)
    assert seen.of(Hedged) == [Hedged("m", "two", "won")]
    assert not any(event.retry for event in seen.of(AttemptEnded))
    await clean(router, "one", "two")
    await until(lambda: len(first.log) == 1)
    assert first.log[0].end == "disconnected"


async def test_a_stream_is_copied_before_its_first_content_and_read_to_its_end(
    routers: Make, models: list[dict[str, Any]], first: Upstream
) -> None:
    first.behaviour = replace(first.behaviour, faults=(Stall(),))
    router = routers(models, hedge=AT_ONCE)
    stream = await router.acompletion("m", PROMPT, stream=True, max_tokens=8)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text
    assert (stream.deployment, stream._hidden_params["hedge_won"]) == ("two", True)
    await clean(router, "one", "two")


async def test_a_stream_that_has_begun_is_never_copied(
    routers: Make, models: list[dict[str, Any]], first: Upstream, second: Upstream
) -> None:
    first.behaviour = Behaviour(tokens_per_second=40)
    router = routers(models, hedge={"after": 0.05, "budget": 1.0})
    stream = await router.acompletion("m", PROMPT, stream=True, max_tokens=8)
    assert [chunk async for chunk in stream]
    assert (stream.deployment, second.log.arrived) == ("one", 0)


async def test_the_first_may_still_win(
    routers: Make, models: list[dict[str, Any]], first: Upstream, second: Upstream
) -> None:
    first.behaviour, second.behaviour = Behaviour(latency=0.15), Behaviour(faults=(SlowHeaders(),))
    seen = Seen()
    router = routers(models, hedge=AT_ONCE, hooks=[seen])
    answer = await router.acompletion("m", PROMPT)
    assert (answer.deployment, answer._hidden_params["hedged"], answer._hidden_params["hedge_won"]) == (
        "one", True, False,
    )  # fmt: skip
    assert [(one.deployment, one.reason) for one in answer.attempts] == [("one", ""), ("two", "hedge_lost")]
    assert [event.outcome for event in seen.of(Hedged)] == ["lost"]
    await clean(router, "one", "two")


async def test_who_is_fast_is_not_copied(routers: Make, models: list[dict[str, Any]], first: Upstream) -> None:
    first.heal()
    seen = Seen()
    router = routers(models, hedge={"after": 5.0, "budget": 1.0}, hooks=[seen])
    answer = await router.acompletion("m", PROMPT)
    assert (answer.deployment, answer._hidden_params["hedged"], seen.of(Hedged)) == ("one", False, [])


async def test_what_was_reserved_for_the_loser_stays_charged_and_the_winner_is_settled(
    routers: Make, models: list[dict[str, Any]]
) -> None:
    router = routers(models, hedge=AT_ONCE)
    answer = await router.acompletion("m", PROMPT, max_tokens=50)
    lost, won = await state_of(router, "one"), await state_of(router, "two")
    assert lost.used["requests/60"] == won.used["requests/60"] == 1
    assert lost.used["tokens/60"] > 50
    assert won.used["tokens/60"] == answer.usage.total_tokens
    assert (lost.failed, lost.health) == (0, "closed"), "to be slow once is no failure"


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


async def test_a_copy_that_fails_costs_the_call_nothing(
    routers: Make, models: list[dict[str, Any]], first: Upstream, second: Upstream
) -> None:
    first.behaviour = Behaviour(latency=0.2)
    second.fail(500)
    seen = Seen()
    router = routers(models, hedge=AT_ONCE, hooks=[seen])
    answer = await router.acompletion("m", PROMPT)
    assert (answer.deployment, [event.outcome for event in seen.of(Hedged)]) == ("one", ["lost"])
    await clean(router, "one", "two")


async def test_where_both_fail_the_caller_sees_the_first_error(
    routers: Make, models: list[dict[str, Any]], first: Upstream, second: Upstream
) -> None:
    first.behaviour = Behaviour(faults=(Errors(status=503, delay=0.1),))
    second.fail(500)
    seen = Seen()
    router = routers(models, hedge=AT_ONCE, hooks=[seen], num_retries=0)
    with pytest.raises(InternalServerError) as caught:
        await router.acompletion("m", PROMPT)
    assert caught.value.status_code == 503
    assert {one.deployment for one in caught.value.attempts} == {"one", "two"}
    assert [event.outcome for event in seen.of(Hedged)] == ["failed"]
    await clean(router, "one", "two")


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


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("patience", [0.0, 0.005, 0.03, 0.06])
async def test_a_caller_who_goes_away_leaves_neither_running(
    routers: Make, models: list[dict[str, Any]], first: Upstream, second: Upstream, stream: bool, patience: float
) -> None:
    second.behaviour, seen = first.behaviour, Seen()
    router = routers(models, hedge=AT_ONCE, hooks=[seen])
    await router.snapshot()
    call = asyncio.ensure_future(router.acompletion("m", PROMPT, stream=stream))
    await asyncio.sleep(patience)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert {event.outcome for event in seen.of(Hedged)} <= {"denied"}, "no copy has won or lost"
    assert len(seen.of(AttemptStarted)) == len(seen.of(AttemptEnded))
    await clean(router, "one", "two")
    for upstream in (first, second):
        await until(lambda upstream=upstream: len(upstream.log) == upstream.log.arrived)  # type: ignore[misc]


async def test_many_at_once_leave_nothing(
    routers: Make, models: list[dict[str, Any]], first: Upstream, second: Upstream
) -> None:
    """Calls and copies that end together, in whichever order."""
    for upstream in (first, second):
        upstream.behaviour = Behaviour(latency=0.03)
    router = routers(models, hedge={"after": 0.03, "budget": 1.0}, routing_strategy="least-busy")
    streams = [bool(i % 2) for i in range(60)]
    answers = await asyncio.gather(*(router.acompletion("m", PROMPT, stream=each) for each in streams))
    for answer in answers:
        assert not isinstance(answer, Stream) or [chunk async for chunk in answer]
    await clean(router, "one", "two")


async def test_blocking_calls_are_hedged_too(routers: Make, models: list[dict[str, Any]]) -> None:
    router = routers(models, hedge=AT_ONCE)
    answer = await asyncio.to_thread(router.completion, "m", PROMPT)
    assert (answer.deployment, answer._hidden_params["hedge_won"]) == ("two", True)


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


async def test_the_session_stays_where_it_was(routers: Make, models: list[dict[str, Any]], first: Upstream) -> None:
    router = routers(models, hedge=AT_ONCE, optional_pre_call_checks=["session_affinity"])
    first.heal()
    assert (await router.acompletion("m", PROMPT, session_id="s", hedge=False)).deployment == "one"
    first.behaviour = replace(first.behaviour, faults=(SlowHeaders(),))
    assert (await router.acompletion("m", PROMPT, session_id="s")).deployment == "two"
    first.heal()
    assert (await router.acompletion("m", PROMPT, session_id="s")).deployment == "one"


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


async def test_where_the_first_fails_nobody_asks_for_a_copy_any_more(
    routers: Make, models: list[dict[str, Any]], first: Upstream
) -> None:
    first.behaviour = Behaviour(faults=(Errors(status=500, delay=0.1),))
    seen = Seen()
    router = routers(models, hedge={"after": 0.02, "budget": 0.0}, num_retries=0, hooks=[seen])
    with pytest.raises(InternalServerError):
        await router.acompletion("m", PROMPT)
    assert [event.outcome for event in seen.of(Hedged)] == ["denied"]
    await clean(router, "one", "two")


async def test_a_loser_that_does_not_let_itself_be_cancelled_keeps_nobody_waiting(
    routers: Make, second: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hedging, "GRACE", 0.02)
    told, ended = asyncio.Event(), asyncio.Event()

    async def deaf(call: Call) -> str:
        try:
            await told.wait()
        except asyncio.CancelledError:
            await told.wait()
        ended.set()
        return "late"

    mine = {"model_name": "m", "litellm_params": {"model": "mine/x"}, "model_info": {"id": "one"}}
    router = routers([mine, entry(second, "two", order=1)], hedge=AT_ONCE, adapters={"mine": from_callable(deaf)})
    assert (await router.acompletion("m", PROMPT)).deployment == "two"
    assert not ended.is_set()
    told.set()
    await ended.wait()
    await until(lambda: not router.store._process().worker.live)
    await clean(router, "one", "two")
