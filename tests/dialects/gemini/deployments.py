"""Deployments of these providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from router_core.providers import Call, HttpAdapter, adapter_for
from tests.dialects.gemini.said import FLASH, HI

KEY = "key-of-this-deployment"


@dataclass
class Deployment:
    id: str = "a"
    model: str = FLASH
    provider: str = "gemini"
    api_key: SecretStr | None = field(default_factory=lambda: SecretStr(KEY))
    api_base: str | None = None
    api_version: str | None = None
    organization: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def call_parameters(self) -> Mapping[str, Any]:
        return {}

    def adapter_options(self) -> Mapping[str, Any]:
        return self.options


def adapter(**fields: Any) -> HttpAdapter:
    made = adapter_for(Deployment(**fields))
    assert isinstance(made, HttpAdapter)
    return made


def on_vertex(key: str | None = None, api_base: str | None = None, model: str = FLASH, **options: Any) -> HttpAdapter:
    """A deployment on Vertex AI; `options` without their prefix."""
    named = {f"vertex_{name}": value for name, value in options.items()}
    secret = SecretStr(key) if key else None
    return adapter(provider="vertex_ai", model=model, api_key=secret, api_base=api_base, options=named)


def chat(stream: bool = False, **parameters: Any) -> Call:
    return Call("chat", {"messages": HI, **parameters}, stream=stream)
