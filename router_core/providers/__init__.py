"""Providers: which adapter serves a deployment.

`PROVIDERS` is the registry: a provider's prefix (`openai` in `openai/gpt-4o`) and what it is. Whatever has an
`api_base` and no row of its own is taken to speak OpenAI's dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from router_core.errors import ConfigurationError
from router_core.providers.anthropic import ANTHROPIC
from router_core.providers.azure import AZURE, AZURE_AI
from router_core.providers.base import Adapter, Call, DeploymentLike
from router_core.providers.bedrock import BEDROCK, BEDROCK_CONVERSE
from router_core.providers.callable import from_callable
from router_core.providers.cohere import COHERE, COHERE_CHAT
from router_core.providers.compatible import COMPATIBLE
from router_core.providers.gemini import GEMINI
from router_core.providers.http import HttpAdapter
from router_core.providers.mistral import CODESTRAL, MISTRAL, TEXT_CODESTRAL
from router_core.providers.openai import OPENAI, TEXT_OPENAI
from router_core.providers.provider import Provider
from router_core.providers.servers import ANY_SERVER, SERVERS
from router_core.providers.vertex import VERTEX, VERTEX_BETA

Factory = Callable[[DeploymentLike], Adapter]

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        provider.name: provider
        for provider in (
            OPENAI,
            TEXT_OPENAI,
            AZURE,
            AZURE_AI,
            *COMPATIBLE,
            *SERVERS,
            ANTHROPIC,
            BEDROCK,
            BEDROCK_CONVERSE,
            GEMINI,
            VERTEX,
            VERTEX_BETA,
            MISTRAL,
            CODESTRAL,
            TEXT_CODESTRAL,
            COHERE,
            COHERE_CHAT,
        )
    }
)

ADAPTERS: Mapping[str, Factory] = MappingProxyType(
    {name: partial(HttpAdapter, provider=provider) for name, provider in PROVIDERS.items()}
)


def adapter_for(deployment: DeploymentLike, adapters: Mapping[str, Factory] = ADAPTERS) -> Adapter:
    """The adapter of a deployment.

    Raises ConfigurationError for a provider that is not in `adapters` and has no `api_base`.
    """
    factory = adapters.get(deployment.provider or OPENAI.name)
    if factory is None and deployment.api_base is None:
        raise ConfigurationError(
            f"deployment {deployment.id!r}: there is no adapter for provider {deployment.provider!r} "
            f"(known: {', '.join(sorted(adapters))}); set api_base if its server speaks OpenAI's API"
        )
    return (factory or ADAPTERS[ANY_SERVER])(deployment)


__all__ = [
    "ADAPTERS",
    "PROVIDERS",
    "Adapter",
    "Call",
    "Factory",
    "HttpAdapter",
    "Provider",
    "adapter_for",
    "from_callable",
]
