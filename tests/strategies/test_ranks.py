"""Each rank alone, as a pure function, in both ends of what servers run."""

from __future__ import annotations

import pytest

from tests.strategies.chance import FLAKE, p_value, wrong
from tests.strategies.vm import NOW, VERSIONS, Machine, candidate

ALL = ("simple-shuffle", "least-busy", "usage-based-routing", "cost-based-routing", "latency-based-routing")

version = pytest.mark.parametrize("version", list(VERSIONS))


@version
@pytest.mark.parametrize("name", ALL)
def test_weight_zero_serves_only_where_nobody_else_can(version: str, name: str) -> None:
    members = [candidate("never", weight=0, used=0), candidate("works", used=0.9, inflight=50)]
    machine = Machine(version, name)
    assert machine.picks(members) == {"works": 1000}
    assert machine.picks(members, refused=["works"]) == {"never": 1000}


@version
@pytest.mark.parametrize("name", ALL)
def test_equals_share_evenly(version: str, name: str) -> None:
    members = [candidate(id, used=0.2, inflight=2, ms_per_token=20, sampled_ms=NOW) for id in "abcd"]
    picks = Machine(version, name).picks(members, 20_000)
    assert p_value(picks, dict.fromkeys("abcd", 1.0)) > FLAKE


@version
@pytest.mark.parametrize("name", ALL)
def test_the_lowest_order_goes_first_and_the_next_serves_where_it_is_full(version: str, name: str) -> None:
    members = [candidate("first", used=0.9, inflight=9), candidate("second", order=1, used=0)]
    machine = Machine(version, name)
    assert machine.picks(members) == {"first": 1000}
    assert machine.picks(members, refused=["first"]) == {"second": 1000}


@pytest.mark.slow
@version
def test_shuffle_is_by_weight_also_among_those_left_when_some_are_full(version: str) -> None:
    weights = {"a": 1.0, "b": 2.0, "c": 5.0, "d": 0.5}
    members = [candidate(id, weight=weight) for id, weight in weights.items()]
    machine = Machine(version, "simple-shuffle")
    picks = machine.picks(members, 100_000)
    assert p_value(picks, weights) > FLAKE
    assert all(p_value(picks, wrong(weights, id)) < FLAKE for id in ("a", "b", "c"))
    left = machine.picks(members, 50_000, refused=["c"])
    assert p_value(left, {**weights, "c": 0}) > FLAKE


@version
def test_least_busy_takes_the_fewest_in_flight_for_the_weight(version: str) -> None:
    machine = Machine(version, "least-busy")
    assert machine.picks([candidate("a", inflight=3), candidate("b", inflight=2)]) == {"b": 1000}
    assert machine.picks([candidate("a", inflight=3, weight=2), candidate("b", inflight=2)]) == {"a": 1000}
    assert machine.picks([candidate("a", inflight=9, weight=100), candidate("idle", weight=0.1)]) == {"idle": 1000}


@version
def test_least_busy_spreads_a_quiet_fleet_by_weight(version: str) -> None:
    """Also what slow start needs: an idle deployment with a tenth of its weight gets a tenth."""
    weights = {"a": 1.0, "b": 3.0, "starting": 0.1}
    picks = Machine(version, "least-busy").picks([candidate(id, weight=w) for id, w in weights.items()], 20_000)
    assert p_value(picks, weights) > FLAKE


@version
def test_usage_takes_the_most_headroom_and_then_the_least_load(version: str) -> None:
    machine = Machine(version, "usage-based-routing")
    assert machine.picks([candidate("a", used=0.51), candidate("b", used=0.5, inflight=90)]) == {"b": 1000}
    assert machine.picks([candidate("a", used=0, inflight=3), candidate("b", used=0, inflight=2)]) == {"b": 1000}
    assert machine.picks([candidate("debt", used=1.2), candidate("full", used=1.0)]) == {"full": 1000}


@version
def test_cost_is_the_price_of_this_request(version: str) -> None:
    machine = Machine(version, "cost-based-routing")
    reads = candidate("cheap input", input_price=1_000_000_000, output_price=9_000_000_000)
    writes = candidate("cheap output", input_price=2_000_000_000, output_price=2_000_000_000)
    assert machine.picks([reads, writes], input_tokens=1000, output_tokens=10) == {"cheap input": 1000}
    assert machine.picks([reads, writes], input_tokens=10, output_tokens=1000) == {"cheap output": 1000}


@version
def test_cost_never_lets_load_outweigh_a_price_and_puts_unknown_prices_last(version: str) -> None:
    machine = Machine(version, "cost-based-routing")
    cheap = candidate("cheap", input_price=10_000_000, output_price=10_000_000, inflight=10**6, weight=0.01)
    dear = candidate("dear", input_price=10_010_000, output_price=10_000_000)
    assert machine.picks([cheap, dear]) == {"cheap": 1000}
    assert machine.picks([candidate("unknown"), dear]) == {"dear": 1000}
    assert machine.picks([candidate("half", input_price=1), dear]) == {"dear": 1000}
    assert machine.picks([candidate("unknown"), dear], refused=["dear"]) == {"unknown": 1000}
    assert machine.picks([candidate("embeds", input_price=1), dear], output_tokens=0) == {"embeds": 1000}


@version
def test_cost_tells_loads_apart_however_dear_the_call_is(version: str) -> None:
    price = {"input_price": 10**11, "output_price": 10**11}  # 100 dollars per million tokens, a million of them
    members = [candidate("a", inflight=60, **price), candidate("b", inflight=61, **price)]
    assert Machine(version, "cost-based-routing").picks(members, input_tokens=10**6) == {"a": 1000}


@pytest.mark.slow
@version
@pytest.mark.parametrize("name", ["usage-based-routing", "cost-based-routing", "latency-based-routing"])
def test_slow_start_bounds_what_looks_best_to_its_share(version: str, name: str) -> None:
    """Unused, cheapest, fastest and idle, and still not more than weight / sum of weights."""
    members = [
        candidate(id, used=0.5, ms_per_token=100, sampled_ms=NOW, input_price=9e9, output_price=9e9, inflight=50)
        for id in "abc"
    ]
    best = {"used": 0, "ms_per_token": 0.1, "sampled_ms": NOW, "input_price": 1, "output_price": 1}
    machine = Machine(version, name)
    for weight in (0.1, 0.5, 0.99):
        picks = machine.picks([*members, candidate("new", weight=weight, state="ramp", **best)], 20_000)
        shares = {"new": picks["new"], "others": 20_000 - picks["new"]}
        assert p_value(shares, {"new": weight, "others": 3.0}) > FLAKE
    assert machine.picks([candidate("new", weight=0.1, state="ramp", **best)]) == {"new": 1000}


@version
def test_cost_goes_by_price_and_load_where_a_call_failed_already(version: str) -> None:
    """The next cheapest may be as crowded as the one that was too slow for it."""
    machine = Machine(version, "cost-based-routing")
    crowded = candidate("crowded", input_price=1_000_000, output_price=1_000_000, inflight=50)
    free = candidate("free", input_price=10_000_000, output_price=10_000_000, inflight=2)
    assert machine.picks([crowded, free]) == {"crowded": 1000}
    assert machine.picks([crowded, free], extra=True) == {"free": 1000}
    assert machine.picks([{**crowded, "inflight": 5}, free], extra=True) == {"crowded": 1000}
    assert machine.picks([candidate("unknown"), free], extra=True) == {"free": 1000}
