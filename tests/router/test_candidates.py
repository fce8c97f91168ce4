"""Which deployments travel with a call: static facts, samples of large groups, and their fairness."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from router_core.choosing.candidates import MOST, SHARED, Group
from router_core.choosing.members import Needs
from router_core.choosing.sampling import Pool
from router_core.choosing.tags import allowed
from router_core.config import Deployment
from router_core.errors import ContextWindowExceededError, NoDeploymentAvailable


def deployment(id: str, weight: float = 1.0, **facts: Any) -> Deployment:
    return Deployment(
        id=id, model_name="g", model="m", provider="openai", account="a", effective_weight=weight, **facts
    )


def group(members: Sequence[Deployment]) -> Group:
    return Group("g", members, Random(7))


def chi_square_fits(counts: Counter[str], weights: dict[str, float]) -> bool:
    """Whether the counts fit the weights at about 4 sigma (Wilson and Hilferty)."""
    total, whole = sum(counts.values()), sum(weights.values())
    value = sum((counts[id] - total * w / whole) ** 2 / (total * w / whole) for id, w in weights.items())
    freedom = len(weights) - 1
    return value < freedom * (1 - 2 / (9 * freedom) + 4 * math.sqrt(2 / (9 * freedom))) ** 3


def test_a_small_group_travels_whole() -> None:
    small = group([deployment(str(i)) for i in range(MOST)])
    part = small.slice(small.eligible(Needs()), shuffle=True)
    assert (len(part.ids), part.preferred, part.partial) == (MOST, 0, False)


@pytest.mark.slow
@pytest.mark.parametrize("size", [33, 1000])
def test_the_head_of_a_sample_is_exactly_weighted(size: int) -> None:
    random = Random(3)
    weights = {str(i): random.choice([0.5, 1.0, 2.0, 5.0]) for i in range(size)}
    large = group([deployment(id, weight) for id, weight in weights.items()])
    counts: Counter[str] = Counter()
    for _ in range(60 * size):
        counts[large.slice(None, shuffle=True).ids[0]] += 1
    assert chi_square_fits(counts, weights)


@pytest.mark.slow
def test_the_second_of_a_sample_is_weighted_among_the_others() -> None:
    weights = {str(i): 1.0 + i % 3 for i in range(40)}
    large = group([deployment(id, weight) for id, weight in weights.items()])
    seconds: Counter[str] = Counter()
    for _ in range(40_000):
        seconds[large.slice(None, shuffle=True, exclude={"0", "1"}).ids[0]] += 1
    del weights["0"], weights["1"]
    assert chi_square_fits(seconds, weights)


def test_a_sample_is_kept_in_order_and_has_no_repetition() -> None:
    large = group([deployment(str(i)) for i in range(500)])
    part = large.slice(None, shuffle=True)
    assert (len(part.ids), len(set(part.ids)), part.preferred, part.partial) == (MOST, MOST, MOST, True)


def test_slices_go_through_all_members() -> None:
    large = group([deployment(str(i)) for i in range(100)])
    seen: set[str] = set()
    while (part := large.slice(None, shuffle=False, exclude=seen)).ids:
        assert seen.isdisjoint(part.ids)
        seen |= set(part.ids)
    assert len(seen) == 100


def test_the_best_of_earlier_replies_travel_again() -> None:
    large = group([deployment(str(i)) for i in range(1000)])
    large.learn_best(tuple(map(str, range(8))))
    part = large.slice(None, shuffle=False)
    assert set(map(str, range(8))) <= set(part.ids)
    assert (part.remember, part.preferred) == (8, 0)


def test_calls_share_a_sample_but_for_those_that_were_refused_or_wish() -> None:
    """16 calls have the same 32 candidates, then others; a call that comes again must meet others at once."""
    large = group([deployment(str(i)) for i in range(1000)])
    parts = [large.slice(None, shuffle=False) for _ in range(2 * SHARED)]
    assert [part.ids for part in parts] == SHARED * [parts[0].ids] + SHARED * [parts[SHARED].ids]
    assert parts[0].ids != parts[SHARED].ids
    assert [part.remember for part in parts] == 2 * [8, *(SHARED - 1) * [0]]
    again = large.slice(None, shuffle=False, exclude=parts[0].ids)
    assert not set(again.ids) & set(parts[0].ids)
    wish = parts[SHARED].ids[0]
    assert large.slice(None, shuffle=False, wishes=[wish]).ids not in {part.ids for part in parts}


def test_the_lowest_order_is_sampled_first() -> None:
    large = group([deployment(str(i), order=int(i >= 20)) for i in range(100)])
    for shuffle in (True, False):
        part = large.slice(None, shuffle=shuffle)
        assert set(part.ids[:20]) == set(map(str, range(20)))


def test_weight_zero_comes_only_after_all_others() -> None:
    random = Random(1)
    assert set(Pool(range(4), [1, 0, 1, 0]).order(2, lambda _: True, random)) == {0, 2}
    assert set(Pool(range(4), [1, 0, 1, 0]).order(4, lambda _: True, random)[2:]) == {1, 3}
    assert set(Pool(range(2), [0, 0]).order(2, lambda _: True, random)) == {0, 1}


def test_one_heavy_member_does_not_hide_the_others() -> None:
    order = Pool(range(100), [1e9, *[1.0] * 99]).order(32, lambda _: True, Random(1))
    assert (order[0], len(set(order))) == (0, 32)


def test_ten_thousand_members_cost_what_a_hundred_cost() -> None:
    def cost(size: int) -> float:
        large = group([deployment(str(i), 1.0 + i % 7) for i in range(size)])
        large.slice(None, shuffle=True)
        best = math.inf
        for _ in range(20):
            began = time.perf_counter()
            large.slice(None, shuffle=True)
            best = min(best, time.perf_counter() - began)
        return best

    assert cost(10_000) < 4 * cost(100)


def test_wishes_come_first_and_unknown_ones_not_at_all() -> None:
    small = group([deployment(id) for id in "abc"])
    part = small.slice(None, shuffle=True, wishes=["c", "nobody", "a", "c"])
    assert (part.ids, part.wishes) == (("a", "b", "c"), (2, 0))
    large = group([deployment(str(i)) for i in range(100)])
    assert large.slice(None, shuffle=False, wishes=["77"]).ids[0] == "77"


def test_context_size_excludes_only_what_is_known_to_be_too_small() -> None:
    mixed = group(
        [deployment("small", max_input_tokens=10), deployment("unknown"), deployment("large", max_input_tokens=99)]
    )
    assert mixed.eligible(Needs(input_tokens=5)) is None
    assert mixed.eligible(Needs(input_tokens=50)) == {"unknown": None, "large": None}
    with pytest.raises(ContextWindowExceededError):
        group([deployment("small", max_input_tokens=10)]).eligible(Needs(input_tokens=50))


def test_an_unknown_region_is_not_the_wanted_one() -> None:
    mixed = group(
        [deployment("eu", region_name="eu-west-1"), deployment("us", region_name="us-east-1"), deployment("nowhere")]
    )
    assert mixed.eligible(Needs(region="eu")) == {"eu": None}
    with pytest.raises(NoDeploymentAvailable):
        mixed.eligible(Needs(region="ap"))


@pytest.mark.parametrize(
    ("wanted", "match_any", "expected"),
    [
        ((), True, "d"),
        (("free",), True, "fb"),
        (("free", "paid"), True, "fpb"),
        (("free", "paid"), False, "b"),
        (("nobody",), True, "d"),
        (("!paid", "free"), True, "f"),
        (("&paid",), True, "pb"),
        (("&paid", "free"), True, "b"),
    ],
)
def test_tags_allow_these(wanted: tuple[str, ...], match_any: bool, expected: str) -> None:
    members = {"f": {"free"}, "p": {"paid"}, "b": {"free", "paid"}, "d": {"default"}, "u": set[str]()}
    fits = allowed([frozenset(tags) for tags in members.values()], wanted, match_any)
    assert "".join(name for name, fit in zip(members, fits, strict=True) if fit) == expected


def test_without_default_every_deployment_serves_untagged_requests() -> None:
    assert allowed([frozenset({"a"}), frozenset()], (), True) == [True, True]
