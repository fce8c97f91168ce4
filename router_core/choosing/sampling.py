"""A random order of the members of a large group, without looking at all of them.

Drawing with replacement and leaving out what was drawn before is the same distribution as a weighted order without
replacement (Efraimidis and Spirakis 2006), and costs a bisection per draw over sums that are made once.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from heapq import nsmallest
from itertools import accumulate
from random import Random

DRAWS = 6  # per wanted member, before giving up on luck and looking at all


class Pool:
    """Members (by index) with weights; those of weight 0 come last, in random order."""

    def __init__(self, members: Sequence[int], weights: Sequence[float]) -> None:
        self._weighted = [(member, weight) for member, weight in zip(members, weights, strict=True) if weight > 0]
        self._members = [member for member, _ in self._weighted]
        self._sums = list(accumulate(weight for _, weight in self._weighted))
        self._idle = [member for member, weight in zip(members, weights, strict=True) if weight <= 0]

    def order(self, count: int, accept: Callable[[int], bool], random: Random) -> list[int]:
        """The first `count` accepted members of a weighted random order; fewer where fewer are accepted."""
        drawn: dict[int, None] = {}
        if self._sums:
            total, last = self._sums[-1], len(self._sums) - 1
            for _ in range(DRAWS * count):
                member = self._members[min(bisect_right(self._sums, random.random() * total), last)]
                if member not in drawn and accept(member):
                    drawn[member] = None
                    if len(drawn) == count:
                        return list(drawn)
        return [*drawn, *self._rest(count - len(drawn), drawn, accept, random)]

    def _rest(self, count: int, drawn: dict[int, None], accept: Callable[[int], bool], random: Random) -> list[int]:
        scored = (
            (-math.log(1.0 - random.random()) / weight, member)
            for member, weight in self._weighted
            if member not in drawn and accept(member)
        )
        found = [member for _, member in nsmallest(count, scored)]
        idle = [member for member in self._idle if accept(member)] if len(found) < count else []
        return found + random.sample(idle, min(len(idle), count - len(found)))
