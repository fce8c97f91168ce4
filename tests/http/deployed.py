"""Adapters of deployments as a configuration has them, and a sender without a router around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from router_core.config import Deployment, load
from router_core.http.transport import Transport
from router_core.providers import PROVIDERS, HttpAdapter, adapter_for


def deployment(model: str, environ: Mapping[str, str] | None = None, **params: Any) -> Deployment:
    """The deployment that these litellm_params describe."""
    written = {"model": model, **params}
    _, (one,) = load(
        [{"model_name": "m", "litellm_params": written}], environ=environ or {}, providers=tuple(PROVIDERS)
    )
    return one


def adapter(model: str, environ: Mapping[str, str] | None = None, **params: Any) -> HttpAdapter:
    """Its adapter."""
    made = adapter_for(deployment(model, environ, **params))
    assert isinstance(made, HttpAdapter)
    return made


class Straight:
    """Sends without a router; keeps what was sent."""

    def __init__(self) -> None:
        self.transport = Transport(trust_env=False)
        self.sent: list[httpx.Request] = []

    async def send(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return await self.transport.handle_async_request(request)

    def began(self) -> None:
        """Nothing is charged here."""
