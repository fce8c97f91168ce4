"""A window that is known from run to run is looked at again before its slot is another one, whatever its length."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lupa import lua51, lua54

from router_core.state import scripts

_WINDOW = """
local clock = { now = 0 }
local slots = {}
%s
local w
return function(seconds, now)
  clock.now = now
  if seconds then
    w = { slots = {} }
    slots.new = function() return { slot = 0 } end
    ring.open(w, seconds)
  elseif now >= w.until_ms then
    ring.renew(w)
  end
  return w.newest, w.until_ms, w.width
end
"""
RUNS = [module.LuaRuntime(register_eval=False).execute(_WINDOW % scripts.source("ring")) for module in (lua51, lua54)]
NOW = 1_790_000_000_000


@example(131, 0, [1] * 5)  # slots that end on a whole ms, which their product is a little more than
@given(st.integers(1, 2_678_400), st.integers(0, 10**9), st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_no_run_counts_in_a_slot_that_is_over(seconds: int, offset: int, steps: list[int]) -> None:
    """Runs a few ms before and after the ends of slots, which no binary fraction hits where they are thirds of a ms."""
    for run in RUNS:
        now = NOW + offset
        newest, _, width = run(seconds, now)
        for step in steps:
            assert newest == math.floor(now / width)
            now = max(now + 1, math.floor((newest + 1) * width) - 1 + step)
            newest, *_ = run(None, now)


@given(st.integers(1, 60))
def test_it_is_not_looked_at_before_the_slot_ends(seconds: int) -> None:
    for run in RUNS:
        newest, until_ms, width = run(seconds, NOW)
        assert (newest + 1) * width - until_ms == pytest.approx(1)  # a ms for what is rounded
