"""A dollar, and two hundred concurrent calls of which nobody knows how long their answers will be."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest

from router_core.state.records import Acquire, Lease, Rows
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, edited, ended, settled, tries

DOLLAR = 10**9
PRICES = {"input_price": 3_000_000_000, "output_price": 15_000_000_000}  # nano-dollars a million tokens
AT_ONCE, LONGEST = 200, 4000
RED = ("team:red",)
CALL = ask(subjects=RED, input_tokens=500, output_tokens=100, max_input=900, max_output=LONGEST)
RESERVED = {"estimate": (500, 100), "max": (900, LONGEST)}  # tokens of a call


def cost(input: int, output: int) -> int:
    return -(-(input * PRICES["input_price"] + output * PRICES["output_price"]) // 10**6)


@dataclass
class Running:
    lease: Lease
    tokens: tuple[int, int]

    @property
    def cost(self) -> int:
        return cost(*self.tokens)


@dataclass
class Spent:
    """What a dollar was spent on."""

    whole: int = 0
    beyond: int = 0  # the calls that ran when the last one was admitted: what they used beyond their reservations
    most: int = 0  # calls at once


async def spend(store: Store, request: Acquire, reserved: int, dice: Random) -> Spent:
    """Two hundred callers, each with a call, until none is admitted though none runs."""
    spent, running = Spent(), list[Running]()
    while True:
        granted, _ = await tries(store, request, AT_ONCE - len(running))
        running += [Running(lease, (dice.randint(400, 900), dice.randint(1, LONGEST))) for lease in granted]
        if granted:
            spent.beyond, spent.most = sum(one.cost - reserved for one in running), max(spent.most, len(running))
        elif not running:
            return spent
        dice.shuffle(running)
        for one in running[:20]:
            await settled(store, one.lease, outcome=ended("ok", *one.tokens, cost_nano=one.cost))
            spent.whole += one.cost
        del running[:20]


async def budget(store: Store, reserve: str) -> Store:
    amount: int | str = DOLLAR if reserve == "estimate" else f"{DOLLAR},max"
    await store.register([declared(**PRICES)], [Rows("team:red", {"cost/86400": amount})])  # type: ignore[arg-type]
    return store


@pytest.mark.parametrize("reserve", ["estimate", "max"])
async def test_above_a_budget_is_at_most_what_the_calls_in_flight_used_beyond_their_reservations(
    place: Place, reserve: str
) -> None:
    """With an upper bound that is less than nothing, and still the whole dollar is used."""
    store = await budget(place.store(), reserve)
    reserved = cost(*RESERVED[reserve])
    spent = await spend(store, CALL, reserved, Random(7))
    print(f"{reserve}: {spent.whole / DOLLAR:.3f} dollars, {spent.beyond / DOLLAR:.3f} beyond, {spent.most} at once")
    assert spent.whole - DOLLAR <= spent.beyond
    assert spent.whole + reserved > DOLLAR, "it is used"
    [state] = await store.usage("team:red")
    assert (state.used, state.reserved) == (spent.whole, 0)
    if reserve == "max":
        assert spent.whole <= DOLLAR
    else:
        assert spent.most == AT_ONCE


async def test_a_script_that_takes_the_estimate_for_the_upper_bound_is_seen(memory: Place) -> None:
    store = memory.store()
    store.calls_script = edited(store.calls_script, r"if row\.max then", "if false then")
    spent = await spend(await budget(store, "max"), CALL, cost(*RESERVED["max"]), Random(7))
    assert spent.whole > DOLLAR
