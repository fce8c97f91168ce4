"""The deployments of a model group, and whom static facts allow: kind of call, region, tags, context window."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from router_core.choosing.tags import allowed
from router_core.config import Deployment
from router_core.errors import BadRequestError, ContextWindowExceededError, NoDeploymentAvailable
from router_core.estimating.context import Windows
from router_core.providers.base import KINDS, Kind

CACHED = 256  # combinations of needs whose deployments are remembered
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


class Members:
    """Those that this worker knows, in the order of its configuration."""

    def __init__(
        self, name: str, members: Sequence[Deployment], kinds: Mapping[str, frozenset[Kind]] = EVERYTHING
    ) -> None:
        self.name = name
        self.members = tuple(members)
        self.ids = tuple(member.id for member in self.members)
        self._index = {id: index for index, id in enumerate(self.ids)}
        self._kinds = [kinds.get(id, _ALL) for id in self.ids]
        self._common = frozenset.intersection(_ALL, *self._kinds)
        self._windows = Windows(self.members)
        self._fitting: dict[object, Mapping[str, None] | None] = {}

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

    @cached_property
    def filters_by_tags(self) -> bool | None:
        """What `model_info.enable_tag_filtering` says for the group; None: what the router says."""
        found = (member.model_info.get("enable_tag_filtering") for member in self.members)
        return next((bool(value) for value in found if value is not None), None)

    @cached_property
    def _tags(self) -> list[frozenset[str]]:
        return [frozenset(member.tags or ()) for member in self.members]

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
