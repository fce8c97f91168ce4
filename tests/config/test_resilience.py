"""Retry budget and adaptive throttling, as they are written."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.config import AdaptiveThrottling, RetryBudget
from tests.config.helpers import failure, loaded


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
