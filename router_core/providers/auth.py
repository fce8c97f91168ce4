"""How a request proves who sends it: fixed headers, tokens that expire, signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import httpx

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


def key_of(deployment: DeploymentLike) -> str:
    """The deployment's api_key, plain; empty where there is none."""
    return deployment.api_key.get_secret_value() if deployment.api_key else ""


def in_header(name: str, scheme: str = "") -> Callable[[DeploymentLike], Auth]:
    """The api_key in a header, after a scheme: `in_header("x-api-key")`, `in_header("Authorization", "Bearer ")`."""

    def auth(deployment: DeploymentLike) -> Auth:
        key = key_of(deployment)
        return FixedHeaders({name: scheme + key} if key else {}, (key,) if key else ())

    return auth


def bearer(deployment: DeploymentLike) -> Auth:
    """`Authorization: Bearer <api_key>`, and OpenAI's organization where one is given."""
    key, organization = key_of(deployment), deployment.organization
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if organization:
        headers["OpenAI-Organization"] = organization
    return FixedHeaders(headers, (key,) if key else ())
