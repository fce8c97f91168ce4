"""What a shuffle weighs: the first of weight, rpm and tpm that the group gives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.helpers import entry, loaded, warned


def weights(*params: dict[str, Any], **arguments: Any) -> list[float]:
    entries = [entry(api_key=f"k{number}", **given) for number, given in enumerate(params)]
    return [one.declared().weight for one in loaded(*entries, **arguments)[1]]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (({}, {}), [1, 1]),
        (({"weight": 1}, {"weight": 3}), [1, 3]),
        (({"weight": 1, "rpm": 50}, {"weight": 3, "rpm": 10}), [1, 3]),
        (({"rpm": 50, "tpm": 1}, {"rpm": 10, "tpm": 9}), [50, 10]),
        (({"tpm": 50}, {"tpm": 10}), [50, 10]),
        (({"weight": 0}, {"weight": 0}), [1, 1]),
        (({"weight": 0, "rpm": 5}, {"weight": 0, "rpm": 6}), [5, 6]),
    ],
)
def test_the_first_measure_that_is_given_counts(params: tuple[dict[str, Any], ...], expected: list[float]) -> None:
    assert weights(*params) == expected


def test_who_gives_none_where_others_do_gets_nothing_and_is_named_in_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"shuffled by weight, which openai-gpt-4o-\w+ do not give"):
        assert weights({"weight": 2}, {}) == [2, 0]


def test_other_strategies_take_weights_only_as_they_are_written() -> None:
    assert weights({"rpm": 50}, {"rpm": 10, "weight": 3}, routing_strategy="least-busy") == [1, 3]


def test_groups_weigh_apart_and_a_routing_group_has_its_own_strategy() -> None:
    entries = (entry("a", rpm=5), entry("b", rpm=6))
    groups = [{"group_name": "busy", "models": ["b"], "routing_strategy": "least-busy"}]
    _, deployments = loaded(*entries, routing_groups=groups)
    assert [one.effective_weight for one in deployments] == [5, 1]


def test_the_shuffle_behind_a_callable_is_weighted_too() -> None:
    assert weights({"weight": 4}, {"weight": 1}, routing_strategy=lambda request, snapshot: None) == [4, 1]


def test_nothing_is_said_where_every_deployment_gives_the_measure() -> None:
    assert warned(entry(api_key="a", weight=1), entry(api_key="b", weight=2)) == []
