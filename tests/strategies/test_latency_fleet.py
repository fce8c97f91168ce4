"""latency-based-routing in moved time: off a slow one in seconds, back when it recovers, gently onto a new one."""

from __future__ import annotations

import math
from random import Random

import pytest

from tests.state.kit import Place, ask, declared, edited
from tests.strategies.fleet import Answer, Traffic

IDS = ("a", "b", "c", "d")
FAIR = 1 / len(IDS)
BORN = 12.0  # seconds; a group is new for ten
NORMAL, SLOW = 20.0, 200.0  # ms per token, or to the first one

pytestmark = pytest.mark.slow


async def fleet(
    place: Place,
    ids: tuple[str, ...],
    rate: float,
    answer: Answer,
    *,
    stream: bool = False,
    no_slow_start: bool = False,
) -> Traffic:
    """Traffic to all of IDS, of which `ids` are there; as many calls as `rate` in each second."""
    store = place.store()
    if no_slow_start:
        store.calls_script = edited(store.calls_script, r'candidate\.state == "ramp"', "false")
    await store.register([declared(id) for id in ids])
    store._process().worker._random = Random(11)
    request = ask(*IDS, strategy="latency-based-routing", output_tokens=50, stream=stream)
    return Traffic(place, store, request, rate, answer)


@pytest.mark.parametrize("stream", [False, True], ids=["ms per token", "time to first token"])
async def test_a_tenfold_slower_one_loses_nine_tenths_in_five_seconds_and_comes_back(
    memory: Place, stream: bool
) -> None:
    slow_from, slow_to = 15.0, 45.0

    def answer(id: str, at: float) -> float:
        return SLOW if id == "a" and slow_from <= at < slow_to else NORMAL

    traffic = await fleet(memory, IDS, 40, answer, stream=stream)
    await traffic.run(100)
    before = traffic.share("a", 5, slow_from)
    calm = slow_from + SLOW * Traffic.TOKENS / 1000 * 0.9  # an answer of `a` from here on is a slow one
    first = next(at for at, id in traffic.answered if id == "a" and at >= calm)
    assert before == pytest.approx(FAIR, abs=0.05)
    assert traffic.share("a", first, first + 5) <= 0.1 * before, "within five seconds of the first slow answer"
    assert traffic.share("a", first + 5, slow_to) <= 0.1 * before, "and it stays so"
    explored = [at for at, id in traffic.picked if id == "a" and first + 5 <= at < slow_to]
    assert explored, "nobody would learn of its recovery"
    assert traffic.share("a", slow_to + 20, slow_to + 30) >= 0.4 * FAIR
    assert traffic.share("a", slow_to + 45, slow_to + 55) >= 0.8 * FAIR


def herd(traffic: Traffic) -> float:
    """By how many standard deviations the new one was above its fair share in the worst of its first ten seconds."""
    worst = -math.inf
    for second in range(10):
        names = [id for at, id in traffic.picked if BORN + second <= at < BORN + second + 1]
        spread = math.sqrt(len(names) * FAIR * (1 - FAIR))
        worst = max(worst, (names.count("d") - len(names) * FAIR) / spread)
    return worst


async def meet(place: Place, speed: float, *, no_slow_start: bool = False) -> Traffic:
    """`d` is about to join a group that has served for a while; it answers with `speed` ms per token."""
    traffic = await fleet(
        place, IDS[:3], 100, lambda id, at: speed if id == "d" else NORMAL, no_slow_start=no_slow_start
    )
    await traffic.run(BORN)
    return traffic


async def join(place: Place) -> None:
    """Another worker lists `d` too."""
    await place.store().register([declared(id) for id in IDS])


@pytest.mark.parametrize("speed", [NORMAL, NORMAL / 10, SLOW])
async def test_a_new_one_gets_at_most_its_fair_share_in_any_of_its_first_ten_seconds(
    memory: Place, speed: float
) -> None:
    """Also one that is ten times faster than the others: chance alone may take it above in a single second."""
    traffic = await meet(memory, speed)
    await join(memory)
    await traffic.run(BORN + 10)
    assert herd(traffic) < 4
    assert 0 < traffic.share("d", BORN, BORN + 10) <= FAIR
    assert traffic.share("d", BORN, BORN + 2) <= 0.4 * FAIR, "slow start"


async def test_the_fast_new_one_would_meet_the_whole_fleet_without_slow_start(memory: Place) -> None:
    """The test of the test: the same rank that knows no slow start is seen at once."""
    traffic = await meet(memory, NORMAL / 10, no_slow_start=True)
    await join(memory)
    await traffic.run(BORN + 10)
    assert herd(traffic) > 8


async def test_after_its_slow_start_a_faster_one_gets_more(memory: Place) -> None:
    """The bound is for the start only."""
    traffic = await meet(memory, NORMAL / 10)
    await join(memory)
    await traffic.run(BORN + 20)
    assert traffic.share("d", BORN + 12, BORN + 20) > 2 * FAIR
