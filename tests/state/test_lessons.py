"""What calls teach of a deployment's context window and of estimates."""

from __future__ import annotations

from random import Random

import pytest

from router_core.state.records import Lease, Refused
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, ended, serving, settled, tried

Told = list[tuple[str, float, float | None, float | None]]


def hearing(store: Store) -> Told:
    """What a worker is told of fits."""
    told: Told = []
    store.on_fit = lambda *words: told.append(words)
    return told


async def taught(store: Store, guess: int, tools: bool, real: int, id: str = "a") -> None:
    """A call that was estimated at `guess` had `real` tokens."""
    lease = await store.acquire(ask(id))
    await settled(store, lease, outcome=ended("ok", real, 5, guess=guess, tools=tools))


class Plain:
    """The formula in plain words: normalized least mean squares over ratio and constants."""

    def __init__(self) -> None:
        self.ratio, self.constants, self.samples = 1.0, {False: 0.0, True: 0.0}, {False: 0, True: 0}

    def predict(self, guess: int, tools: bool) -> float:
        return self.ratio * guess + self.constants[tools]

    def learn(self, guess: int, tools: bool, real: int) -> None:
        most = max(guess, 2000)
        missed = min(max(real - self.predict(guess, tools), -most), most)
        self.samples[tools] += 1
        step = max(0.2, 1 / self.samples[tools]) * missed / (guess**2 + 200**2)
        self.ratio = min(max(self.ratio + step * guess, 0.25), 4.0)
        self.constants[tools] = min(max(self.constants[tools] + step * 200**2, -500.0), 2000.0)


async def test_a_window_that_an_error_told_keeps_longer_calls_away(place: Place) -> None:
    store = await serving(place)
    await store.register([declared("a"), declared("b")])
    lease = await store.acquire(ask("a"))
    await settled(store, lease, outcome=ended("context_window", context_tokens=8192))
    assert place.column("context") == {"a": "8192"}
    assert (await store.snapshot()).deployments["a"].context_tokens == 8192
    for _ in range(8):
        assert (await store.acquire(ask("a", "b", input_tokens=10_241))).deployment == "b"
    assert isinstance(await tried(store, ask("a", input_tokens=10_240)), Lease), "estimates may be a quarter too high"
    answer = await tried(store, ask("a", input_tokens=10_241, max_wait=30.0))
    assert isinstance(answer, Refused)
    assert answer.refusals[0].reason == "too_large"
    assert [event.kind for event in await store.events()].count("context") == 1


async def test_a_longer_call_that_was_served_takes_it_back(place: Place) -> None:
    store = await serving(place)
    leases = [await store.acquire(ask()) for _ in range(3)]
    await settled(store, leases[0], outcome=ended("context_window", context_tokens=2000))
    await settled(store, leases[1], outcome=ended("ok", 1999, 1))
    assert place.column("context") == {"a": "2000"}
    await settled(store, leases[2], outcome=ended("ok", 2001, 1))
    assert place.column("context") == {}


async def test_estimates_are_learned_by_the_formula(place: Place) -> None:
    store, model = await serving(place), Plain()
    told = hearing(store)
    for guess, tools, real in [(100, False, 180), (1000, True, 2400), (5000, False, 5600), (40, True, 900)] * 4:
        await taught(store, guess, tools, real)
        model.learn(guess, tools, real)
        if len(told) == 1:
            assert told[0][3] is None, "no call with tools yet"
    ratio, plain, plain_count, tool, tool_count = map(float, place.column("fit")["a"].split())
    assert (ratio, plain, tool) == pytest.approx((model.ratio, *model.constants.values()), rel=1e-6)
    assert told[-1] == ("a", ratio, plain, tool)
    assert (plain_count, tool_count) == (8, 8)


@pytest.mark.parametrize(("ratio", "plain", "tools"), [(1.3, 0, 500), (0.7, 60, 0), (1.0, 500, 1390)])
async def test_ratio_and_constants_are_found_together(memory: Place, ratio: float, plain: int, tools: int) -> None:
    """Within 5 % after three hundred calls of all sizes, each counted 5 % more or less."""
    store, random = await serving(memory), Random(7)
    told = hearing(store)

    def real(guess: int, with_tools: bool) -> int:
        return round(ratio * guess + (tools if with_tools else plain))

    for _ in range(300):
        guess, with_tools = int(10 ** random.uniform(1, 4)), random.random() < 0.5
        await taught(store, guess, with_tools, round(real(guess, with_tools) * random.uniform(0.95, 1.05)))
    _, found, *constants = told[-1]
    for guess in (300, 1000, 5000):
        for with_tools in (True, False):
            expected = found * guess + (constants[with_tools] or 0)
            assert expected == pytest.approx(real(guess, with_tools), rel=0.05, abs=20)


async def test_one_strange_answer_does_not_spoil_the_rest(memory: Place) -> None:
    """A call that fetched pages, or a count that is off."""
    store = await serving(memory)
    told = hearing(store)
    for real in [*[1000] * 20, 90_000, *[1000] * 20]:
        await taught(store, 1000, False, real)
    found = [ratio * 1000 + (plain or 0) for _, ratio, plain, _ in told]
    assert max(found) < 3000
    assert found[-1] == pytest.approx(1000, rel=0.05)


async def test_a_worker_that_joins_knows_what_others_learned(place: Place) -> None:
    """Of its own deployments: before its first call, and with each of its own lessons what all taught meanwhile."""
    first = place.store()
    await first.register([declared("a"), declared("b"), declared("c")])
    await taught(first, 100, False, 700)
    await taught(first, 100, True, 50, id="b")
    place.put("fit", "c", "garbage")
    second = place.store()
    told = hearing(second)
    await second.register([declared("a"), declared("c"), declared("new")])
    [(id, ratio, plain, tools)] = told
    assert (id, tools) == ("a", None)
    assert ratio * 100 + (plain or 0) == pytest.approx(700)
    await taught(first, 100, True, 400)
    await taught(second, 100, False, 700)
    assert told[-1][3] is not None, "what the first learned since"


async def test_a_worker_that_joins_respects_a_window_that_another_learned(place: Place) -> None:
    first, second = await serving(place), place.store()
    await settled(first, await first.acquire(ask()), outcome=ended("context_window", context_tokens=4096))
    await second.register([declared("a"), declared("b")])
    for _ in range(8):
        assert (await second.acquire(ask("a", "b", input_tokens=6000))).deployment == "b"


async def test_a_call_that_teaches_nothing_leaves_no_trace(place: Place) -> None:
    store = await serving(place)
    for outcome in (ended("ok", 5, 5), ended("server", guess=50), ended("ok", None, None, guess=50)):
        await settled(store, await store.acquire(ask()), outcome=outcome)
    assert place.column("fit") == place.column("context") == {}


async def test_garbage_costs_one_settle_its_lesson_and_nothing_is_half_done(place: Place) -> None:
    store = await serving(place, None, **{"tokens/60": 1000})
    lease = await store.acquire(ask(input_tokens=10))
    place.put("fit", "a", "x")
    before = place.dump()
    await settled(store, lease, outcome=ended("ok", 50, 5, guess=50))
    assert place.dump() == before
    place.do("HDEL", "fit", "a")
    await settled(store, lease, outcome=ended("ok", 50, 5, guess=50))
    assert place.inflight("a") == 0
