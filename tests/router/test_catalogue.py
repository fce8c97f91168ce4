"""LiteLLM's methods that change the list or the settings of a living router."""

from __future__ import annotations

import pytest

from router_core import BadRequestError, ConfigurationError, Router
from router_core.simulator import Upstream

HELLO = [{"role": "user", "content": "Hello"}]


def entry(url: str, id: str | None = None, group: str = "m", **params: object) -> dict[str, object]:
    made: dict[str, object] = {
        "model_name": group,
        "litellm_params": {"model": "openai/m", "api_key": "k", "api_base": url, **params},
    }
    if id is not None:
        made["model_info"] = {"id": id}
    return made


async def test_a_deployment_added_serves_the_next_call_and_a_deleted_one_does_not() -> None:
    async with Upstream() as one, Upstream() as two, Router(model_list=[entry(one.url, "one")]) as router:
        assert (await router.acompletion("m", HELLO)).deployment == "one"
        added = router.add_deployment(entry(two.url, "two"))
        assert added.id == "two"
        assert router.delete_deployment("one") is not None
        assert router.delete_deployment("one") is None
        assert {(await router.acompletion("m", HELLO)).deployment for _ in range(5)} == {"two"}
        assert list((await router.snapshot()).deployments) == ["two"]


async def test_an_id_made_from_the_parameters_can_be_deleted_too() -> None:
    async with Upstream() as one, Upstream() as two, Router(model_list=[entry(one.url), entry(two.url)]) as router:
        first, second = router.get_model_ids()
        router.delete_deployment(first)
        assert router.get_model_ids() == [second]
        assert (await router.acompletion("m", HELLO)).deployment == second


async def test_an_entry_with_a_known_id_takes_its_place() -> None:
    async with Upstream() as one, Upstream() as two, Router(model_list=[entry(one.url, "a")]) as router:
        router.upsert_deployment(entry(two.url, "a"))
        router.upsert_deployment(entry(one.url, "b"))
        assert router.get_model_ids() == ["a", "b"]
        assert router.deployments[0].api_base == two.url


async def test_a_wrong_change_changes_nothing() -> None:
    async with Upstream() as one, Router(model_list=[entry(one.url, "a")]) as router:
        with pytest.raises(ConfigurationError, match="rpm"):
            router.add_deployment(entry(one.url, "b", rpm=-1))
        with pytest.raises(ConfigurationError, match="redis_url"):
            router.update_settings(redis_url="redis://localhost")
        with pytest.raises(ConfigurationError, match="routing_strategy"):
            router.update_settings(routing_strategy="fastest")
        assert router.get_model_ids() == ["a"]
        assert (await router.acompletion("m", HELLO)).deployment == "a"


async def test_settings_change_for_the_next_call() -> None:
    async with (
        Upstream() as one,
        Upstream() as two,
        Router(model_list=[entry(one.url, "a"), entry(two.url, "b", "other")]) as router,
    ):
        with pytest.raises(BadRequestError):
            await router.acompletion("alias", HELLO)
        router.update_settings(model_group_alias={"alias": "other"})
        assert (await router.acompletion("alias", HELLO)).deployment == "b"
        assert router.get_settings()["model_group_alias"]["alias"].model == "other"
        router.set_model_list([entry(one.url, "c", "m"), entry(two.url, "d", "m"), entry(two.url, "b", "other")])
        router.set_custom_routing_strategy(lambda request, snapshot: "d")
        assert {(await router.acompletion("m", HELLO)).deployment for _ in range(5)} == {"d"}


def test_a_group_tells_the_sum_of_its_limits() -> None:
    router = Router(
        model_list=[
            entry("http://127.0.0.1:1/v1", "a", rpm=10, tpm=100),
            entry("http://127.0.0.1:1/v1", "b", rpm=5, input_cost_per_token=0.001),
        ],
        redis_url="memory://",
    )
    info = router.get_model_group_info("m")
    assert info is not None
    assert (info["rpm"], info["tpm"], info["input_cost_per_token"]) == (15, None, 0.001)
    assert router.get_model_group_info("none") is None
    router.close()
