"""Fallbacks and aliases: LiteLLM's shapes, names that exist, no circles."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_core.config import Settings, name_of
from router_core.config.targets import Alias, matches, resolve_alias
from tests.config.helpers import entry, failure, loaded, warned

GROUPS = (entry("a"), entry("b"), entry("c"))


def settings(**arguments: Any) -> Settings:
    return loaded(*GROUPS, **arguments)[0]


def test_litellms_shape_keeps_its_order() -> None:
    assert settings(fallbacks=[{"a": ["b", "c"]}, {"b": ["c"]}]).fallbacks == {"a": ("b", "c"), "b": ("c",)}


def test_a_target_may_carry_parameters() -> None:
    (target,) = settings(fallbacks=[{"a": [{"model": "b", "temperature": 0}]}]).fallbacks["a"]
    assert name_of(target) == "b"


@pytest.mark.parametrize("value", ["b", ["b"], [{"a": "b"}], [{"a": [3]}], [{"a": [{}]}]])
def test_another_shape_is_an_error_that_shows_the_right_one(value: Any) -> None:
    assert failure(*GROUPS, fallbacks=value).startswith("fallbacks: ")


@pytest.mark.parametrize("field", ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"])
def test_a_target_that_does_not_exist_is_an_error_that_names_the_good_ones(field: str) -> None:
    message = failure(*GROUPS, **{field: [{"a": ["bb"]}]})
    assert message.startswith(f"{field}.a: there is no model group 'bb'")
    assert "'a', 'b', 'c'" in message
    assert failure(*GROUPS, default_fallbacks=["nowhere"]).startswith("default_fallbacks.*: there is no")


def test_a_rule_for_a_group_that_does_not_exist_is_only_worth_a_warning() -> None:
    (message,) = warned(*GROUPS, fallbacks=[{"d": ["a"]}])
    assert message.startswith("fallbacks.d: no such model group")


def test_aliases_wildcards_and_ids_are_targets() -> None:
    entries = (*GROUPS, entry("openai/*", "openai/*"), entry("d", model_info={"id": "eu-1"}))
    assert loaded(*entries, fallbacks=[{"a": ["nick", "openai/gpt-4o", "eu-1"]}], model_group_alias={"nick": "b"})


def test_with_an_empty_list_the_groups_come_later() -> None:
    assert loaded(fallbacks=[{"a": ["b"]}])[0].fallbacks == {"a": ("b",)}


def test_the_special_list_comes_before_the_general_one_and_the_group_before_the_star() -> None:
    made = settings(
        fallbacks=[{"a": ["b"]}, {"*": ["c"]}], context_window_fallbacks=[{"a": ["c"]}], default_fallbacks=["a"]
    )
    assert made.fallbacks_for("a", "context_window") == ("c",)
    assert made.fallbacks_for("a", "server") == made.fallbacks_for("a", "content_policy") == ("b",)
    assert made.fallbacks_for("b", "context_window") == ("c",), "the star of the general list"
    assert settings(default_fallbacks=["a"]).fallbacks_for("b", "server") == ("a",)
    assert settings().fallbacks_for("b", "server") == ()


def test_an_alias_is_a_name_or_a_name_and_hidden() -> None:
    made = settings(model_group_alias={"x": "a", "y": {"model": "b", "hidden": True}, "z": "y"})
    assert [made.group_of(name) for name in ("x", "y", "z", "a")] == ["a", "b", "b", "a"]
    assert (made.model_group_alias["x"].hidden, made.model_group_alias["y"].hidden) == (False, True)


def test_an_alias_may_hide_a_group_of_its_name() -> None:
    assert settings(model_group_alias={"a": "b"}).group_of("a") == "b"


@pytest.mark.parametrize("aliases", [{"x": "x"}, {"x": "y", "y": "x"}, {"x": "y", "y": "z", "z": "y"}])
def test_a_circle_of_aliases_is_an_error(aliases: dict[str, str]) -> None:
    assert "goes in a circle" in failure(*GROUPS, model_group_alias=aliases)


def test_an_alias_of_nothing_is_an_error() -> None:
    assert failure(*GROUPS, model_group_alias={"x": "bb"}).startswith("model_group_alias.x: there is no model group")


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef")))
def test_resolving_ends_whatever_the_aliases(links: dict[str, str]) -> None:
    aliases = {name: Alias(model=target) for name, target in links.items()}
    assert resolve_alias("a", aliases) in "abcdef"


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("openai/*", "openai/gpt-4o", True),
        ("openai/*", "azure/gpt-4o", False),
        ("*", "", True),
        ("gpt.4", "gptx4", False),
        ("*-mini", "gpt-4o-mini", True),
    ],
)
def test_only_the_star_is_special_in_a_pattern(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits
