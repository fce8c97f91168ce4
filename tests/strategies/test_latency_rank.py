"""The latency rank alone: what it measures, its prior, its arguments, its exploration."""

from __future__ import annotations

from typing import Any

import pytest

from tests.strategies.chance import FLAKE, p_value
from tests.strategies.vm import NOW, VERSIONS, Machine, candidate

CALM = {"exploration": 0.0}


@pytest.fixture(params=list(VERSIONS))
def machine(request: pytest.FixtureRequest) -> Machine:
    return Machine(request.param, "latency-based-routing")


def seen(id: str, ms: float, age_ms: int = 0, **facts: Any) -> dict[str, Any]:
    """A deployment whose every measure is `ms`."""
    measures = {"ms_per_token": ms, "ttft_ms": ms, "latency_ms": ms}
    return candidate(id, **{**measures, "sampled_ms": NOW - age_ms, **facts})


def test_the_measure_is_what_the_caller_waits_for(machine: Machine) -> None:
    members = [
        seen("first token", 99, ttft_ms=10),
        seen("per token", 99, ms_per_token=10),
        seen("whole call", 99, latency_ms=10),
    ]
    assert machine.picks(members, args=CALM, stream=True) == {"first token": 1000}
    assert machine.picks(members, args=CALM) == {"per token": 1000}
    assert machine.picks(members, args=CALM, output_tokens=0) == {"whole call": 1000}


def test_load_and_weight_scale_the_latency(machine: Machine) -> None:
    assert machine.picks([seen("a", 10, inflight=3), seen("b", 30)], args=CALM) == {"b": 1000}
    assert machine.picks([seen("a", 10, inflight=3, weight=2), seen("b", 30)], args=CALM) == {"a": 1000}
    assert machine.picks([seen("a", 0, inflight=3), seen("b", 0)], args=CALM) == {"b": 1000}, "0 ms has a load too"


def test_an_unseen_one_is_taken_for_the_average(machine: Machine) -> None:
    members = [seen("fast", 10), seen("slow", 50), candidate("new")]  # new: 30
    assert machine.picks(members, args=CALM) == {"fast": 1000}
    assert machine.picks(members, args=CALM, refused=["fast"]) == {"new": 1000}
    picks = machine.picks([candidate(id) for id in "ab"], 10_000, args=CALM)
    assert p_value(picks, {"a": 1.0, "b": 1.0}) > FLAKE, "nobody was seen: all are equal"


def test_a_sample_older_than_ttl_no_longer_counts(machine: Machine) -> None:
    members = [seen("old", 1000, age_ms=61_000), seen("fast", 10), seen("slow", 50)]
    assert machine.picks(members, args={**CALM, "ttl": 60}, refused=["fast"]) == {"old": 1000}
    assert machine.picks(members, args={**CALM, "ttl": 62}, refused=["fast"]) == {"slow": 1000}


def test_the_buffer_makes_equals_of_those_near_the_lowest(machine: Machine) -> None:
    members = [seen("a", 10), seen("b", 14), seen("c", 15.1), seen("heavy", 15, weight=9, inflight=8)]
    picks = machine.picks(members, 9_000, args={**CALM, "lowest_latency_buffer": 0.5})
    assert p_value(picks, {"a": 1.0, "b": 1.0, "heavy": 1.0}) > FLAKE
    assert machine.picks(members, args={**CALM, "lowest_latency_buffer": 0}) == {"a": 1000}


def test_the_buffer_is_measured_within_one_order(machine: Machine) -> None:
    members = [seen("a", 100), seen("b", 110), seen("spare", 1, order=1)]
    picks = machine.picks(members, 10_000, args={**CALM, "lowest_latency_buffer": 0.2})
    assert p_value(picks, {"a": 1.0, "b": 1.0}) > FLAKE


def test_exploration_picks_the_oldest_sample_in_two_percent_of_decisions(machine: Machine) -> None:
    members = [seen("fast", 1), seen("slow", 99, age_ms=11_000), seen("slower", 999, age_ms=12_000)]
    picks = machine.picks(members, 50_000)
    assert p_value(picks, {"fast": 0.98, "slower": 0.02}) > FLAKE
    assert machine.picks(members, args={"exploration": 1}) == {"slower": 1000}


def test_exploration_is_one_at_a_time_and_leaves_fresh_and_unweighted_ones_alone(machine: Machine) -> None:
    fast, all_day = seen("fast", 1), {"exploration": 1}
    assert machine.picks([fast, seen("slow", 99, age_ms=11_000, inflight=1)], args=all_day) == {"fast": 1000}
    assert machine.picks([fast, seen("slow", 99, age_ms=10_000)], args=all_day) == {"fast": 1000}
    assert machine.picks([fast, seen("never", 99, age_ms=99_000, weight=0)], args=all_day) == {"fast": 1000}


def test_exploration_finds_unseen_ones_evenly_and_stays_in_its_order(machine: Machine) -> None:
    members = [seen("fast", 1), candidate("a", inflight=0), candidate("b"), candidate("spare", order=1)]
    picks = machine.picks(members, 10_000, args={"exploration": 1})
    assert p_value(picks, {"a": 1.0, "b": 1.0}) > FLAKE
