"""How a request proves who sends it: fixed headers, tokens that expire, signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import httpx

from router_core.config.providers import variables_of
from router_core.errors import AuthenticationError
from router_core.providers.base import DeploymentLike


class Auth(Protocol):
    """A deployment's credential."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers that are the same for each request; read once."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never appear in an error."""

    async def prepare(self) -> None:
        """Fetch what `sign` needs and does not have yet, such as a token. Raises AuthenticationError."""

    def sign(self, request: httpx.Request) -> None:
        """Add to a finished request what depends on it or on the time."""


class FixedHeaders:
    """A key in a header: nothing expires, nothing is signed."""

    def __init__(self, headers: Mapping[str, str], secrets: tuple[str, ...] = ()) -> None:
        self.headers, self.secrets = headers, secrets

    async def prepare(self) -> None:
        """Nothing: the key is at hand."""

    def sign(self, request: httpx.Request) -> None:
        """Nothing: the headers are there."""


class NoKey(FixedHeaders):
    """A key is needed and there is none: the call fails here and says what to write, not at the provider."""

    def __init__(self, deployment: DeploymentLike, wanted: str = "api_key") -> None:
        super().__init__({})
        self._deployment, self._provider, self._wanted = deployment.id, deployment.provider, wanted

    async def prepare(self) -> None:
        """Raises AuthenticationError."""
        variables = " or ".join(variables_of(self._provider, "KEY"))
        raise AuthenticationError(
            f"there is no {self._wanted}: write it in litellm_params, or set {variables}",
            deployment=self._deployment,
            llm_provider=self._provider,
            reason="bad_key",
        )


def key_of(deployment: DeploymentLike) -> str:
    """The deployment's api_key, plain; empty where there is none."""
    return deployment.api_key.get_secret_value() if deployment.api_key else ""


def in_header(name: str, scheme: str = "") -> Callable[[DeploymentLike], Auth]:
    """The api_key in a header, after a scheme: `in_header("x-api-key")`, `in_header("Authorization", "Bearer ")`."""

    def auth(deployment: DeploymentLike) -> Auth:
        key = key_of(deployment)
        return FixedHeaders({name: scheme + key}, (key,)) if key else _keyless(deployment)

    return auth


def bearer(deployment: DeploymentLike) -> Auth:
    """`Authorization: Bearer <api_key>`, and OpenAI's organization where one is given."""
    return bearer_if_any(deployment) if key_of(deployment) else _keyless(deployment)


def bearer_if_any(deployment: DeploymentLike) -> Auth:
    """`bearer` for servers that may do without a key, such as one's own."""
    key, organization = key_of(deployment), deployment.organization
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if organization:
        headers["OpenAI-Organization"] = organization
    return FixedHeaders(headers, (key,) if key else ())


def _keyless(deployment: DeploymentLike) -> Auth:
    """A server of one's own needs no key; the provider itself does."""
    return bearer_if_any(deployment) if deployment.api_base else NoKey(deployment)
