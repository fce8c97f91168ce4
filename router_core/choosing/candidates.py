"""Which deployments of a group travel with a call: those that static facts allow, at most 32 of them.

A small group travels whole. Of a large one goes a sample: for a shuffle the head of a weighted random order, kept
in that order, so that it stays exact; else 24 at random and up to 8 that earlier replies named as best, for several
calls at once: scripts remember what they made of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from router_core.choosing.affinity_places import Place, Places
from router_core.choosing.sampling import Pool
from router_core.choosing.tags import allowed
from router_core.config import Deployment
from router_core.errors import BadRequestError, ContextWindowExceededError, NoDeploymentAvailable
from router_core.estimating.context import Windows
from router_core.providers.base import KINDS, Kind
from router_core.state.records import DeploymentState

MOST = 32
REMEMBERED = 8
# Calls that share a sample: each has still two choices of its own. (Batch sampling, which beats a sample for each task:
# Ousterhout and others, "Sparrow", 2013.)
SHARED = 16
CACHED = 256  # combinations of needs whose deployments are remembered
_NOBODY: frozenset[str] = frozenset()
_ALL: frozenset[Kind] = frozenset(KINDS)
EVERYTHING: Mapping[str, frozenset[Kind]] = {}  # kinds of call by deployment; who is not named offers all


@dataclass(frozen=True, slots=True)
class Needs:
    """What a request asks of a deployment. `tags` is None where tags do not filter.

    `input_tokens` is an estimate; `least`: what an upstream counted, or knew to be too much for its window.
    """

    input_tokens: int = 0
    least: int = 0
    region: str | None = None
    tags: tuple[str, ...] | None = None
    match_any: bool = True
    only: str | None = None  # this deployment and no other
    kind: Kind = "chat"


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


class Group:
    """The deployments of one model group that this worker knows."""

    def __init__(
        self,
        name: str,
        members: Sequence[Deployment],
        random: Random,
        kinds: Mapping[str, frozenset[Kind]] = EVERYTHING,
    ) -> None:
        self.name = name
        self.members = tuple(members)
        self.ids = tuple(member.id for member in self.members)
        self.large = len(self.ids) > MOST
        self._random = random
        self._kinds = [kinds.get(id, _ALL) for id in self.ids]
        self._common = frozenset.intersection(_ALL, *self._kinds)
        self._index = {member: index for index, member in enumerate(self.ids)}
        self._weights = [member.effective_weight for member in self.members]
        self._windows = Windows(self.members)
        self._fitting: dict[object, Mapping[str, None] | None] = {}
        self._whole = Slice(self.ids)
        self._best: tuple[str, ...] = ()
        self._shared = self._whole  # the last sample without wishes, and for how many calls more it is good
        self._left = 0
        self._drained: frozenset[int] = frozenset()

    def __contains__(self, deployment: str) -> bool:
        return deployment in self._index

    def eligible(self, needs: Needs) -> Collection[str] | None:
        """The ids that static facts allow, in order, or None for all. Raises where they leave nobody."""
        if needs.only is not None:
            return (needs.only,)
        too_small = self._windows.too_small(needs.input_tokens, needs.least)
        if needs.region is None and needs.tags is None and not any(too_small) and needs.kind in self._common:
            return None
        key = (needs.kind, needs.region, needs.tags, needs.match_any, too_small)
        if key not in self._fitting:
            if len(self._fitting) >= CACHED:
                self._fitting.clear()
            self._fitting[key] = self._fit(needs)
        return self._fitting[key]

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

    def overflowed(self, deployment: str, window: int | None) -> int:
        """A request was too long for a deployment, whose error named this window: tokens it needs at least."""
        if window is not None and self._windows.learn(deployment, window):
            self._fitting.clear()
        known = window or self._windows.of(deployment)
        return 0 if known is None else known + 1

    def took(self, deployment: str, tokens: int) -> None:
        """A deployment answered a request of so many input tokens."""
        if self._windows.unlearn(deployment, tokens):
            self._fitting.clear()

    def has_wider(self, deployment: str | None, tried: Collection[str], least: int) -> bool:
        """Whether a request that was too long for this deployment may fit another one."""
        return self._windows.wider(deployment, tried, least)

    def alike(self, deployment: str) -> frozenset[str]:
        """The ids of those that have the same model of the same provider, its own among them."""
        models = {member.id: (member.provider, member.model) for member in self.members}
        return frozenset(id for id, model in models.items() if model == models.get(deployment)) | {deployment}

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

    def _fit(self, needs: Needs) -> dict[str, None] | None:
        fits: list[bool] | None = None
        if needs.kind not in self._common:
            fits = [needs.kind in kinds for kinds in self._kinds]
            if not any(fits):
                raise BadRequestError(f"no deployment of {self.name!r} offers {needs.kind} calls", model=self.name)
        if needs.region is not None:
            local = [_in_region(member.region_name, needs.region) for member in self.members]
            fits = _both(fits, local)
            self._need(fits, f"is known to be in region {needs.region!r}")
        if needs.tags is not None:
            tagged = allowed(self._tags, needs.tags, needs.match_any)
            fits = _both(fits, tagged)
            self._need(fits, f"serves the tags {list(needs.tags)}")
        fits = self._wide_enough(needs, fits)
        if fits is None or all(fits):
            return None
        return dict.fromkeys(id for id, fit in zip(self.ids, fits, strict=True) if fit)

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
    def filters_by_tags(self) -> bool | None:
        """What `model_info.enable_tag_filtering` says for the group; None: what the router says."""
        found = (member.model_info.get("enable_tag_filtering") for member in self.members)
        return next((bool(value) for value in found if value is not None), None)

    @cached_property
    def _levels(self) -> list[Pool]:
        return self._pools(self._weights)

    @cached_property
    def _even_levels(self) -> list[Pool]:
        return self._pools([1.0] * len(self.ids))

    @cached_property
    def _tags(self) -> list[frozenset[str]]:
        return [frozenset(member.tags or ()) for member in self.members]

    def _pools(self, weights: Sequence[float]) -> list[Pool]:
        levels: dict[int, list[int]] = {}
        for index, member in enumerate(self.members):
            if index not in self._drained:
                levels.setdefault(member.order, []).append(index)
        return [Pool(level, [weights[i] for i in level]) for _, level in sorted(levels.items())]

    def _wide_enough(self, needs: Needs, fits: list[bool] | None) -> list[bool] | None:
        wide = self._windows.hold(needs.input_tokens, needs.least)
        if all(wide):
            return fits
        both = _both(fits, wide)
        if not any(both):
            raise ContextWindowExceededError(
                f"about {max(needs.input_tokens, needs.least)} input tokens fit no deployment of {self.name!r}",
                model=self.name,
            )
        return both

    def _need(self, fits: Iterable[bool], what: str) -> None:
        if not any(fits):
            raise NoDeploymentAvailable(f"no deployment of {self.name!r} {what}", model=self.name)


def _both(first: list[bool] | None, second: list[bool]) -> list[bool]:
    return second if first is None else [a and b for a, b in zip(first, second, strict=True)]


def _in_region(name: str | None, wanted: str) -> bool:
    """An unknown region is no region: where data may go is no matter for guesses."""
    return name is not None and name.lower().startswith(wanted.lower())
