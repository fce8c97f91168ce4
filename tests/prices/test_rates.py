"""Costs are whole nano-dollars, rounded up per call; what is unknown makes the cost unknown."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.costs.rates import Rates
from router_core.costs.usage import Usage

# Nano-dollars per million units: $1 per million tokens is 10**9.
USD = 10**9
PLAIN = Rates({"input": 2 * USD, "output": 8 * USD})


def test_tokens_by_their_rates() -> None:
    assert PLAIN.cost_nano(Usage(1000, 500)) == 2_000_000 + 4_000_000
    assert PLAIN.cost_nano(Usage(0, 0)) == 0


def test_each_call_is_rounded_up() -> None:
    assert Rates({"input": 1, "output": 1}).cost_nano(Usage(1, 0)) == 1
    assert Rates({"input": 999_999, "output": 1}).cost_nano(Usage(1, 1)) == 1
    assert Rates({"input": 10**6, "output": 1}).cost_nano(Usage(1, 1)) == 2


@pytest.mark.parametrize(
    ("rates", "usage"),
    [
        (PLAIN, Usage()),
        (PLAIN, Usage(5, None)),
        (Rates({"input": USD}), Usage(5, 1)),
        (Rates({}), Usage(5, 1)),
        (Rates({"audio_ms": 1}), Usage(5, 1)),
        (Rates({"searches": 1}), Usage()),
    ],
)
def test_unknown_is_not_free(rates: Rates, usage: Usage) -> None:
    assert rates.cost_nano(usage) is None


def test_free_is_known() -> None:
    assert Rates({"input": 0, "output": 0}).cost_nano(Usage(5, 5)) == 0


def test_parts_have_their_own_rates_or_that_of_their_kind() -> None:
    rates = Rates(
        {"input": 10 * USD, "cached": USD, "cache_write": 12 * USD, "output": 20 * USD, "reasoning": 30 * USD}
    )
    parts: Any = {"cached": 60, "cache_write": 10, "cache_write_1h": 5, "input_audio": 5, "reasoning": 4}
    expected = 60 * 1 + 10 * 12 + 5 * 12 + (100 - 75) * 10 + 4 * 30 + (50 - 4) * 20
    assert rates.cost_nano(Usage(100, 50, parts)) == expected * 1000
    assert PLAIN.cost_nano(Usage(100, 50, parts)) == PLAIN.cost_nano(Usage(100, 50)), "nothing is priced apart"


def test_parts_that_are_more_than_the_whole_cost_no_less_than_nothing() -> None:
    rates = Rates({"input": USD, "cached": USD, "output": USD})
    assert rates.cost_nano(Usage(5, 0, {"cached": 9})) == 9_000


def test_long_prompts_pay_the_tables_above() -> None:
    """All tokens of such a call, in and out, as providers charge it."""
    rates = Rates(
        {"input": USD, "output": USD}, ((200, {"input": 2 * USD, "output": 3 * USD}), (500, {"input": 9 * USD}))
    )
    assert rates.cost_nano(Usage(200, 10)) == 210_000
    assert rates.cost_nano(Usage(201, 10)) == 201 * 2_000 + 10 * 3_000
    assert rates.cost_nano(Usage(501, 0)) == 501 * 9_000


def test_a_service_tier_has_rates_of_its_own() -> None:
    rates = Rates(PLAIN.table, tiers={"flex": Rates({"input": USD, "output": USD})})
    assert rates.cost_nano(Usage(10, 10, service_tier="flex")) == 20_000
    assert rates.cost_nano(Usage(10, 10, service_tier="scale")) == rates.cost_nano(Usage(10, 10))


def test_what_is_no_token() -> None:
    assert Rates({"audio_ms": 10**8}).cost_nano(Usage(extras={"audio_ms": 2500})) == 250_000
    assert Rates({"characters": 15 * USD}).cost_nano(Usage(extras={"characters": 10})) == 150_000
    assert Rates({"searches": 2000 * USD}).cost_nano(Usage(extras={"searches": 1})) == 2_000_000
    assert Rates({"images": 10**14}).cost_nano(Usage(5, 5, extras={"images": 2})) == 200_000_000
    with_fee = Rates({**PLAIN.table, "requests": 5_000 * USD, "searches": 10_000 * USD})
    assert with_fee.cost_nano(Usage(0, 0)) == 5_000_000
    assert with_fee.cost_nano(Usage(0, 0, extras={"searches": 2})) == 25_000_000


def test_billed_tokens_are_what_is_paid_for() -> None:
    assert PLAIN.cost_nano(Usage(500, 9, billed=(6, 8))) == 6 * 2000 + 8 * 8000
