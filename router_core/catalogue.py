"""The configuration in force in this process, and LiteLLM's methods that change it.

They change this process: the fleet keeps a deployment while any live worker lists it. What changes the fleet (weights,
limits, drain) is the command line's and `Store.control`. A change is checked as a whole before it counts, and reaches
the pool with the next call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router_core.config import Deployment
from router_core.errors import ConfigurationError
from router_core.inventory import describe, describe_group
from router_core.membership import Membership
from router_core.wiring import Parts, Wiring, described, load, wire

_FIXED = ("redis_url", "redis_host", "redis_port", "redis_password", "redis_db", "redis", "pool")


class Catalogue:
    """Base of Router: the list of deployments and the settings. All methods are synchronous and do no I/O."""

    _parts: Parts
    _wiring: Wiring
    _member: Membership

    def __init__(self, entries: Sequence[Any], arguments: Mapping[str, Any]) -> None:
        self._entries, self._arguments = list(entries), dict(arguments)

    @property
    def settings(self) -> Any:
        """The settings in force (`router_core.config.Settings`)."""
        return self._wiring.settings

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """The deployments this process serves."""
        return self._wiring.deployments

    def set_model_list(self, model_list: Sequence[Any]) -> None:
        """Serve these from the next call on. Raises ConfigurationError; then nothing has changed."""
        self._change(list(model_list), self._arguments)

    def add_deployment(self, deployment: Any) -> Deployment:
        """Serve one more entry of a model_list. Raises ConfigurationError, also for an id that is there already."""
        known = {one.id for one in self.deployments}
        self._change([*self._entries, deployment], self._arguments)
        return next(one for one in self.deployments if one.id not in known)

    def upsert_deployment(self, deployment: Mapping[str, Any]) -> Deployment:
        """Add an entry, or put it in the place of the one with the same `model_info.id`. Raises ConfigurationError.

        Limits and weight of a deployment the pool knows already need a higher `config_version`, so that two workers
        with different lists do not fight.
        """
        id = (deployment.get("model_info") or {}).get("id")
        if id is None or all(one.id != id for one in self.deployments):
            return self.add_deployment(deployment)
        entries = [deployment if _id_of(entry) == id else entry for entry in self._entries]
        self._change(entries, self._arguments)
        return next(one for one in self.deployments if one.id == id)

    def delete_deployment(self, id: str) -> Deployment | None:
        """Serve it no more; running calls end as they would. None if there is no such id."""
        found = next((one for one in self.deployments if one.id == id), None)
        if found is None:
            return None
        place = [one.id for one in self.deployments].index(id)
        entries = [entry for entry in self._entries if _id_of(entry) != id]
        if len(entries) == len(self._entries):  # its id was made from its parameters
            if len(self._entries) != len(self.deployments):
                raise ConfigurationError(f"{id!r} is one of several of its entry: give them ids, or set_model_list")
            entries = [entry for i, entry in enumerate(self._entries) if i != place]
        self._change(entries, self._arguments)
        return found

    def update_settings(self, **arguments: Any) -> None:
        """Change constructor arguments but those that say where the pool is. Raises ConfigurationError."""
        fixed = sorted(set(arguments) & set(_FIXED))
        if fixed:
            raise ConfigurationError(f"{', '.join(fixed)}: cannot change while the router lives; make another Router")
        self._change(self._entries, {**self._arguments, **arguments})

    def set_custom_routing_strategy(self, strategy: str | Callable[..., Any]) -> None:
        """`update_settings(routing_strategy=strategy)`."""
        self.update_settings(routing_strategy=strategy, routing_strategy_args=None)

    def flush_cache(self) -> None:
        """Forget what this process has learned; the shared state stays."""
        self._parts.lengths.clear()
        self._parts.fits.clear()

    def get_settings(self) -> dict[str, Any]:
        """The settings in force by name; secrets stay hidden."""
        return dict(self._wiring.settings)

    def get_model_list(self, model_name: str | None = None) -> list[dict[str, Any]]:
        """The deployments as LiteLLM lists them, without credentials."""
        return [describe(one) for one in self.deployments if model_name in (None, one.model_name)]

    def get_model_ids(self, model_name: str | None = None) -> list[str]:
        """Ids of the deployments, or of those of one group."""
        return [one.id for one in self.deployments if model_name in (None, one.model_name)]

    def get_model_names(self) -> list[str]:
        """What callers may ask for: groups, and aliases that are not hidden."""
        aliases = [name for name, alias in self._wiring.settings.model_group_alias.items() if not alias.hidden]
        return [*self._wiring.planner.groups, *aliases]

    def get_model_group_info(self, model_group: str) -> dict[str, Any] | None:
        """Providers, summed limits, highest context and prices of a group; None if there is none."""
        members = [one for one in self.deployments if one.model_name == model_group]
        return describe_group(model_group, members) if members else None

    def _change(self, entries: list[Any], arguments: dict[str, Any]) -> None:
        parts = self._parts
        settings, deployments = load(entries, arguments, parts.adapters, parts.strategies, stacklevel=4)
        wiring = wire(settings, deployments, parts)
        self._entries, self._arguments, self._wiring = entries, arguments, wiring
        self._member.declare(*described(settings, deployments))


def _id_of(entry: Any) -> Any:
    return (entry.get("model_info") or {}).get("id") if isinstance(entry, Mapping) else None
