"""Hedging: of a call and its copy the first answer counts, and nothing of the other one is left."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from router_core import hedging
from router_core.errors import InternalServerError
from router_core.hooks import AttemptEnded, AttemptStarted, Hedged
from router_core.providers.base import Call
from router_core.providers.callable import from_callable
from router_core.simulator import Behaviour, Errors, SlowHeaders, Stall, Upstream
from router_core.streaming import Stream
from tests.router.hedging_kit import AT_ONCE, clean, hanging
from tests.router.rig import PROMPT, Make, Seen, entry, state_of, until


@pytest.fixture
async def models(first: Upstream, second: Upstream) -> list[dict[str, Any]]:
    return hanging(first, second)


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


@pytest.mark.slow
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


async def test_the_session_stays_where_it_was(routers: Make, models: list[dict[str, Any]], first: Upstream) -> None:
    router = routers(models, hedge=AT_ONCE, optional_pre_call_checks=["session_affinity"])
    first.heal()
    assert (await router.acompletion("m", PROMPT, session_id="s", hedge=False)).deployment == "one"
    first.behaviour = replace(first.behaviour, faults=(SlowHeaders(),))
    assert (await router.acompletion("m", PROMPT, session_id="s")).deployment == "two"
    first.heal()
    assert (await router.acompletion("m", PROMPT, session_id="s")).deployment == "one"


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
