"""Ids are stable, readable, and independent of order; accounts are what a provider meters together."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_core.config.ids import deployment_id, fingerprint
from tests.config.helpers import entry, failure, loaded, one, warned

TEXT = st.text(min_size=1, max_size=20)


def test_the_id_is_a_readable_slug_and_eight_hex_digits() -> None:
    assert re.fullmatch(r"openai-gpt-4o-[0-9a-f]{8}", one(entry()).id)
    assert one(entry(model_info={"id": 7})).id == "7"


def test_the_id_of_a_configuration_never_changes_between_releases() -> None:
    """A rolling deploy has two releases in one pool: both must mean the same deployment."""
    made = deployment_id("chat", "openai", "gpt-4o", fingerprint("default", "sk-test"), None, None, None, None)
    assert one(entry()).id == made == "openai-gpt-4o-64d15396"


@pytest.mark.slow
@given(seed=st.integers(), extra=st.dictionaries(st.sampled_from(["temperature", "top_p", "seed", "n"]), st.integers()))
def test_the_order_of_lists_and_dicts_does_not_matter(seed: int, extra: dict[str, Any]) -> None:
    rng = random.Random(seed)
    entries = [entry(group, api_key=key, rpm=9, **extra) for group in ("a", "b") for key in ("k1", "k2")]
    shuffled: list[Any] = [_reordered(raw, rng) for raw in rng.sample(entries, len(entries))]
    first, second = ({one.id: one for one in loaded(*listed)[1]} for listed in (entries, shuffled))
    assert first == second


def _reordered(raw: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    keys = rng.sample(list(raw), len(raw))
    return {key: _reordered(raw[key], rng) if isinstance(raw[key], dict) else raw[key] for key in keys}


@pytest.mark.parametrize(
    "change",
    [
        {"group": "other"},
        {"model": "openai/gpt-4o-mini"},
        {"api_base": "https://other.example"},
        {"api_version": "2"},
        {"organization": "o"},
        {"region_name": "eu"},
        {"api_key": "sk-other"},
        {"aws_secret_access_key": "k"},
        {"vertex_project": "p"},
        {"extra_headers": {"Authorization": "Bearer other"}},
    ],
)
def test_each_fact_that_tells_deployments_apart_changes_the_id(change: dict[str, Any]) -> None:
    assert one(entry(**change)).id != one(entry()).id


@pytest.mark.parametrize("change", [{"rpm": 5}, {"weight": 3}, {"timeout": 4}, {"temperature": 1}, {"order": 2}])
def test_parameters_that_may_be_tuned_do_not_change_the_id(change: dict[str, Any]) -> None:
    assert one(entry(**change)).id == one(entry()).id


@given(pool=TEXT, key=TEXT)
def test_a_fingerprint_shows_no_key_and_differs_between_pools(pool: str, key: str) -> None:
    made = fingerprint(pool, key)
    assert re.fullmatch(r"[0-9a-f]{16}", made)
    assert made != fingerprint(pool + "x", key)
    assert made != fingerprint(pool, key + "x")


def test_the_same_id_with_other_parameters_is_an_error_that_names_both_and_the_difference() -> None:
    message = failure(entry(rpm=1), entry(rpm=2, tpm=3))
    assert message.startswith("model_list[1]: and model_list[0] have the same id 'openai-gpt-4o-")
    assert "differ in limits" in message
    assert "model_info.id" in message


def test_an_id_written_twice_is_an_error_even_for_equal_entries() -> None:
    assert "each needs its own" in failure(entry(model_info={"id": "a"}), entry(model_info={"id": "a"}))


def test_an_entry_repeated_word_for_word_is_one_more_deployment_with_a_warning() -> None:
    (message,) = warned(entry(), entry())
    assert "model_list[1] repeats model_list[0] word for word" in message
    with pytest.warns(UserWarning, match="word for word"):
        first, second, third = loaded(entry(), entry(), entry())[1]
    assert (second.id, third.id) == (f"{first.id}-2", f"{first.id}-3")


def test_one_key_is_one_account_over_models_and_groups() -> None:
    _, deployments = loaded(entry("a"), entry("b"), entry("a", "openai/gpt-4o-mini"), entry("a", api_key="sk-2"))
    assert len({one.account for one in deployments[:3]}) == 1
    assert deployments[3].account != deployments[0].account


def test_servers_that_share_a_dummy_key_are_not_one_account() -> None:
    """Else a 429 of one local server would cool all of them."""
    bases = ("http://127.0.0.1:8001/v1", "http://127.0.0.1:8002/v1")
    first, second = (one(entry(api_key="EMPTY", api_base=base)) for base in bases)
    assert first.account != second.account
    assert first.account.startswith("openai-127.0.0.1:8001-")
