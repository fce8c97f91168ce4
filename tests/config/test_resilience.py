"""Retry budget and adaptive throttling, as they are written."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.config import AdaptiveThrottling, RetryBudget
from tests.config.helpers import entry, failure, loaded


def test_there_is_a_retry_budget_unless_one_says_no() -> None:
    assert loaded()[0].retry_budget == RetryBudget(ratio=0.2, min_per_second=10, fallbacks=False)
    assert loaded(retry_budget=None)[0].retry_budget == RetryBudget()
    assert loaded(retry_budget=False)[0].retry_budget is None
    assert loaded(retry_budget={"ratio": "0.1"})[0].retry_budget == RetryBudget(ratio=0.1)


def test_nothing_is_throttled_unless_one_says_so() -> None:
    assert loaded()[0].adaptive_throttling is None
    assert loaded(adaptive_throttling=True)[0].adaptive_throttling == AdaptiveThrottling(k=2.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"retry_budget": {"ratio": 1.5}}, "retry_budget.ratio: Input should be less than or equal to 1"),
        ({"retry_budget": {"ratio": True}}, "retry_budget.ratio: must be a number, not true or false"),
        ({"retry_budget": {"min_per_second": -1}}, "retry_budget.min_per_second: "),
        ({"retry_budget": {"ration": 1}}, "retry_budget.ration: unknown key, did you mean 'ratio'?"),
        ({"adaptive_throttling": {"k": 0.5}}, "adaptive_throttling.k: Input should be greater"),
    ],
)
def test_what_is_wrong_names_its_field(arguments: dict[str, Any], message: str) -> None:
    assert message in failure(**arguments)


def test_the_narrowest_place_says_how_calls_at_once_are_learned_and_who_is_asked_for_health() -> None:
    made = {
        each.model_name: each
        for each in loaded(
            entry("a"),
            entry("b"),
            entry("c", adaptive_concurrency=False, health_check=False),
            entry("d", adaptive_concurrency={"max": 5, "initial": 5}, health_check={"path": "/models"}),
            adaptive_concurrency=True,
            model_group_adaptive_concurrency={"b": {"initial": 7}, "c": True},
            health_check={"interval": 60},
            model_group_health_check={"b": False},
        )[1]
    }
    learned = {name: each.adaptive_concurrency and each.adaptive_concurrency.text for name, each in made.items()}
    assert learned == {"a": "1,1000,20,0.9", "b": "1,1000,7,0.9", "c": None, "d": "1,5,5,0.9"}
    asked = {name: each.health_check and each.health_check.interval for name, each in made.items()}
    assert asked == {"a": 60, "b": None, "c": None, "d": 30}
    assert made["a"].declared().adaptive == "1,1000,20,0.9"
    assert made["c"].declared().adaptive == ""


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"adaptive_concurrency": {"initial": 5, "max": 4}}, "adaptive_concurrency.initial: must be between min and"),
        ({"adaptive_concurrency": {"min": 0}}, "adaptive_concurrency.min: "),
        ({"adaptive_concurrency": {"decrease": 1}}, "adaptive_concurrency.decrease: "),
        ({"health_check": {"interval": 0.5}}, "health_check.interval: "),
        ({"health_check": {"path": "models"}}, "health_check.path: must begin with /"),
        ({"health_check": {"intervall": 5}}, "health_check.intervall: unknown key, did you mean 'interval'?"),
        ({"health_check": 5}, "health_check: "),
    ],
)
def test_what_is_wrong_of_a_deployment_names_its_field(params: dict[str, Any], message: str) -> None:
    assert f"model_list[0].litellm_params.{message}" in failure(entry(**params))
