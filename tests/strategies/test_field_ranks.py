"""peak-ewma, least-tokens, price-weighted and balanced as pure functions, in both ends of what servers run."""

from __future__ import annotations

import math
from typing import Any

import pytest

from router_core import strategies
from tests.strategies.chance import FLAKE, p_value, wrong
from tests.strategies.vm import NOW, VERSIONS, Machine, candidate

ALL = ("peak-ewma", "least-tokens", "price-weighted", "balanced")
RANKED = ("peak-ewma", "least-tokens", "balanced")
DEAR = {"input_price": 3_000_000_000, "output_price": 6_000_000_000}
CHEAP = {"input_price": 1_000_000_000, "output_price": 2_000_000_000}

version = pytest.mark.parametrize("version", list(VERSIONS))


def seen(id: str, ms: float = 20, age_ms: int = 0, **facts: Any) -> dict[str, Any]:
    """A deployment whose every measure is `ms`, and that costs what all cost."""
    measures = {"ms_per_token": ms, "ttft_ms": ms, "latency_ms": ms, "sampled_ms": NOW - age_ms}
    return candidate(id, **{"used": 0.2, **measures, **CHEAP, **facts})


@version
@pytest.mark.parametrize("name", ALL)
def test_equals_share_evenly(version: str, name: str) -> None:
    picks = Machine(version, name).picks([seen(id, inflight=2) for id in "abcd"], 20_000)
    assert p_value(picks, dict.fromkeys("abcd", 1.0)) > FLAKE


@version
@pytest.mark.parametrize("name", ALL)
def test_weight_zero_serves_only_where_nobody_else_can(version: str, name: str) -> None:
    machine = Machine(version, name)
    members = [seen("never", 0.1, weight=0, used=0), seen("works", 900, used=0.9, inflight=50)]
    assert machine.picks(members) == {"works": 1000}
    assert machine.picks(members, refused=["works"]) == {"never": 1000}


@version
@pytest.mark.parametrize("name", ALL)
def test_the_lowest_order_goes_first_and_the_next_serves_where_it_is_full(version: str, name: str) -> None:
    machine = Machine(version, name)
    members = [seen("first", 900, used=0.9, inflight=9), seen("second", 1, order=1, used=0)]
    assert machine.picks(members) == {"first": 1000}
    assert machine.picks(members, refused=["first"]) == {"second": 1000}


@version
@pytest.mark.parametrize("name", ALL)
def test_those_nobody_knows_anything_of_are_equals(version: str, name: str) -> None:
    picks = Machine(version, name).picks([candidate(id, used=0) for id in "abc"], 20_000)
    assert p_value(picks, dict.fromkeys("abc", 1.0)) > FLAKE


@version
@pytest.mark.parametrize("name", RANKED)
def test_load_and_weight_scale_the_wait(version: str, name: str) -> None:
    machine, busy = Machine(version, name), {"inflight": 3}
    assert machine.picks([seen("a", 10, **busy), seen("b", 25, inflight=1)]) == {"a": 1000}
    assert machine.picks([seen("a", 10, **busy), seen("b", 15, inflight=1)]) == {"b": 1000}
    assert machine.picks([seen("a", 10, weight=2, **busy), seen("b", 15, inflight=1)]) == {"a": 1000}


@version
@pytest.mark.parametrize("name", RANKED)
def test_an_unseen_one_is_taken_for_the_average(version: str, name: str) -> None:
    machine = Machine(version, name)
    new = candidate("new", used=0.2, inflight=1, **CHEAP)
    members = [seen("fast", 10, inflight=1), seen("slow", 50, inflight=1), new]  # new: 30
    assert machine.picks(members) == {"fast": 1000}
    assert machine.picks(members, refused=["fast"]) == {"new": 1000}


@pytest.mark.slow
@version
@pytest.mark.parametrize("name", RANKED)
def test_slow_start_bounds_what_looks_best_to_its_share(version: str, name: str) -> None:
    members = [seen(id, 100, used=0.5, inflight=50, **DEAR) for id in "abc"]
    machine = Machine(version, name)
    for weight in (0.1, 0.5, 0.99):
        new = seen("new", 0.1, used=0, weight=weight, state="ramp")
        picks = machine.picks([*members, new], 20_000)
        assert p_value({"new": picks["new"], "others": 20_000 - picks["new"]}, {"new": weight, "others": 3}) > FLAKE


@version
@pytest.mark.parametrize("name", RANKED)
def test_an_idle_one_is_asked_again_after_a_while_by_one_call_at_a_time(version: str, name: str) -> None:
    """Ten times as slow: after 10 s x ln 10 = 23 s its memory is as good as that of one that was asked just now."""
    machine, fast = Machine(version, name), seen("fast", 10)
    assert machine.picks([fast, seen("slow", 100, age_ms=22_000)]) == {"fast": 1000}
    assert machine.picks([fast, seen("slow", 100, age_ms=25_000)]) == {"slow": 1000}
    assert machine.picks([fast, seen("slow", 100, age_ms=90_000, inflight=1)]) == {"fast": 1000}


@version
def test_peak_ewma_measures_what_the_caller_waits_for(version: str) -> None:
    machine = Machine(version, "peak-ewma")
    members = [seen("first", 99, ttft_ms=10), seen("token", 99, ms_per_token=10), seen("whole", 99, latency_ms=10)]
    assert machine.picks(members, stream=True) == {"first": 1000}
    assert machine.picks(members) == {"token": 1000}
    assert machine.picks(members, output_tokens=0) == {"whole": 1000}


@version
def test_peak_ewma_takes_a_cooldown_for_a_slow_sample_that_fades(version: str) -> None:
    """5 times the average (20 ms) at the recovery; after 10 s (slow start is over) 1.8 times, after 17 nothing."""
    machine, well = Machine(version, "peak-ewma"), seen("well", 20)

    def back(seconds: float) -> dict[str, Any]:
        return seen("back", 20, trips=1, since_ms=NOW - int(seconds * 1000) + 10_000)

    assert machine.picks([{**well, "inflight": 1}, back(10)]) == {"back": 1000}, "37 ms against 40"
    assert machine.picks([well, back(16)]) == {"well": 1000}
    assert machine.picks([well, back(16)], args={"penalty": 0})["back"] > 400
    assert machine.picks([well, back(17)])["back"] > 400


@version
def test_peak_ewma_forgets_as_fast_as_it_is_told_to(version: str) -> None:
    members = [seen("fast", 10), seen("slow", 100, age_ms=25_000)]
    assert Machine(version, "peak-ewma").picks(members, args={"decay": 20}) == {"fast": 1000}
    assert Machine(version, "peak-ewma").picks(members, args={"decay": 5}) == {"slow": 1000}


@version
def test_least_tokens_counts_the_tokens_of_this_call(version: str) -> None:
    """A barrier of 0.15 s at half is worth 1000 tokens of 0.15 ms: two calls of 500, 400 of them for any call."""
    machine = Machine(version, "least-tokens")
    members = [seen("half", 0.15, used=0.5, inflight=1), seen("busy", 0.3, used=0, inflight=1)]
    assert machine.picks(members, input_tokens=100, output_tokens=95) == {"busy": 1000}
    assert machine.picks(members, input_tokens=100, output_tokens=105) == {"half": 1000}
    assert machine.picks(members, input_tokens=500, output_tokens=95) == {"half": 1000}, "15 for 500 of input"
    assert machine.picks(members, input_tokens=500, output_tokens=95, args={"barrier": 0.3}) == {"busy": 1000}


@version
def test_least_tokens_goes_by_the_tokens_in_flight_and_not_by_the_calls(version: str) -> None:
    """One call of a long prompt lies before this one longer than two short ones; a call counts too."""
    machine = Machine(version, "least-tokens")
    long, short = seen("long", inflight=1, input_in_flight=20_000), seen("short", inflight=2)
    assert machine.picks([long, short]) == {"short": 1000}
    assert machine.picks([{**long, "input_in_flight": 2_000}, short]) == {"long": 1000}
    assert machine.picks([seen("long", inflight=1, output_in_flight=700), short]) == {"short": 1000}
    fair = [seen("many", inflight=8, input_in_flight=8, output_in_flight=8), seen("few", inflight=2)]
    assert machine.picks(fair) == {"few": 1000}


@version
def test_least_tokens_sends_long_calls_to_the_fast_and_short_ones_where_little_lies_ahead(version: str) -> None:
    machine = Machine(version, "least-tokens")
    members = [seen("fast", 10, inflight=1, output_in_flight=500), seen("slow", 30)]
    assert machine.picks(members, output_tokens=900) == {"fast": 1000}
    assert machine.picks(members, output_tokens=9) == {"slow": 1000}


@version
def test_least_tokens_leaves_a_limit_before_it_is_full(version: str) -> None:
    machine = Machine(version, "least-tokens")
    far, near = seen("far", 10, used=0.5), seen("near", 1, used=0.95)
    assert machine.picks([far, near]) == {"near": 1000}
    assert machine.picks([far, {**near, "used": 0.98}]) == {"far": 1000}
    assert machine.picks([seen("full", 1, used=1.0), seen("debt", 1, used=1.5)]).total() == 1000


@version
def test_least_tokens_of_embeddings_is_the_whole_call(version: str) -> None:
    members = [seen("a", 99, latency_ms=10), seen("b", 1, latency_ms=20)]
    assert Machine(version, "least-tokens").picks(members, output_tokens=0) == {"a": 1000}


@pytest.mark.slow
@version
def test_price_weighted_is_by_the_inverse_square_of_the_price_of_this_call(version: str) -> None:
    machine, prices = Machine(version, "price-weighted"), {"one": 1.0, "two": 2.0, "three": 3.0}
    members = [candidate(id, input_price=p * 1e9, output_price=p * 1e9) for id, p in prices.items()]
    weights = {id: 1 / price**2 for id, price in prices.items()}
    picks = machine.picks(members, 60_000)
    assert p_value(picks, weights) > FLAKE
    assert p_value(picks, wrong(weights, "two")) < FLAKE, "the test of the test"
    left = machine.picks(members, 30_000, refused=["one"])
    assert p_value(left, {**weights, "one": 0}) > FLAKE, "in the same proportions where one is full"
    assert p_value(machine.picks(members, 30_000, args={"power": 1}), {id: 1 / p for id, p in prices.items()}) > FLAKE


@version
def test_price_weighted_scales_with_weights_and_looks_at_this_calls_tokens(version: str) -> None:
    machine = Machine(version, "price-weighted")
    reads = candidate("reads", weight=2.0, input_price=1e9, output_price=9e9)
    writes = candidate("writes", input_price=2e9, output_price=2e9)
    for tokens, costs in (((1000, 0), (1.0, 2.0)), ((0, 1000), (9.0, 2.0))):
        picks = machine.picks([reads, writes], 30_000, input_tokens=tokens[0], output_tokens=tokens[1])
        assert p_value(picks, {"reads": 2 / costs[0] ** 2, "writes": 1 / costs[1] ** 2}) > FLAKE


@version
def test_price_weighted_puts_those_with_an_outage_behind_and_unknown_prices_last(version: str) -> None:
    machine, dear = Machine(version, "price-weighted"), candidate("dear", **DEAR)
    ramp = candidate("ramp", state="ramp", trips=1, since_ms=NOW - 9_000, reason="server", weight=0.9, **CHEAP)
    closed = candidate("closed", trips=1, since_ms=NOW - 19_000, reason="timeout", **CHEAP)
    members = [dear, ramp, closed, candidate("unknown", weight=100)]
    assert machine.picks(members) == {"dear": 1000}
    picks = machine.picks(members, 10_000, refused=["dear"])
    assert p_value(picks, {"ramp": 0.9, "closed": 1.0}) > FLAKE
    assert machine.picks(members, refused=["dear", "ramp", "closed"]) == {"unknown": 1000}
    well = {**closed, "since_ms": NOW - 21_000}
    assert p_value(machine.picks([dear, well], 20_000), {"closed": 9.0, "dear": 1.0}) > FLAKE, "30 s after the end"
    limited = {**ramp, "weight": 1.0, "reason": "rate_limit"}
    assert p_value(machine.picks([dear, limited], 20_000), {"ramp": 9.0, "dear": 1.0}) > FLAKE, "a 429 is no outage"
    assert machine.picks([dear, well], args={"outage": 60}) == {"dear": 1000}


@version
def test_what_is_free_serves_before_what_costs(version: str) -> None:
    members = [candidate("free", input_price=0, output_price=0), candidate("cheap", **CHEAP)]
    assert Machine(version, "price-weighted").picks(members) == {"free": 1000}
    assert Machine(version, "balanced").picks([seen("free", 900, input_price=0, output_price=0), seen("b", 1)]) == {
        "free": 1000
    }


@version
def test_balanced_is_the_product_of_its_factors(version: str) -> None:
    """A price 4 times as high has to be twice as fast; a quarter of the limit left counts as twice as slow."""
    machine, cheap = Machine(version, "balanced"), seen("cheap", 20, inflight=1, used=0)
    dear: dict[str, Any] = {"inflight": 1, "used": 0, "input_price": 4e9, "output_price": 8e9}
    assert machine.picks([cheap, seen("dear", 9.9, **dear)]) == {"dear": 1000}
    assert machine.picks([cheap, seen("dear", 10.1, **dear)]) == {"cheap": 1000}
    assert machine.picks([cheap, seen("dear", 19.9, **dear)], args={"price": 0}) == {"dear": 1000}
    assert machine.picks([cheap, seen("tight", 9.9, inflight=1, used=0.75)]) == {"tight": 1000}
    assert machine.picks([cheap, seen("tight", 10.1, inflight=1, used=0.75)]) == {"cheap": 1000}
    assert machine.picks([cheap, seen("tight", 19.9, inflight=1, used=0.75)], args={"headroom": 0}) == {"tight": 1000}


@version
def test_balanced_adds_the_first_token_to_the_rest_of_a_stream(version: str) -> None:
    machine = Machine(version, "balanced")
    members = [seen("soon", 20, ttft_ms=100), seen("fast", 10, ttft_ms=900)]
    assert machine.picks(members, stream=True, output_tokens=10) == {"soon": 1000}
    assert machine.picks(members, stream=True, output_tokens=100) == {"fast": 1000}
    assert machine.picks(members, output_tokens=10) == {"fast": 1000}


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("peak-ewma", {"decay": 0}, "decay: Input should be greater than 0"),
        ("peak-ewma", {"penalty": math.inf}, "penalty: Input should be a finite number"),
        ("least-tokens", {"barier": 1}, r"unknown argument 'barier' \(did you mean 'barrier'\?\)"),
        ("price-weighted", {"power": 5}, "power: Input should be less than or equal to 4"),
        ("balanced", {"headroom": -1}, "headroom: Input should be greater than or equal to 0"),
    ],
)
def test_a_bad_argument_is_named(name: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        strategies.find(name).spec(args)
