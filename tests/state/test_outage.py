"""Half of a group is down for 30 seconds: callers see nothing of it, and it comes back without a second dip."""

from __future__ import annotations

import pytest

from tests.state.kit import Place
from tests.state.outage import IDS, RATE, World, world_of

LOST = IDS[:4]
BEGINS, ENDS, LATER = 20, 50, 112
FAIR = RATE / len(IDS)  # calls a second of each


async def lives(world: World) -> World:
    await world.run(BEGINS)
    world.fall(*LOST)
    await world.run(ENDS - BEGINS)
    world.rise()
    await world.run(LATER - ENDS)
    return world


def failures(world: World, since: int, until: int) -> int:
    return sum(world.failed[second] for second in range(since, until))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
async def test_callers_see_nothing_of_it_and_the_lost_come_back_for_good(memory: Place, seed: int) -> None:
    world = await lives(await world_of(memory, seed))
    assert world.errors == 0, "the other half has room for all, so no call fails"
    assert world.attempts <= 1.05 * world.calls, "and few are made twice"
    assert world.probes_at_once == 1, "a deployment that may be back sees one call at a time"
    assert failures(world, BEGINS, ENDS) <= 15 * len(LOST), "five in a row, what was on its way, then the probes"
    assert failures(world, ENDS + 1, LATER) <= len(LOST), "no second dip: they are cold, and are not overrun"
    for id in LOST:
        back = next(at for at in world.answered[id] if at > ENDS)
        assert back < ENDS + 21, "no later than the longest cooldown that it had"
        assert world.load(id, back, back + 2) < FAIR, "half of its share at most in the first two seconds"
        steps = [world.load(id, back + s, back + s + 10) / 10 for s in (10, 20, 30)]
        assert steps == pytest.approx([FAIR] * 3, rel=0.45), "then all of it, for good"


@pytest.mark.slow
async def test_without_slow_start_they_would_be_overrun(memory: Place) -> None:
    """This world can show what the test above denies."""
    world = await world_of(memory, seed=0)
    world.without_slow_start()
    await lives(world)
    assert failures(world, ENDS + 1, LATER) > 3 * len(LOST)
