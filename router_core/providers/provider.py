"""A provider as data: where it is, how it knows us, and which dialect each kind of call speaks there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from router_core.config.providers import variables_of
from router_core.dialects.over_chat import OverChat
from router_core.dialects.responses_over_chat import ResponsesOverChat
from router_core.errors import ConfigurationError
from router_core.providers.auth import Auth, bearer
from router_core.providers.base import DeploymentLike, Kind
from router_core.providers.dialect import Dialect


@dataclass(frozen=True)
class Provider:
    """One row of the registry.

    `base_url`: for deployments without api_base; a function where it depends on the deployment (region, project), ""
    where api_base must be given. `auth`: makes a deployment's credential. `choose`: the dialects of a deployment where
    they depend on its model; `dialects` are then those of the provider's own models. Who has a chat has the Responses
    API through it, unless it has one of its own.
    """

    name: str
    dialects: Mapping[Kind, Dialect]
    base_url: str | Callable[[DeploymentLike], str] = ""
    auth: Callable[[DeploymentLike], Auth] = bearer
    choose: Callable[[DeploymentLike], Mapping[Kind, Dialect]] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dialects", _with_more(self.dialects))

    def dialects_of(self, deployment: DeploymentLike) -> Mapping[Kind, Dialect]:
        """What this deployment speaks."""
        return _with_more(self.choose(deployment)) if self.choose else self.dialects

    def base_of(self, deployment: DeploymentLike) -> str:
        """The base URL, without a slash at its end. Raises ConfigurationError where nothing says where it is."""
        base = self.base_url(deployment) if callable(self.base_url) else deployment.api_base or self.base_url
        if not base:
            variable = variables_of(self.name, "BASE")[0]
            raise ConfigurationError(f"deployment {deployment.id!r}: {self.name} needs an api_base (or {variable})")
        return base.rstrip("/")


def _with_more(dialects: Mapping[Kind, Dialect]) -> Mapping[Kind, Dialect]:
    chat = dialects.get("chat")
    if chat is None:
        return dialects
    return {"completion": OverChat(chat), "responses": ResponsesOverChat(chat), **dialects}
