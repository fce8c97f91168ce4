"""Prices of the configuration: LiteLLM's keys, wherever they are written, and never part of a request."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.costs.prices import Prices
from router_core.costs.usage import Usage
from router_core.providers import adapter_for
from router_core.providers.base import Call
from tests.config.helpers import entry, failure, loaded, one

USD = 10**9
KEYS: dict[str, Any] = {
    "input_cost_per_token": 2e-6,
    "output_cost_per_token": 8e-6,
    "cache_read_input_token_cost": 5e-7,
    "cache_creation_input_token_cost": "2.5e-6",
    "cache_creation_input_token_cost_above_1hr": 4e-6,
    "output_cost_per_reasoning_token": 9e-6,
    "input_cost_per_token_above_200k_tokens": 4e-6,
    "output_cost_per_token_priority": 16e-6,
    "input_cost_per_second": 1e-4,
    "output_cost_per_image": 0.04,
}


@pytest.mark.parametrize("place", ["litellm_params", "model_info"])
def test_litellms_keys_in_either_section(place: str) -> None:
    deployment = one(entry(**KEYS) if place == "litellm_params" else entry(model_info=dict(KEYS)))
    rates = deployment.written_rates()
    assert rates is not None
    assert rates.table == {
        "input": 2 * USD,
        "output": 8 * USD,
        "cached": USD // 2,
        "cache_write": 5 * USD // 2,
        "cache_write_1h": 4 * USD,
        "reasoning": 9 * USD,
        "audio_ms": 10**8,
        "images": 4 * 10**13,
    }
    ((start, above),) = rates.above
    assert (start, above["input"], above["output"]) == (200_000, 4 * USD, 8 * USD)
    assert rates.tiers["priority"].table["output"] == 16 * USD
    assert rates.tiers["priority"].above[0][1] == {**above, "output": 16 * USD}


def test_prices_are_no_parameters_of_a_call() -> None:
    deployment = one(entry(api_key="sk-test", **KEYS))
    assert deployment.call_parameters() == {}
    adapter: Any = adapter_for(deployment)
    assert b"cost" not in adapter.request(Call("chat", {"messages": []})).content


def test_what_is_wrong_is_named() -> None:
    assert "cache_read_input_token_cost: must be an amount" in failure(entry(cache_read_input_token_cost="much"))
    assert "must be an amount" in failure(entry(output_cost_per_image=-1))
    both = entry(cache_read_input_token_cost=1e-6, model_info={"cache_read_input_token_cost": 2e-6})
    assert "cache_read_input_token_cost: differs" in failure(both)


def test_a_price_that_nothing_is_priced_by_is_told() -> None:
    with pytest.warns(UserWarning, match="input_cost_per_pixel has no effect here"):
        loaded(entry(input_cost_per_pixel=1e-8))
    assert one(entry(input_cost_per_token_batches=1e-6)).prices == {}


def test_written_prices_count_before_all_others() -> None:
    """Before what the provider states, and without anything a list would add to them."""
    deployment = one(entry(model="openai/gpt-4o", input_cost_per_token=1e-6, output_cost_per_token=1e-6))
    prices = Prices([deployment])
    assert prices.cost_nano(deployment.id, Usage(100, 0, {"cached": 50}, stated_nano=7)) == 100_000


def test_a_stated_cost_counts_before_a_lists() -> None:
    deployment = one(entry(model="openai/gpt-4o"))
    assert Prices([deployment]).cost_nano(deployment.id, Usage(100, 0, stated_nano=7)) == 7
