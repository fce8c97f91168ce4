"""Budgets of LiteLLM's users: of providers, tags and deployments, in both spellings, and never on an unknown price."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from router_core.config import Deployment, Settings, declared_rows
from router_core.config.limits_rows import Row
from tests.config.helpers import entry, failure, loaded, warned

UNKNOWN = "openai/nobody-knows-it"
A_DAY: dict[str, Any] = {"max_budget": 10, "budget_duration": "1d"}


def rows(*entries: Any, **arguments: Any) -> dict[str, tuple[Row, ...]]:
    return dict(declared_rows(*loaded(*(entries or (entry(),)), **arguments)))


@pytest.mark.parametrize("budget", [{"budget_limit": 10, "time_period": "1d"}, A_DAY])
def test_both_spellings_are_read(budget: dict[str, Any]) -> None:
    assert rows(provider_budget_config={"openai": budget}) == {
        "provider:openai": (Row("cost", "86400", 10_000_000_000),)
    }


def test_litellms_budget_object_is_read_too() -> None:
    class BudgetConfig(BaseModel):
        max_budget: float = 5
        budget_duration: str = "1mo"
        tpm_limit: int | None = None

    found = rows(provider_budget_config={"openai": BudgetConfig()})
    assert found == {"provider:openai": (Row("cost", "2592000", 5_000_000_000),)}


def test_tags_have_budgets() -> None:
    found = rows(tag_budget_config={"product:chat": A_DAY, "a b": {**A_DAY, "budget_duration": "month@UTC"}})
    assert found == {
        "tag:product:chat": (Row("cost", "86400", 10_000_000_000),),
        "tag:a%20b": (Row("cost", "month@UTC", 10_000_000_000),),
    }


def test_a_deployments_budget_is_a_limit_of_its_own() -> None:
    _, (deployment,) = loaded(entry(max_budget=1.5, budget_duration="12h", rpm=3))
    assert (deployment.max_budget, deployment.budget_duration) == (1.5, "12h")
    assert deployment.limits == {"requests/60": 3, "cost/43200": 1_500_000_000}


@pytest.mark.parametrize(
    ("dollars", "nano"), [(0.1, 100_000_000), (0.3, 300_000_000), (1e-12, 0), (9_007_199, 9_007_199 * 10**9), (0, 0)]
)
def test_dollars_become_whole_nano_dollars_and_never_more(dollars: float, nano: int) -> None:
    _, (deployment,) = loaded(entry(max_budget=dollars, budget_duration="1d"))
    assert deployment.limits == {"cost/86400": nano}


def test_one_amount_and_one_period_in_one_spelling() -> None:
    assert "not both" in failure(provider_budget_config={"openai": {"budget_limit": 1, "max_budget": 2}})
    assert "is missing" in failure(provider_budget_config={"openai": {"budget_limit": 1}})
    assert failure(entry(max_budget=1)) == (
        "model_list[0].litellm_params.max_budget: needs a budget_duration, such as 1d or month@UTC"
    )


@pytest.mark.parametrize("config", ["provider_budget_config", "tag_budget_config"])
@pytest.mark.parametrize(
    ("budget", "field"),
    [
        ({**A_DAY, "max_budget": -1}, "max_budget"),
        ({**A_DAY, "max_budget": 1e7}, "max_budget"),
        ({**A_DAY, "budget_duration": "1 day"}, "budget_duration"),
        ({**A_DAY, "budget_duration": "day@Europe/Berln"}, "budget_duration"),
        ({**A_DAY, "time_priod": "1d"}, "time_priod"),
    ],
)
def test_what_is_wrong_is_named(config: str, budget: dict[str, Any], field: str) -> None:
    assert failure(**{config: {"openai": budget}}).startswith(f"{config}.openai.{field}: ")


def test_a_budget_of_a_provider_that_does_not_exist_is_an_error_and_of_an_unused_one_a_note() -> None:
    assert failure(entry(), provider_budget_config={"opnai": A_DAY}) == (
        "provider_budget_config.opnai: there is no such provider, did you mean 'openai'?"
    )
    (note,) = warned(entry(), provider_budget_config={"azure": A_DAY})
    assert note == "provider_budget_config.azure: no deployment is there, so the budget has no effect"


class TestPrices:
    """What a budget counts must have a price, or its calls would be free."""

    EVERYONE: tuple[dict[str, Any], ...] = (
        {"provider_budget_config": {"openai": A_DAY}},
        {"tag_budget_config": {"any": A_DAY}},
        {"limits": [{"scope": "user", "name": "*", "resource": "cost", "window": "day", "amount": 1}]},
        {"limits": [{"scope": "group", "name": "chat", "resource": "cost", "window": "day", "amount": 1}]},
        {"limits": [{"scope": "deployment", "name": "a", "resource": "cost", "window": "day", "amount": 1}]},
        {"limits": [{"scope": "account", "name": "acc", "resource": "cost", "window": "day", "amount": 1}]},
    )

    @pytest.mark.parametrize("arguments", EVERYONE, ids=lambda one: str(next(iter(one))))
    def test_an_unknown_price_is_an_error_that_names_the_deployment_and_what_to_set(
        self, arguments: dict[str, Any]
    ) -> None:
        message = failure(entry(model=UNKNOWN, model_info={"id": "a", "account": "acc"}), **arguments)
        assert message.startswith(
            "deployment 'a': set input_cost_per_token and output_cost_per_token (0 where it is free), since "
        )
        priced = entry(
            model=UNKNOWN, input_cost_per_token=0, output_cost_per_token=0, model_info={"id": "a", "account": "acc"}
        )
        loaded(priced, **arguments)

    def test_a_budget_of_its_own_needs_one_too(self) -> None:
        assert "a budget of its own" in failure(entry(model=UNKNOWN, **A_DAY))
        shared = [{"scope": "account", "resource": "cost", "window": "day", "amount": 1}]
        assert "input_cost_per_token" in failure(entry(model=UNKNOWN, limits=shared))

    def test_a_budget_of_others_needs_none(self) -> None:
        loaded(entry(), entry(model="groq/nobody-knows-it"), provider_budget_config={"openai": A_DAY})
        loaded(entry(model=UNKNOWN, rpm=5), limits=[
            {"scope": "user", "name": "*", "resource": "tokens", "window": "day", "amount": 1}
        ])  # fmt: skip

    def test_a_price_list_is_as_good_as_a_written_price(self) -> None:
        assert loaded(entry(model="openai/gpt-4o"), provider_budget_config={"openai": A_DAY})

    @pytest.mark.parametrize(
        ("price", "missing"),
        [("input_cost_per_token", "output_cost_per_token"), ("output_cost_per_token", "input_cost_per_token")],
    )
    def test_half_a_price_is_none(self, price: str, missing: str) -> None:
        message = failure(entry(model=UNKNOWN, **{price: 1e-6, **A_DAY}))
        assert message.split(": ")[1].startswith(f"set {missing} ")

    def test_what_makes_no_output_or_is_not_paid_by_the_token_needs_no_price_of_it(self) -> None:
        loaded(entry(model=UNKNOWN, input_cost_per_token=1e-6, model_info={"mode": "embedding"}, **A_DAY))
        _, (images,) = loaded(entry(model=UNKNOWN, output_cost_per_image=0.04, **A_DAY))
        assert (images.declared().input_price, images.declared().output_price) == (0, 0), "known, and no tokens'"


def test_litellms_ways_to_turn_budgets_on_are_welcome_since_they_always_are() -> None:
    settings, _ = loaded(
        entry(),
        routing_strategy="provider-budget-routing",
        optional_pre_call_checks=["router_budget_limiting", "enforce_model_rate_limits"],
        provider_budget_config={"openai": A_DAY},
    )
    assert settings.routing("chat").strategy == "provider-budget-routing"


def test_a_budget_is_no_part_of_what_a_model_list_shows_of_model_info() -> None:
    shared = [{"scope": "account", "resource": "tokens", "window": "day", "amount": 1}]
    _, (deployment,) = loaded(entry(model_info={"limits": shared, "mode": "chat"}))
    assert deployment.model_info == {"mode": "chat"}
    assert isinstance(deployment, Deployment)
    assert isinstance(Settings(), Settings)
