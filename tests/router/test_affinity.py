"""Sessions, users and prompts find the deployment that served them before, through any worker."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

import httpx
import pytest
import redis

from router_core.choosing.affinity import Affinity
from router_core.config import Settings
from router_core.errors import BadRequestError
from router_core.options import split
from router_core.providers.base import KINDS, Call
from router_core.router import Router
from router_core.simulator import Upstream
from tests.router.rig import PROMPT, Make, entry
from tests.router.test_candidates import deployment, group
from tests.servers import Server

IDS = tuple(f"d{i}" for i in range(6))


class Settled(Random):
    """No exploration."""

    def random(self) -> float:
        return 0.5


def question(text: str, *turns: str) -> list[dict[str, str]]:
    roles = ("assistant", "user")
    return [{"role": "user", "content": text}, *({"role": roles[i % 2], "content": t} for i, t in enumerate(turns))]


def two(make: Make, upstream: Upstream, ids: tuple[str, ...] = IDS, **arguments: Any) -> list[Router]:
    """Two workers of one pool."""
    made = [make([entry(upstream, id) for id in ids], random=Settled(i), **arguments) for i in range(2)]
    made[1].store.engine = made[0].store.engine
    return made


async def served(router: Router, messages: Any = PROMPT, **options: Any) -> str:
    answer = await router.acompletion("m", messages, **options)
    return str(answer.deployment)


@pytest.mark.parametrize(
    "name",
    [
        {"session_id": "alice's session"},
        {"litellm_session_id": "alice's session"},
        {"metadata": {"session_id": "alice's session"}},
        {"session_id": 17},
    ],
)
async def test_a_session_stays_whatever_the_worker(routers: Make, first: Upstream, name: dict[str, Any]) -> None:
    one, other = two(routers, first, optional_pre_call_checks=["session_affinity"])
    home = await served(one, **name)
    for _ in range(8):
        assert await served(other, **name) == await served(one, **name) == home


async def test_a_providers_request_says_nothing_of_the_session() -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(200, json={"choices": [{"message": {"content": "Fine."}}]})

    model = {"model_name": "m", "litellm_params": {"model": "openai/m", "api_base": "http://u.test", "api_key": "k"}}
    async with Router(model_list=[model], transport=httpx.MockTransport(answer)) as router:
        await served(router, session_id="s1", litellm_session_id="s2", enable_tag_filtering=False)
    assert json.loads(sent[0]).keys() == {"model", "messages"}


async def test_sessions_are_spread(routers: Make, first: Upstream) -> None:
    one, other = two(routers, first, optional_pre_call_checks=["session_affinity"])
    homes = Counter([await served((one, other)[i % 2], session_id=f"s{i}") for i in range(60)])
    assert len(homes) == len(IDS)


async def test_a_user_stays_and_a_session_goes_before_its_user(routers: Make, first: Upstream) -> None:
    checks = ["deployment_affinity", "session_affinity"]
    one, other = two(routers, first, optional_pre_call_checks=checks)
    home = await served(one, user="alice")
    assert {await served(other, user="alice") for _ in range(8)} == {home}
    sessions = {i: await served(one, user="alice", session_id=f"s{i}") for i in range(20)}
    assert len(set(sessions.values())) > 1
    for i, at in sessions.items():
        assert await served(other, user="alice", session_id=f"s{i}") == at
    hashed = {"metadata": {"user_api_key_hash": "abc"}}
    home = await served(one, **hashed)
    assert {await served(other, user=f"u{i}", **hashed) for i in range(8)} == {home}


async def test_without_the_check_nothing_is_pinned(routers: Make, first: Upstream) -> None:
    one, _ = two(routers, first)
    assert len({await served(one, session_id="s", user="u") for _ in range(40)}) > 1


async def test_sessions_of_two_keys_may_have_the_same_name(routers: Make, first: Upstream) -> None:
    one, _ = two(routers, first, optional_pre_call_checks=["session_affinity"])
    names = [{"metadata": {"session_id": "s", "user_api_key_hash": str(i)}} for i in range(30)]
    assert len({await served(one, **name) for name in names}) > 1


async def test_a_group_may_have_affinities_of_its_own(routers: Make, first: Upstream) -> None:
    models = [*(entry(first, id) for id in IDS), *(entry(first, f"x{id}", "x") for id in IDS)]
    router = routers(
        models,
        optional_pre_call_checks=["session_affinity", "prompt_caching"],
        model_group_affinity_config={"x": ["deployment_affinity"]},
    )
    assert len({await served(router, session_id="s") for _ in range(10)}) == 1
    by_user = [await router.acompletion("x", PROMPT, user="u") for _ in range(10)]
    assert len({answer.deployment for answer in by_user}) == 1
    checks = Settings(
        optional_pre_call_checks=("session_affinity", "prompt_caching"),
        model_group_affinity_config={"x": ("deployment_affinity",)},
    ).checks_for
    assert sorted(checks("m")) == ["prompt_caching", "session_affinity"]
    assert sorted(checks("x")) == ["deployment_affinity", "prompt_caching"]


@pytest.mark.parametrize("session", [["s"], {"a": 1}, 1.5])
async def test_a_session_that_is_no_text_is_the_callers_fault(routers: Make, first: Upstream, session: Any) -> None:
    one, _ = two(routers, first, optional_pre_call_checks=["session_affinity"])
    with pytest.raises(BadRequestError, match="session"):
        await one.acompletion("m", PROMPT, session_id=session)


async def test_the_pool_holds_no_session_user_or_prompt(
    engine: Server, pool: str, routers: Make, first: Upstream
) -> None:
    checks = ["session_affinity", "deployment_affinity", "prompt_caching"]
    router = routers(
        [entry(first, id) for id in IDS],
        redis_url=engine.url,
        optional_pre_call_checks=checks,
        deployment_affinity_ttl_seconds=1234,
    )
    await served(router, question("my secret prompt"), session_id="my secret session")
    await served(router, question("my secret prompt"), user="my secret name")
    client = redis.Redis.from_url(engine.operator_url, decode_responses=True)
    names = list(client.scan_iter(match=f"rc:{{{pool}}}:*"))
    dumps = [client.get(name) if client.type(name) == "string" else "" for name in names]
    dumps += [json.dumps(client.hgetall(name)) for name in names if client.type(name) == "hash"]
    assert "secret" not in "".join([*names, *map(str, dumps)])
    pins = [name for name in names if ":pin:m:" in name]
    assert len(pins) == 2
    assert all(1200 < client.ttl(name) <= 1234 for name in pins)
    client.close()


async def test_a_conversation_finds_its_cache_through_any_worker(routers: Make, first: Upstream) -> None:
    one, other = two(routers, first, optional_pre_call_checks=["prompt_caching"])
    homes = {}
    for i in range(30):
        homes[i] = await served(one, question(f"conversation {i}"))
    assert len(set(homes.values())) == len(IDS)
    for i in range(30):
        assert await served(other, question(f"conversation {i}", "answer", "next")) == homes[i]


async def test_explored_prompts_go_anywhere(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, id) for id in IDS], optional_pre_call_checks=["prompt_caching"])
    router._wiring.decisions._questions._affinity._random = type("Always", (Random,), {"random": lambda _: 0.001})()
    assert len({await served(router, question("conversation")) for _ in range(40)}) > 1


async def test_where_the_first_place_fails_the_others_of_the_prompt_come_next(routers: Make, first: Upstream) -> None:
    async with Upstream() as broken:
        one, other = two(routers, first, optional_pre_call_checks=["prompt_caching"], cooldown_time=60.0)
        home = await served(one, question("conversation"))
        models = [entry(broken if id == home else first, id) for id in IDS]
        for worker in (one, other):
            worker.set_model_list(models)
        broken.fail(500)
        second = await served(other, question("conversation"))
        places = one._wiring.planner.groups["m"].places
        keys = [key for key, _ in places._found] or [key for key, _ in other._wiring.planner.groups["m"].places._found]
        assert places.first(keys[0], 2) == (home, second)


async def test_only_generating_calls_are_drawn_by_their_prompt() -> None:
    members = group([deployment(id) for id in IDS])
    affinity = Affinity(Settings(optional_pre_call_checks=("prompt_caching",)), Settled())
    options, _ = split({})
    drawn = {kind for kind in KINDS if affinity.of(members, Call(kind, {"input": "text"}), options, "").wishes}
    assert drawn == {"chat", "completion", "responses", "messages"}
    eligible = {"d1", "d2"}
    assert set(affinity.of(members, Call("chat", {"input": "text"}), options, "", eligible).wishes) == eligible


async def test_a_large_group_keeps_its_sessions_and_conversations(routers: Make, first: Upstream) -> None:
    ids = tuple(f"d{i}" for i in range(120))
    one, other = two(routers, first, ids, optional_pre_call_checks=["session_affinity", "prompt_caching"])
    for i in range(10):
        home = await served(one, session_id=f"s{i}")
        assert {await served(other, question(str(n)), session_id=f"s{i}") for n in range(5)} == {home}
        at = await served(one, question(f"conversation {i}"))
        assert await served(other, question(f"conversation {i}", "answer", "next")) == at


async def test_a_session_outside_of_the_sample_costs_one_question_more(routers: Make, first: Upstream) -> None:
    """It was claimed where the first places of its name had no room: nobody can know but the pool."""
    ids = tuple(f"d{i}" for i in range(120))
    one, other = two(routers, first, ids, optional_pre_call_checks=["session_affinity"])
    await one.snapshot()
    members = one._wiring.planner.groups["m"]
    options, _ = split({"session_id": "s"})
    wishes = one._wiring.decisions._questions._affinity.of(members, Call("chat", {}), options, "").wishes
    for id in wishes:
        await one.store.control("drain", id)
    home = await served(one, session_id="s")
    assert home not in wishes
    for id in wishes:
        await one.store.control("resume", id)
    for worker in (one, other, one, other):
        before = worker.store.verbs.get("acquire", 0)
        assert await served(worker, session_id="s") == home
        assert worker.store.verbs["acquire"] - before <= 2
    await one.store.control("drain", home)
    moved = await served(other, session_id="s")
    assert moved != home
    assert await served(one, session_id="s") == moved


async def test_a_routing_function_goes_before_the_prompt(routers: Make, first: Upstream) -> None:
    router = routers(
        [entry(first, id) for id in IDS],
        routing_strategy=lambda request, snapshot: "d3",
        optional_pre_call_checks=["prompt_caching"],
    )
    assert {await served(router, question(f"conversation {i}")) for i in range(10)} == {"d3"}


async def test_a_call_to_one_deployment_is_not_drawn_elsewhere(routers: Make, first: Upstream) -> None:
    one, _ = two(routers, first, optional_pre_call_checks=["session_affinity", "prompt_caching"])
    home = await served(one, session_id="s")
    other = next(id for id in IDS if id != home)
    answer = await one.acompletion(other, PROMPT, session_id="s")
    assert answer.deployment == other
    assert await served(one, session_id="s") == home
