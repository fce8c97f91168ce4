"""From a model's name and the caller's options to a plan: which group, where to go if it fails, how long, how often.

Attempts have one budget for the whole call. `num_retries` retries are shared by all groups the call visits, and each
fallback adds the one attempt that makes it a fallback: at most 1 + num_retries + max_fallbacks upstream calls. A few
that were refused before any work was done do not count (refused.py).

A caller's `timeout` is the deadline of the whole call, waits and retries included. The timeouts of the configuration
hold for each attempt, so that a deployment that hangs can still be replaced by another.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, NamedTuple

from router_core.choosing import pins
from router_core.choosing.candidates import Group
from router_core.choosing.members import EVERYTHING
from router_core.config import Deployment, Settings
from router_core.config.suggest import one_of
from router_core.config.targets import captured
from router_core.errors import AttemptRecord, BadRequestError, RouterError
from router_core.options import Options, split
from router_core.providers.base import Call, Kind
from router_core.state.records import OutcomeKind, Snapshot


@dataclass(frozen=True, slots=True)
class Target:
    """One stop of a call: a group (or one deployment of it, `only`) and the call as it is made there."""

    group: Group
    call: Call
    only: str | None = None

    @property
    def place(self) -> tuple[str, str | None]:
        """What makes two stops the same one."""
        return self.group.name, self.only


class Allowed(NamedTuple):
    """Retries of a whole call. `named`: a policy names the class of the error; `given`: somebody said the number."""

    retries: int
    named: bool = False
    given: bool = True


@dataclass(slots=True)
class Plan:
    """A call and how far it has come. `deadline` is in `time.monotonic()`, infinite where the caller set none.

    `least_input`: tokens it has at least, by what upstreams said that it was too long for. `sent`: groups in which an
    upstream call was made. `spared`: retries that do not count (refused.py).
    """

    target: Target
    options: Options
    deadline: float
    started: float = field(default_factory=time.perf_counter)
    retries: int = 0
    spared: int = 0
    fallbacks: int = 0
    hedges: int = 0
    least_input: int = 0
    sent: tuple[str, ...] = ()
    attempts: list[AttemptRecord] = field(default_factory=list)
    visited: set[tuple[str, str | None]] = field(default_factory=set)

    def left(self) -> float:
        """Seconds until the deadline, never negative."""
        return self.deadline - time.monotonic() if self.deadline != math.inf else math.inf

    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000.0


class Planner:
    """Knows the groups, the aliases and the fallbacks of one configuration."""

    def __init__(
        self,
        settings: Settings,
        deployments: Sequence[Deployment],
        random: Random,
        kinds: Mapping[str, frozenset[Kind]] = EVERYTHING,
    ) -> None:
        self._settings = settings
        members: dict[str, list[Deployment]] = {}
        for deployment in deployments:
            members.setdefault(deployment.model_name, []).append(deployment)
        self.groups = {name: Group(name, listed, random, kinds) for name, listed in members.items()}
        self.deployments = {deployment.id: deployment for deployment in deployments}
        self._wildcards = sorted((name for name in members if "*" in name), key=len, reverse=True)

    def plan(self, kind: Kind, model: str, arguments: dict[str, Any]) -> Plan:
        """The plan of one call. Raises BadRequestError for an unknown model or a bad option."""
        options, body = split(arguments)
        if kind == "messages" and "user_id" in options.metadata:
            body["metadata"] = {"user_id": options.metadata["user_id"]}  # all that Anthropic's API knows of metadata
        call = Call(kind=kind, body=body, stream=bool(body.pop("stream", False)))
        specific = options.specific_deployment or (pins.keeper(body) if kind == "responses" else None)
        if specific:
            target = self._specific(model, specific, call)
        else:
            found = self._find(model, call) or self._first_default(model, call, options)
            if found is None:
                known = one_of(self.groups)
                raise BadRequestError(f"there is no model group {model!r}; there are {known}", model=model)
            target = found
        return Plan(target, options, math.inf if options.timeout is None else time.monotonic() + options.timeout)

    def after(self, plan: Plan, failed: Target, kind: OutcomeKind) -> list[Target]:
        """Where the call may go, best first, after `failed` ended with an error of this kind; empty where nowhere."""
        if plan.options.disable_fallbacks or plan.fallbacks >= self._most_fallbacks(plan):
            return []
        names = self._per_call(plan.options, failed.group.name, kind)
        if names is None:
            names = self._settings.fallbacks_for(failed.group.name, kind)
        if not names:
            return []
        found = [self._fallback(entry, plan.target.call) for entry in names]
        if None in found:  # the configuration's own were checked when it was read
            raise BadRequestError(
                f"fallbacks: they name a model group that does not exist; there are {one_of(self.groups)}"
            )
        return [target for target in found if target is not None and target.place not in plan.visited]

    def _most_fallbacks(self, plan: Plan) -> int:
        own = plan.options.max_fallbacks
        return self._settings.max_fallbacks if own is None else own

    def reweigh(self, snapshot: Snapshot) -> None:
        """Large groups sample by the weights that are in force."""
        for group in self.groups.values():
            if group.large:
                group.reweigh(snapshot.deployments)

    def retries_allowed(self, plan: Plan, failed: Target, error: RouterError) -> Allowed:
        """Retries the whole call may make now that `error` happened.

        The caller's word counts most, then the retry policy of the group or the router for the error's class, the
        deployment's `num_retries`, the router's.
        """
        if plan.options.num_retries is not None:
            return Allowed(plan.options.num_retries)
        policy = self._settings.retries_for(failed.group.name, error.kind, error.status_code)
        if policy is not None:
            return Allowed(policy, named=True)
        deployment = self.deployments.get(error.deployment or "")
        if deployment is not None and deployment.num_retries is not None:
            return Allowed(deployment.num_retries)
        return Allowed(self._settings.num_retries, given="num_retries" in self._settings.model_fields_set)

    def _find(self, name: str, call: Call) -> Target | None:
        name = self._settings.group_of(name)
        call = replace(call, captured=()) if call.captured else call
        group = self.groups.get(name)
        if group is None and name in self.deployments:
            return Target(self.groups[self.deployments[name].model_name], call, only=name)
        if group is None:
            return self._wildcard(name, call)
        return Target(group, call)

    def _wildcard(self, name: str, call: Call) -> Target | None:
        for pattern in self._wildcards:
            found = captured(pattern, name)
            if found is not None:
                return Target(self.groups[pattern], replace(call, captured=found))
        return None

    def _specific(self, model: str, specific: str | bool, call: Call) -> Target:
        id = specific if isinstance(specific, str) else model
        if id not in self.deployments:
            raise BadRequestError(f"there is no deployment {id!r}, which this call has to go to", model=model)
        return Target(self.groups[self.deployments[id].model_name], call, only=id)

    def _first_default(self, model: str, call: Call, options: Options) -> Target | None:
        if options.disable_fallbacks:
            return None
        found = (self._fallback(entry, call) for entry in self._settings.default_fallbacks)
        return next((target for target in found if target is not None), None)

    def _fallback(self, entry: str | Mapping[str, Any], call: Call) -> Target | None:
        if isinstance(entry, str):
            return self._find(entry, call)
        changes = {key: value for key, value in entry.items() if key != "model"}
        changed = Call(kind=call.kind, body={**call.body, **changes}, stream=call.stream)
        return self._find(str(entry["model"]), changed)

    def _per_call(self, options: Options, group: str, kind: OutcomeKind) -> Sequence[Any] | None:
        """The caller's own fallbacks: a plain list of targets, or a table like the router's."""
        special = None
        if kind == "context_window":
            special = options.context_window_fallbacks
        elif kind == "content_policy":
            special = options.content_policy_fallbacks
        for given in (special, options.fallbacks):
            if given is None:
                continue
            plain = [entry for entry in given if isinstance(entry, str) or "model" in entry]
            tables = {key: targets for entry in given if entry not in plain for key, targets in entry.items()}
            listed = tables.get(group, tables.get("*", ()))
            if plain or listed:
                return [*plain, *listed]
        return None if options.fallbacks is None else ()
