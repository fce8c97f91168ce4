"""Names and arguments: a bad one is an error that lists the good ones."""

from __future__ import annotations

from typing import Any

import pytest

from router_core import strategies
from router_core.strategies import Arguments, Strategy

MINE = "-- The name that sorts first.\n-- Facts:\nreturn function(candidate) return #candidate.id end\n"


def test_every_name_finds_a_strategy_whose_rank_the_scripts_know() -> None:
    for name in strategies.names():
        assert strategies.find(name).name in strategies.sources()


def test_aliases_share_one_rank() -> None:
    assert strategies.find("usage-based-routing-v2").spec({}) == "usage-based-routing"
    assert strategies.find("provider-budget-routing").spec({}) == "simple-shuffle"
    assert list(strategies.sources(["usage-based-routing-v2", "usage-based-routing"])) == ["usage-based-routing"]


def test_only_a_shuffle_may_be_sampled_by_weight() -> None:
    shuffles = {name for name in strategies.names() if strategies.find(name).sampled_by_weight}
    assert shuffles == {"simple-shuffle", "provider-budget-routing", "custom"}


def test_a_bad_name_lists_the_good_ones_and_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"no strategy 'least-bussy' \(did you mean 'least-busy'\?\); there are simple-"
    ):
        strategies.find("least-bussy")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, ""),
        ({"ttl": 60}, " ttl=60"),
        ({"lowest_latency_buffer": 0.25, "exploration": 0}, " lowest_latency_buffer=0.25 exploration=0"),
        ({"max_latency_list_size": 3}, " alpha=0.5"),
        ({"ttft_percentile": None}, ""),
    ],
)
def test_arguments_become_the_words_the_rank_reads(args: dict[str, Any], words: str) -> None:
    assert strategies.find("latency-based-routing").spec(args) == "latency-based-routing" + words


def test_a_list_size_says_how_samples_are_learned() -> None:
    latency = strategies.find("latency-based-routing")
    assert latency.learn({"max_latency_list_size": 9}) == "alpha=0.2"
    assert latency.learn({"ttl": 5}) == ""
    assert strategies.find("least-busy").learn({}) == ""


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        (
            "latency-based-routing",
            {"tll": 5},
            r"unknown argument 'tll' \(did you mean 'ttl'\?\); it takes ttl, lowest_",
        ),
        ("latency-based-routing", {"ttl": 0}, "ttl: Input should be greater than 0"),
        ("latency-based-routing", {"ttl": float("nan")}, "ttl: Input should be a finite number"),
        ("latency-based-routing", {"exploration": 2}, "exploration: Input should be less than or equal to 1"),
        ("latency-based-routing", {"ttft_percentile": 0.9}, "ttft_percentile: .* peak EWMA"),
        ("least-busy", {"x": 1}, "unknown argument 'x'; it takes none"),
        ("custom", {}, "callable: Field required"),
        ("custom", {"callable": 3}, "callable: Input should be callable"),
    ],
)
def test_a_bad_argument_is_named(name: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        strategies.find(name).spec(args)


def test_custom_falls_back_to_the_default_strategy() -> None:
    assert strategies.find("custom").spec({"callable": print}) == "simple-shuffle"


def test_a_rank_of_ones_own_takes_its_own_arguments() -> None:
    class Mine(Arguments):
        factor: float = 2.0
        mode: str = "calm"
        strict: bool = False

    mine = Strategy.from_lua("mine", MINE, Mine)
    assert strategies.find("mine", [mine]) is mine
    assert mine.spec({"strict": True}) == "mine factor=2 mode=calm strict=1"
    assert strategies.sources(["mine"], [mine]) == {"mine": MINE}
    assert "mine" in strategies.sources(extra=[mine])
    with pytest.raises(ValueError, match="mode is 'two words'"):
        mine.spec({"mode": "two words"})
    with pytest.raises(ValueError, match="no strategy 'mine'"):
        strategies.find("mine")


def test_a_name_that_is_built_in_is_not_taken_over() -> None:
    with pytest.raises(ValueError, match="needs a name of its own: least-busy"):
        strategies.find("custom", [Strategy.from_lua("least-busy", MINE)])
