"""Providers: which adapter serves a deployment.

`ADAPTERS` maps a provider's prefix (`openai` in `openai/gpt-4o`) to what builds its adapter. Whatever has an `api_base`
and no adapter of its own is taken to speak OpenAI's dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from router_core.errors import ConfigurationError
from router_core.providers.base import Adapter, Call, DeploymentLike
from router_core.providers.openai import OpenAIAdapter

Factory = Callable[[DeploymentLike], Adapter]

ADAPTERS: Mapping[str, Factory] = MappingProxyType({"openai": OpenAIAdapter})


def adapter_for(deployment: DeploymentLike, adapters: Mapping[str, Factory] = ADAPTERS) -> Adapter:
    """The adapter of a deployment.

    Raises ConfigurationError for a provider that is not in `adapters` and has no `api_base`.
    """
    factory = adapters.get(deployment.provider or "openai")
    if factory is None and deployment.api_base is None:
        raise ConfigurationError(
            f"deployment {deployment.id!r}: there is no adapter for provider {deployment.provider!r} yet "
            f"(known: {', '.join(sorted(adapters))}); set api_base if its server speaks OpenAI's API"
        )
    return (factory or OpenAIAdapter)(deployment)


__all__ = ["ADAPTERS", "Adapter", "Call", "Factory", "OpenAIAdapter", "adapter_for"]
