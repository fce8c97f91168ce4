"""Routing functions of the user's own, and tokens and snapshots they rest on."""

from __future__ import annotations

import time
from typing import Any

import pytest

from router_core.choosing.custom import RouteRequest
from router_core.errors import ConfigurationError
from router_core.estimating.tokens import OutputLengths, input_tokens
from router_core.hooks import CustomFailed
from router_core.router import Router
from router_core.simulator import Upstream
from router_core.state.records import Snapshot
from router_core.strategies import Strategy
from tests.router.rig import PROMPT, Make, Seen, entry, until


async def test_a_function_sees_the_request_and_a_snapshot_and_is_obeyed(routers: Make, first: Upstream) -> None:
    asked: list[tuple[RouteRequest, Snapshot]] = []

    def by_tier(request: RouteRequest, snapshot: Snapshot) -> str:
        asked.append((request, snapshot))
        return "paid" if request.user == "vip" else "free"

    router = routers([entry(first, "paid"), entry(first, "free")], routing_strategy=by_tier)
    for _ in range(5):
        answer = await router.acompletion("m", PROMPT, user="vip", metadata={"tags": ["x"], "k": 1})
        assert answer.deployment == "paid"
        assert (await router.acompletion("m", PROMPT)).deployment == "free"
    request, snapshot = asked[0]
    assert (request.model, request.messages, request.user, request.tags) == ("m", PROMPT, "vip", ("x",))
    assert request.metadata["k"] == 1
    assert set(snapshot.deployments) == {"paid", "free"}
    assert "hello" not in repr(request)


async def test_an_async_function_and_litellms_spelling(routers: Make, first: Upstream) -> None:
    async def f(request: RouteRequest, snapshot: Snapshot) -> list[str]:
        return ["two", "one"]

    models = [entry(first, "one", rpm=1), entry(first, "two", rpm=1)]
    router = routers(models, routing_strategy="custom", routing_strategy_args={"callable": f})
    assert (await router.acompletion("m", PROMPT)).deployment == "two"
    assert (await router.acompletion("m", PROMPT)).deployment == "one"  # the first wish has no room any more


@pytest.mark.parametrize("answer", [None, "unknown-id", 7, ValueError("quotes the prompt")])
async def test_nothing_usable_means_the_default_strategy(
    routers: Make, first: Upstream, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def f(request: RouteRequest, snapshot: Snapshot) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    seen = Seen()
    router = routers([entry(first, "one")], routing_strategy=f, hooks=[seen])
    assert (await router.acompletion("m", PROMPT)).deployment == "one"
    assert len(seen.of(CustomFailed)) == int(answer is not None)
    assert "quotes the prompt" not in caplog.text


async def test_a_function_costs_no_operation_more(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")], routing_strategy=lambda request, snapshot: "one")
    await router.acompletion("m", PROMPT)
    await router.store.flush()
    before = router.store.operations[0]
    for _ in range(10):
        await router.acompletion("m", PROMPT)
    await router.store.flush()
    assert router.store.operations[0] - before == 20


async def test_the_snapshot_is_refreshed_in_the_background(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")], routing_strategy=lambda request, snapshot: None)
    await router.acompletion("m", PROMPT)
    taken = router._parts.watch._taken
    await until(lambda: router._parts.watch._taken > taken)
    assert time.monotonic() - router._parts.watch._taken < 1.0


def test_a_function_with_other_arguments_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="snapshot"):
        Router(model_list=[], routing_strategy=lambda request: None, redis_url="memory://")


async def test_ones_own_rank_in_lua(routers: Make, first: Upstream) -> None:
    rank = "-- Facts: weight\nreturn function(candidate) return candidate.id == 'two' and 0 or 1 end\n"
    models = [entry(first, "one"), entry(first, "two")]
    router = routers(models, routing_strategy="mine", strategies=[Strategy.from_lua("mine", rank)])
    for _ in range(10):
        assert (await router.acompletion("m", PROMPT)).deployment == "two"


async def test_a_large_group_serves(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, f"d{i}", weight=1.0) for i in range(100)])
    for strategy in ("simple-shuffle", "least-busy"):
        used = {(await router.acompletion("m", PROMPT, routing_strategy=strategy)).deployment for _ in range(30)}
        assert len(used) > 10


async def test_drained_members_of_a_large_group_are_left_out(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, f"d{i}", weight=1.0) for i in range(40)])
    await router.snapshot()
    for i in range(39):
        await router.store.control("drain", f"d{i}")
    for _ in range(5):
        assert (await router.acompletion("m", PROMPT)).deployment == "d39"


def test_tokens_are_a_quarter_of_the_characters_and_four_a_message() -> None:
    assert input_tokens({"messages": [{"role": "user", "content": "x" * 400}]}) == 104
    assert input_tokens({"input": ["x" * 40, "y" * 40]}) == 20
    assert input_tokens({"input": [1, 2, 3]}) == 3
    parts = [{"type": "text", "text": "x" * 40}, {"type": "image_url", "image_url": {"url": "data:" + "x" * 10**6}}]
    assert 700 < input_tokens({"messages": [{"role": "user", "content": parts}]}) < 900


def test_the_length_of_answers_is_learned_and_bounded_by_the_caller() -> None:
    lengths = OutputLengths()
    assert lengths.expect("g", {"max_tokens": 10}) == 10
    for _ in range(200):
        lengths.learn("g", 1000)
    assert lengths.expect("g", {}) == 1000
    assert lengths.expect("g", {"n": 2}) == 2000
    assert lengths.expect("g", {"max_tokens": 10}) == 10
