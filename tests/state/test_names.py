"""Names survive the way into Redis: no separator in them, none lost, none confused."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_core.state.names import Scope, check_pool, escape, subject, unescape

NAMES = st.text(st.characters(codec="utf-8"), min_size=1)


@given(NAMES)
def test_a_name_comes_back_as_it_was(name: str) -> None:
    assert unescape(escape(name)) == name


@given(NAMES)
def test_an_escaped_name_holds_nothing_that_separates(name: str) -> None:
    made = escape(name)
    assert made.split() == [made] or not made.isascii()
    assert not any(char in made for char in "{}|= ")
    assert not any(ord(char) < 33 or ord(char) == 127 for char in made), "what Lua's %s and %c would cut at"


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_a_list_of_names_travels_separated_by_spaces(names: list[str]) -> None:
    assert [unescape(part) for part in " ".join(map(escape, names)).split(" ")] == names


@given(NAMES, NAMES)
def test_different_names_stay_different(first: str, second: str) -> None:
    assert (escape(first) == escape(second)) == (first == second)


@given(NAMES, st.sampled_from(get_args(Scope)), NAMES)
def test_no_deployment_is_taken_for_a_subject(name: str, scope: Scope, whose: str) -> None:
    assert escape(name) != subject(scope, whose)
    assert escape(f"{scope}:{whose}") != subject(scope, whose)
    assert unescape(escape(f"{scope}:{name}")) == f"{scope}:{name}"


@given(NAMES, NAMES, st.sampled_from(get_args(Scope)), st.sampled_from(get_args(Scope)))
def test_different_subjects_stay_different(first: str, second: str, one: Scope, other: Scope) -> None:
    assert (subject(one, first) == subject(other, second)) == ((one, first) == (other, second))


def test_a_long_name_of_a_caller_makes_no_long_key() -> None:
    made = subject("user", "x" * 100_000)
    assert len(made) < 100
    assert made != subject("user", "x" * 100_001)
    assert subject("user", "x" * 256) == f"user:{'x' * 256}"


@pytest.mark.parametrize("name", ["openai/gpt-4o", "openai-gpt-4o-1f2e3d4c", "*", "eu:1", "größe", "a.b,c"])
def test_plain_names_stay_readable(name: str) -> None:
    assert escape(name) == name


def test_what_is_escaped_is_visible() -> None:
    assert escape("my group {a}=1|50%\n") == "my%20group%20%7Ba%7D%3D1%7C50%25%0A"


def test_a_hand_edited_percent_stays() -> None:
    assert unescape("50% of it") == "50% of it"


@pytest.mark.parametrize("name", ["", "\ud800"])
def test_a_name_that_cannot_travel_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        escape(name)


@pytest.mark.parametrize("pool", ["default", "team a/b", "größe", "x" * 200])
def test_a_pools_name_stays_as_it_is(pool: str) -> None:
    assert check_pool(pool) == pool


@pytest.mark.parametrize("pool", ["", "a{b", "a}b", "a\nb", "a\x00", "x" * 201, "ö" * 101])
def test_a_pools_name_that_would_break_the_hash_tag_is_refused(pool: str) -> None:
    with pytest.raises(ValueError):
        check_pool(pool)
