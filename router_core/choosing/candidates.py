"""Which deployments of a group travel with a call: of those that static facts allow (members.py) at most 32.

A small group travels whole. Of a large one goes a sample: for a shuffle the head of a weighted random order, kept
in that order, so that it stays exact; else 24 at random and up to 8 that earlier replies named as best, for several
calls at once: scripts remember what they made of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from router_core.choosing.affinity_places import Place, Places
from router_core.choosing.members import EVERYTHING, Members
from router_core.choosing.sampling import Pool
from router_core.config import Deployment
from router_core.providers.base import Kind
from router_core.state.records import DeploymentState

MOST = 32
REMEMBERED = 8
# Calls that share a sample: each has still two choices of its own. (Batch sampling, which beats a sample for each task:
# Ousterhout and others, "Sparrow", 2013.)
SHARED = 16
_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Slice:
    """Candidates of one acquire; those at the positions `wishes`, then the first `preferred` are tried in this order.

    `partial`: there are others.
    """

    ids: tuple[str, ...]
    preferred: int = 0
    remember: int = 0
    partial: bool = False
    wishes: tuple[int, ...] = ()


class Group(Members):
    """A model group, and who of its members travels with a call."""

    def __init__(
        self,
        name: str,
        members: Sequence[Deployment],
        random: Random,
        kinds: Mapping[str, frozenset[Kind]] = EVERYTHING,
    ) -> None:
        super().__init__(name, members, kinds)
        self.large = len(self.ids) > MOST
        self._random = random
        self._weights = [member.effective_weight for member in self.members]
        self._whole = Slice(self.ids)
        self._best: tuple[str, ...] = ()
        self._shared = self._whole  # the last sample without wishes, and for how many calls more it is good
        self._left = 0
        self._drained: frozenset[int] = frozenset()

    def slice(
        self,
        eligible: Collection[str] | None,
        *,
        shuffle: bool,
        exclude: Collection[str] = _NOBODY,
        wishes: Sequence[str] = (),
    ) -> Slice:
        """The candidates of the next acquire: eligible ones, none of `exclude`. May be empty.

        Those of a small group stay in the same order, whatever is wished: scripts remember what they made of a list.
        """
        if eligible is None and not exclude and not wishes and not self.large:
            return self._whole
        wanted = [w for w in dict.fromkeys(wishes) if w in self._index and w not in exclude]
        wanted = [w for w in wanted if eligible is None or w in eligible][:MOST]

        def accept(id: str) -> bool:
            return id not in exclude and (eligible is None or id in eligible) and id not in wanted

        if eligible is not None and len(eligible) <= MOST:
            ids = tuple(id for id in eligible if id not in exclude)
        elif not self.large:
            ids = tuple(id for id in self.ids if id not in exclude) if exclude else self.ids
        elif shuffle or wanted or exclude or eligible is not None:
            return self._sample(wanted, accept, shuffle)
        else:
            return self._shared_sample()
        return Slice(ids, wishes=tuple(map(ids.index, wanted)))

    def learn_best(self, best: tuple[str, ...]) -> None:
        """Remember the best ranks of a reply for the next samples."""
        if best:
            self._best = best

    def reweigh(self, states: Mapping[str, DeploymentState]) -> None:
        """Sample by the weights in force from now on, and leave out what is drained."""
        known = [states.get(id) for id in self.ids]
        weights = [w if s is None else s.weight for w, s in zip(self._weights, known, strict=True)]
        drained = frozenset(index for index, state in enumerate(known) if state is not None and state.drained)
        if weights != self._weights or drained != self._drained:
            self._weights, self._drained = weights, drained
            self.__dict__.pop("_levels", None)
            self.__dict__.pop("_even_levels", None)
            self.__dict__.pop("places", None)
            self._left = 0

    def _shared_sample(self) -> Slice:
        if self._left > 0:
            self._left -= 1
            return self._shared
        first = self._sample([], lambda _: True, shuffle=False)
        self._shared, self._left = replace(first, remember=0), SHARED - 1
        return first  # who is best is said once, in time for the next sample

    def _sample(self, wanted: list[str], accept: Callable[[str], bool], shuffle: bool) -> Slice:
        best = () if shuffle else tuple(id for id in self._best if id in self._index and accept(id))[:REMEMBERED]
        ids = [*wanted, *best][:MOST]
        taken = set(ids)
        for level in self._levels if shuffle else self._even_levels:
            if len(ids) == MOST:
                break
            drawn = level.order(
                MOST - len(ids), lambda i: self.ids[i] not in taken and accept(self.ids[i]), self._random
            )
            ids += [self.ids[index] for index in drawn]
        preferred, remember = (len(ids), 0) if shuffle else (0, REMEMBERED)
        return Slice(tuple(ids), preferred, remember, partial=len(ids) == MOST, wishes=tuple(range(len(wanted))))

    @cached_property
    def places(self) -> Places:
        """Where the keys of affinity belong, by the weights that are known here."""
        placed = zip(self.members, self._weights, strict=True)
        return Places(Place(member.id, weight, member.order) for member, weight in placed)

    @cached_property
    def _levels(self) -> list[Pool]:
        return self._pools(self._weights)

    @cached_property
    def _even_levels(self) -> list[Pool]:
        return self._pools([1.0] * len(self.ids))

    def _pools(self, weights: Sequence[float]) -> list[Pool]:
        levels: dict[int, list[int]] = {}
        for index, member in enumerate(self.members):
            if index not in self._drained:
                levels.setdefault(member.order, []).append(index)
        return [Pool(level, [weights[i] for i in level]) for _, level in sorted(levels.items())]
