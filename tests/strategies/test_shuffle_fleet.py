"""Weighted shuffle over a fleet is exact: 100,000 picks of four processes, and a weight wrong by a tenth would show."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.state.kit import Place, ask, declared, tries
from tests.strategies.chance import FLAKE, p_value, wrong
from tests.strategies.fleet import picks

pytestmark = [pytest.mark.slow, pytest.mark.serial]

# Each a tenth of the whole at least: then a tenth of it is more than ten standard deviations of its count.
WEIGHTS = {"a": 1.2, "b": 1.5, "c": 2.0, "d": 1.3, "e": 2.2, "f": 1.8}
PICKS = 100_000


def assert_only_these_weights_fit(counts: Counter[str], weights: dict[str, float]) -> None:
    """The test of the test: with any one weight off by a tenth it is red."""
    assert p_value(counts, weights) > FLAKE, counts
    for name in weights:
        assert p_value(counts, wrong(weights, name)) < FLAKE, f"a wrong weight of {name} does not show in {counts}"


async def test_a_hundred_thousand_picks_follow_the_weights(valkey: Place) -> None:
    await valkey.store().register([declared(id, weight=weight) for id, weight in WEIGHTS.items()])
    counts = await picks(valkey, WEIGHTS, PICKS)
    assert counts.total() == PICKS
    assert_only_these_weights_fit(counts, WEIGHTS)


async def test_a_weight_changed_in_the_pool_by_a_tenth_shows_in_the_picks(valkey: Place) -> None:
    """The same through the scripts: with one weight in force off by a tenth the check on the others is red."""
    store = valkey.store()
    await store.register([declared(id, weight=weight) for id, weight in WEIGHTS.items()])
    await store.control("weight", "e", weight=WEIGHTS["e"] * 1.1)
    counts = await picks(valkey, WEIGHTS, PICKS)
    assert p_value(counts, WEIGHTS) < FLAKE
    assert p_value(counts, wrong(WEIGHTS, "e")) > FLAKE


async def test_the_picks_follow_the_weights_while_some_are_full_and_right_after(valkey: Place) -> None:
    """No memory of who had to be skipped: nobody makes up for it, nobody is forgotten."""
    store, full = valkey.store(), {"b", "e"}
    limits = {"requests/60": 20}
    await store.register([declared(id, weight=w, limits=limits if id in full else {}) for id, w in WEIGHTS.items()])
    for id in full:
        granted, _ = await tries(store, ask(id), 20)
        assert len(granted) == 20
    left = {id: weight for id, weight in WEIGHTS.items() if id not in full}
    counts = await picks(valkey, WEIGHTS, 20_000)
    assert p_value(counts, left) > FLAKE, counts
    for id in full:
        await store.control("limits", id, **{"requests/60": 10 * PICKS})
    assert_only_these_weights_fit(await picks(valkey, WEIGHTS, PICKS), WEIGHTS)


async def test_a_group_of_a_thousand_is_sampled_by_weight(valkey: Place) -> None:
    """32 of them travel with a call; each member and each class of weights gets its share."""
    classes = {"light": 1.0, "middle": 2.0, "heavy": 5.0}
    names = {f"{kind}-{i}": weight for i in range(334) for kind, weight in classes.items()}
    weights = dict(list(names.items())[:1000])
    await valkey.store().register([declared(id, weight=weight) for id, weight in weights.items()])
    counts = await picks(valkey, weights, PICKS)
    assert p_value(counts, weights) > FLAKE
    by_class = Counter[str]()
    shares: dict[str, float] = dict.fromkeys(classes, 0.0)
    for id, weight in weights.items():
        by_class[id.split("-")[0]] += counts[id]
        shares[id.split("-")[0]] += weight
    assert_only_these_weights_fit(by_class, shares)
