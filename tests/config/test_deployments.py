"""One entry of `model_list` becomes one deployment, or one per organization."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from tests.config.helpers import entry, failure, loaded, one


def test_every_documented_field_arrives() -> None:
    info = {"id": "a", "account": "team", "max_input_tokens": 1000, "allowed_fails": 4, "mode": "chat"}
    deployment = one(
        entry(
            api_base="https://gateway.example/v1/",
            api_version="2024-10-21",
            organization="org-1",
            order=1,
            timeout=30,
            stream_timeout=60.5,
            num_retries=0,
            cooldown_time=1.5,
            tags=["paid"],
            region_name="eu",
            mock_response="hello",
            model_info=info,
        )
    )
    assert (deployment.provider, deployment.model, deployment.group) == ("openai", "gpt-4o", "chat")
    assert deployment.api_base == "https://gateway.example/v1", "one spelling of an address, so that ids agree"
    assert (deployment.api_version, deployment.organization) == ("2024-10-21", "org-1")
    assert (deployment.id, deployment.account) == ("a", "team")
    assert (deployment.timeout, deployment.stream_timeout, deployment.num_retries) == (30, 60.5, 0)
    assert (deployment.cooldown_time, deployment.allowed_fails, deployment.tags) == (1.5, 4, ("paid",))
    assert (deployment.max_input_tokens, deployment.region_name, deployment.order) == (1000, "eu", 1)
    assert (deployment.mock_response, deployment.model_info["mode"]) == ("hello", "chat")


def test_limits_have_the_names_of_the_state() -> None:
    limits: dict[str, Any] = {"rpm": 1, "tpm": 2, "itpm": 3, "otpm": 4, "rpd": 5, "tpd": 6, "max_parallel_requests": 7}
    assert one(entry(**limits)).declared().limits == {
        "requests/60": "1",
        "tokens/60": "2",
        "input/60": "3",
        "output/60": "4",
        "requests/86400": "5",
        "tokens/86400": "6",
        "concurrent": "7",
    }


def test_a_default_for_parallel_requests_holds_where_none_is_written() -> None:
    _, deployments = loaded(
        entry(model_info={"id": "own"}, max_parallel_requests=2),
        entry(model_info={"id": "default"}),
        default_max_parallel_requests=9,
    )
    assert {one.id: one.limits["concurrent"] for one in deployments} == {"own": 2, "default": 9}


def test_prices_are_declared_in_whole_nano_dollars_per_million_tokens() -> None:
    declared = one(entry(input_cost_per_token=0.00000015, output_cost_per_token=6e-07)).declared()
    assert (declared.input_price, declared.output_price) == (150_000_000, 600_000_000), "$0.15 and $0.60"
    assert one(entry(model="openai/nobody-knows-it")).declared().input_price is None, "unknown is not free"


def test_what_is_declared_holds_no_endpoint_and_no_credential() -> None:
    deployment = one(entry(api_key="sk-very-secret", api_base="https://user-visible.example"), config_version=3)
    assert "very-secret" not in repr(deployment.declared())
    assert deployment.declared().version == 3


def test_params_is_another_name_of_litellm_params() -> None:
    assert one({"model_name": "g", "params": {"model": "gpt-4o", "rpm": 5}}).limits == {"requests/60": 5}
    assert failure({"model_name": "g", "params": {"model": "gpt-4o", "rpm": 0}}).startswith("model_list[0].params.rpm:")
    assert "not both" in failure({"model_name": "g", "params": {"model": "gpt-4o"}, "litellm_params": {}})


def test_further_parameters_are_defaults_of_the_call_and_options_stay_with_the_adapter() -> None:
    deployment = one(entry(temperature=0.2, max_tokens=5, seed=None, vertex_project="p", drop_params=True))
    assert deployment.call_parameters() == {"temperature": 0.2, "max_tokens": 5}
    assert deployment.adapter_options() == {"vertex_project": "p", "drop_params": True}


def test_router_wide_defaults_come_after_the_deployments_own() -> None:
    deployment = one(entry(temperature=0.2), default_litellm_params={"temperature": 1, "top_p": 0.5, "timeout": 9})
    assert deployment.call_parameters() == {"temperature": 0.2, "top_p": 0.5}
    assert deployment.timeout == 9


@pytest.mark.parametrize("place", ["litellm_params", "model_info", "beside"])
def test_a_weight_and_a_limit_may_stand_in_each_of_three_places(place: str) -> None:
    raw: dict[str, Any] = {"model_name": "g", "litellm_params": {"model": "gpt-4o"}, "model_info": {}}
    (raw if place == "beside" else raw[place]).update(weight=3, rpm=10)
    deployment = one(raw)
    assert (deployment.weight, deployment.limits) == (3, {"requests/60": 10})


def test_two_places_that_disagree_are_an_error_and_two_that_agree_are_not() -> None:
    assert one(entry(weight=2, model_info={"weight": 2.0})).weight == 2
    assert failure(entry(weight=2, model_info={"weight": 3})) == (
        "model_list[0].model_info.weight: differs from model_list[0].litellm_params.weight; give it once"
    )


def test_tags_of_both_sections_add_up() -> None:
    assert one(entry(tags=["a", "b"], model_info={"tags": ["b", "c"]})).tags == ("a", "b", "c")


def test_a_list_of_organizations_makes_a_deployment_of_each() -> None:
    _, deployments = loaded(entry(organization=["org-1", "org-2"]))
    assert [one.organization for one in deployments] == ["org-1", "org-2"]
    assert len({one.id for one in deployments}) == len({one.account for one in deployments}) == 2
    _, named = loaded(entry(organization=["org-1", "org-2"], model_info={"id": "x"}))
    assert [one.id for one in named] == ["x-org-1", "x-org-2"]


def test_numbers_may_come_as_text_but_never_as_true() -> None:
    assert one(entry(rpm="100", timeout="2.5")).timeout == 2.5
    assert "true or false" in failure(entry(rpm=True))


def test_a_timeout_may_be_httpxs() -> None:
    assert one(entry(timeout=httpx.Timeout(5, connect=1))).timeout == 5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rpm", 0),
        ("tpm", -5),
        ("rpm", 1.5),
        ("rpm", 2**53),
        ("max_parallel_requests", 0),
        ("weight", -1),
        ("weight", float("nan")),
        ("order", -1),
        ("timeout", 0),
        ("timeout", float("inf")),
        ("num_retries", -1),
        ("cooldown_time", -0.1),
        ("input_cost_per_token", -1e-6),
        ("budget_duration", "1 day"),
        ("budget_duration", "1d"),  # without a budget
        ("api_base", "gateway.example/v1"),
        ("api_base", "https://user:pass@gateway.example"),
        ("tags", "paid"),
        ("model", ""),
    ],
)
def test_a_value_out_of_bounds_is_an_error_at_its_path(field: str, value: Any) -> None:
    assert failure(entry(**{"model": "gpt-4o"} | {field: value})).startswith(f"model_list[0].litellm_params.{field}: ")


@pytest.mark.parametrize(
    ("section", "key", "meant"),
    [
        ("litellm_params", "rmp", "rpm"),
        ("litellm_params", "wieght", "weight"),
        ("litellm_params", "maxParallelRequests", "max_parallel_requests"),
        ("litellm_params", "apikey", "api_key"),
        ("litellm_params", "organisation", "organization"),
        ("model_info", "wieght", "weight"),
        ("model_info", "max_inputtokens", "max_input_tokens"),
    ],
)
def test_a_near_miss_is_an_error_that_names_what_was_meant(section: str, key: str, meant: str) -> None:
    raw = {"model_name": "g", "litellm_params": {"model": "gpt-4o"}, "model_info": {}}
    raw[section][key] = 1  # type: ignore[index]
    assert failure(raw) == f"model_list[0].{section}.{key}: unknown key, did you mean {meant!r}?"


@pytest.mark.parametrize(
    "key", ["max_output_tokens", "models", "mode", "top_k", "min_tokens", "max_new_tokens", "provider", "transforms"]
)
def test_parameters_of_providers_are_no_near_misses(key: str) -> None:
    value: Any = 1
    assert one(entry(**{key: value})).call_parameters() == {key: value}


def test_an_argument_of_the_router_inside_a_deployment_is_an_error() -> None:
    assert "argument of the Router" in failure(entry(fallbacks=[]))


def test_unknown_keys_beside_the_sections_are_errors() -> None:
    assert failure({**entry(), "wieght": 1}) == "model_list[0].wieght: unknown key, did you mean 'weight'?"


@pytest.mark.parametrize("raw", [None, 3, "gpt-4o", {}, {"model_name": "x"}, {"litellm_params": {"model": "gpt-4o"}}])
def test_an_entry_of_another_shape_is_an_error_that_names_it(raw: Any) -> None:
    assert failure(raw).startswith("model_list[0]")


def test_an_entry_may_be_a_pydantic_model_as_litellms_deployment_is() -> None:
    class Params(BaseModel):
        model: str
        rpm: int | None = None

    class LiteLLMDeployment(BaseModel):
        model_name: str
        litellm_params: Params

    raw = LiteLLMDeployment(model_name="g", litellm_params=Params(model="gpt-4o", rpm=3))
    assert one(raw).limits == {"requests/60": 3}
