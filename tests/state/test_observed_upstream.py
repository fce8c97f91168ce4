"""Rate headers in virtual time against an upstream that counts for itself: our own calls never count twice, another
user of the account is seen, and what was believed of it does not outlive it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.state.kit import Place, serving
from tests.state.virtual_upstream import Bucket, Fixed, Life, Quota, Rolling

LIMIT = 60
KINDS: list[type[Rolling] | type[Bucket] | type[Fixed]] = [Rolling, Bucket, Fixed]
Kind = Callable[..., Quota]


async def lived(
    quota: Quota, seconds: float, *, ours: float, foreign: float = 0.0, burst: int = 1, then: float = 0.0, **more: float
) -> Life:
    """One deployment under a limit of LIMIT requests a minute; `then`: seconds more in which we are alone."""
    place = Place("memory://", f"virtual-{secrets.token_hex(4)}")
    place.freeze()
    try:
        store = await serving(place, None, **{"requests/60": LIMIT})
        life = Life(place, store, quota, **{"seed": 1, **more})  # type: ignore[arg-type]
        await life.run(seconds, ours, foreign, burst)
        if then:
            await life.run(then, ours, 0.0, burst)
        return life
    finally:
        await place.aclose()


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 10_000),
    rate=st.floats(0.2, 3.0),
    burst=st.sampled_from([1, 5, 40]),
    service=st.sampled_from([0.2, 3.0, 30.0]),
)
def test_alone_nothing_of_ours_is_taken_for_others(
    kind: Kind, seed: int, rate: float, burst: int, service: float
) -> None:
    """Whatever way the provider counts, in bursts, with answers that come half a window late."""
    life = asyncio.run(lived(kind(LIMIT, strict=False), 100, ours=rate, burst=burst, seed=seed, service=service))
    assert life.most_foreign == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_another_user_of_the_account_costs_few_refusals(kind: Kind) -> None:
    """We want 1.2 times the limit, somebody else half of it."""
    without = await lived(kind(LIMIT), 300, ours=1.2, foreign=0.5, learns=False)
    life = await lived(kind(LIMIT), 300, ours=1.2, foreign=0.5)
    assert without.refused_there > 40
    assert life.refused_there < 0.5 * without.refused_there
    assert life.served > 0.9 * without.served
    assert life.longest_refusal < 20


@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_over_when_the_other_is_gone(kind: Kind) -> None:
    life = await lived(kind(LIMIT), 120, ours=1.2, foreign=3.0, then=100)
    assert life.most_foreign > 0.5 * LIMIT
    assert life.foreign() <= 0.1 * LIMIT
    assert life.longest_refusal < 20


@pytest.mark.parametrize("kind", KINDS)
async def test_who_takes_all_there_is_does_not_stop_us(kind: Kind) -> None:
    """We go on trying, a little, and get what comes."""
    life = await lived(kind(LIMIT), 600, ours=1.2, foreign=5.0)
    assert life.served > 0.25 * life.refused_there > 10
