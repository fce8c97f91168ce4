"""A provider as data: where it is, how it knows us, and which dialect each kind of call speaks there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from router_core.errors import ConfigurationError
from router_core.providers.auth import Auth, bearer
from router_core.providers.base import DeploymentLike, Kind
from router_core.providers.dialect import Dialect


@dataclass(frozen=True)
class Provider:
    """One row of the registry.

    `base_url`: for deployments without api_base; a function where it depends on the deployment (region, project), ""
    where api_base must be given. `auth`: makes a deployment's credential.
    """

    name: str
    dialects: Mapping[Kind, Dialect]
    base_url: str | Callable[[DeploymentLike], str] = ""
    auth: Callable[[DeploymentLike], Auth] = bearer

    def base_of(self, deployment: DeploymentLike) -> str:
        """The base URL, without a slash at its end. Raises ConfigurationError where nothing says where it is."""
        base = self.base_url(deployment) if callable(self.base_url) else deployment.api_base or self.base_url
        if not base:
            raise ConfigurationError(f"deployment {deployment.id!r}: {self.name} needs an api_base")
        return base.rstrip("/")
