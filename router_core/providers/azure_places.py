"""Where an Azure deployment is, worked out from what users write as `api_base`.

    https://name.openai.azure.com                       /openai/deployments/<deployment>/chat/completions?api-version=…
    https://name.openai.azure.com/openai/v1             the v1 surface: OpenAI's own paths, the deployment in the body
    https://name.services.ai.azure.com                  Foundry: /models/chat/completions?api-version=…
    https://name.region.models.ai.azure.com             one serverless model: /chat/completions

What the portal shows as target URI, up to `/chat/completions?api-version=…`, is taken as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit

from router_core.errors import ConfigurationError
from router_core.providers.base import DeploymentLike

DATED = "2025-02-01-preview"  # LiteLLM's default
FOUNDRY = "2024-05-01-preview"
_V1 = ("v1", "latest", "preview")
_ENDS = ("/chat/completions", "/completions", "/embeddings", "/responses", "/images/generations", "/rerank")
_WITH_KEY_HEADER = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com", ".azure-api.net")


@dataclass(frozen=True)
class Place:
    """`base`: before all paths. `prefix`: between it and the path of a kind that belongs to a deployment."""

    base: str
    prefix: str = ""
    query: dict[str, str] = field(default_factory=dict)


def openai_place(deployment: DeploymentLike, model: str) -> Place:
    """A deployment of Azure OpenAI. Raises ConfigurationError without an api_base."""
    base, query = _written(deployment, "AZURE_API_BASE")
    version = deployment.api_version
    if base.endswith("/openai/v1") or version in _V1:
        asked = {"api-version": "preview"} if version == "preview" else {}
        return Place(base.removesuffix("/v1").removesuffix("/openai") + "/openai/v1", query={**query, **asked})
    query = {"api-version": version or DATED, **query}
    root, found, named = base.partition("/openai/deployments/")
    if found:
        return Place(f"{root}/openai", f"/deployments/{named}", query)
    return Place(root.removesuffix("/openai") + "/openai", f"/deployments/{quote(model, safe='')}", query)


def foundry_place(deployment: DeploymentLike) -> Place:
    """A model of Azure AI Foundry. Raises ConfigurationError without an api_base."""
    base, query = _written(deployment, "AZURE_AI_API_BASE")
    if base.endswith("/openai/v1"):
        return Place(base, query=query)  # it refuses dated versions
    parts = urlsplit(base)
    if (parts.hostname or "").endswith(".services.ai.azure.com") and not parts.path:
        base += "/models"
    version = deployment.api_version or (FOUNDRY if base.endswith("/models") else None)
    return Place(base, query={"api-version": version, **query} if version else query)


def takes_key_header(deployment: DeploymentLike) -> bool:
    """Whether the key goes into `api-key`; single models take it as a bearer token."""
    host = urlsplit(deployment.api_base or "").hostname or ""
    return host.endswith(_WITH_KEY_HEADER)


def _written(deployment: DeploymentLike, variable: str) -> tuple[str, dict[str, str]]:
    """The api_base without the path of a kind of call, and its query."""
    if not deployment.api_base:
        raise ConfigurationError(
            f"deployment {deployment.id!r}: {deployment.provider} needs an api_base such as "
            f"https://<resource>.openai.azure.com (or {variable})"
        )
    parts = urlsplit(deployment.api_base)
    path = parts.path.rstrip("/")
    path = next((path.removesuffix(end) for end in _ENDS if path.endswith(end)), path)
    return parts._replace(path=path, query="", fragment="").geturl(), dict(parse_qsl(parts.query))
