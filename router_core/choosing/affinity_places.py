"""Where a key belongs: an order of deployments that every worker computes alike, without asking anybody.

A small group's is weighted rendezvous hashing (Thaler and Ravishankar 1998; −ln(h)/weight): when a deployment comes or
goes, only its own keys move. It hashes every member, so a large group's is a ring of consistent hashing instead (Karger
et al. 1997) with points by weight, made once: a bisection a call. Its shares are less even, which the load bound of
the scripts evens out.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

SMALL = 32  # members that are all hashed
POINTS = 8  # on the ring, of a member of mean weight
STEPS = 256  # along the ring in search of those who may serve
REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """A deployment that keys may belong to; the lowest `order` comes first."""

    id: str
    weight: float
    order: int = 0


class Places:
    """The places of a group."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = {place.id: place for place in places}
        self._found: dict[tuple[int, int], tuple[str, ...]] = {}

    def first(self, key: int, count: int, eligible: Collection[str] | None = None) -> tuple[str, ...]:
        """The first `count` places of a key, of those in `eligible` (None: all); fewer where there are fewer."""
        if eligible is None:
            found = self._found.get((key, count))
            if found is None:
                if len(self._found) >= REMEMBERED:
                    self._found.clear()
                found = self._found[key, count] = self._search(key, count, lambda _: True)
            return found
        if len(eligible) <= SMALL:
            return self._rendezvous(key, count, [self._places[id] for id in eligible if id in self._places])
        return self._search(key, count, eligible.__contains__)

    def _search(self, key: int, count: int, accept: Callable[[str], bool]) -> tuple[str, ...]:
        if len(self._places) <= SMALL:
            return self._rendezvous(key, count, [place for id, place in self._places.items() if accept(id)])
        points, owners = self._ring
        found: dict[str, None] = {}
        start = bisect_right(points, key)
        for step in range(min(STEPS, len(owners))):
            id = owners[(start + step) % len(owners)]
            if id not in found and accept(id):
                found[id] = None
                if len(found) == count:
                    break
        return tuple(found)

    def _rendezvous(self, key: int, count: int, places: Sequence[Place]) -> tuple[str, ...]:
        begin = key.to_bytes(8)
        scored = sorted((place.order, _score(begin, place), place.id) for place in places)
        return tuple(id for _, _, id in scored[:count])

    @cached_property
    def _ring(self) -> tuple[list[int], list[str]]:
        """Sorted points and the member that each belongs to, of the lowest order alone."""
        lowest = min(place.order for place in self._places.values())
        level = [place for place in self._places.values() if place.order == lowest and place.weight > 0]
        mean = sum(place.weight for place in level) / max(1, len(level))
        ring = sorted((point, place.id) for place in level for point in _points(place, mean))
        return [point for point, _ in ring], [id for _, id in ring]


def _score(begin: bytes, place: Place) -> float:
    if place.weight <= 0:
        return math.inf
    drawn = int.from_bytes(blake2b(begin + place.id.encode(), digest_size=8).digest())
    return -math.log((drawn + 1) / 2**64) / place.weight


def _points(place: Place, mean: float) -> list[int]:
    wanted = max(1, min(round(POINTS * place.weight / mean), 64 * POINTS))
    points: list[int] = []
    for number in range(-(-wanted // 8)):
        drawn = blake2b(place.id.encode(), salt=number.to_bytes(16)).digest()
        points += (int.from_bytes(drawn[i : i + 8]) for i in range(0, 64, 8))
    return points[:wanted]
