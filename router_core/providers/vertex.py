"""Vertex AI: Gemini, Claude, and the open models behind its OpenAI-compatible endpoint.

`vertex_project` and `vertex_location` say where (VERTEXAI_PROJECT, VERTEXAI_LOCATION); the project may also come from
the credentials. With an api_key and no project the address names none (express mode).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from router_core.dialects.anthropic.chat import Chat as ClaudeChat
from router_core.dialects.anthropic.messages import Messages
from router_core.dialects.anthropic.place import VERTEX as CLAUDE
from router_core.dialects.gemini.chat import VERTEX as PARAMETERS
from router_core.dialects.gemini.chat import Chat
from router_core.dialects.gemini.image import Images
from router_core.dialects.gemini.models import GOOGLE
from router_core.dialects.gemini.vertex_embedding import VertexEmbedding
from router_core.dialects.openai.chat import Chat as OpenAIChat
from router_core.errors import ConfigurationError
from router_core.providers.base import DeploymentLike, Kind
from router_core.providers.by_model import ByModel
from router_core.providers.dialect import Dialect
from router_core.providers.placed import Placed
from router_core.providers.provider import Provider
from router_core.providers.vertex_auth import auth, credentials_info

_GEMINI: Mapping[Kind, Dialect] = {
    "chat": Chat(PARAMETERS, GOOGLE),
    "embedding": VertexEmbedding(),
    "image_generation": Images("image_generation", GOOGLE),
    "image_edit": Images("image_edit", GOOGLE),
}
_CLAUDE: Mapping[Kind, Dialect] = {"chat": ClaudeChat(CLAUDE), "messages": Messages(CLAUDE)}
_OPEN: Mapping[Kind, Dialect] = {"chat": Placed(OpenAIChat(), "/endpoints/openapi")}
_VERSION = "v1beta1"
_MULTI_REGIONS = ("us", "eu")


def dialects(model: str) -> Mapping[Kind, Dialect]:
    """What a model speaks: `meta/llama-…` and the like are somebody's open models."""
    if model.startswith("claude"):
        return _CLAUDE
    return _OPEN if "/" in model and not model.startswith(("gemini/", "endpoints/", "publishers/")) else _GEMINI


_ANY: Mapping[Kind, Dialect] = {kind: ByModel(kind, dialects) for kind in (*_GEMINI, *_CLAUDE)}


def chosen(deployment: DeploymentLike) -> Mapping[Kind, Dialect]:
    """What a deployment's model speaks."""
    return _ANY if deployment.model.startswith("*") else dialects(deployment.model)


def base_url(deployment: DeploymentLike) -> str:
    """What comes before /publishers/… and /endpoints/…; an api_base may end at the host or anywhere after it.

    Raises ConfigurationError where no project is known and no api_key stands for one.
    """
    location = _location(deployment)
    given = (deployment.api_base or f"https://{_host(location)}").rstrip("/").partition("/publishers/")[0]
    if "/projects/" in given:
        return given
    base = given if urlsplit(given).path else f"{given}/{_VERSION}"
    project = _project(deployment)
    return f"{base}/projects/{project}/locations/{location}" if project else base


def _host(location: str) -> str:
    if location == "global":
        return "aiplatform.googleapis.com"
    in_several = location in _MULTI_REGIONS
    return f"aiplatform.{location}.rep.googleapis.com" if in_several else f"{location}-aiplatform.googleapis.com"


def _location(deployment: DeploymentLike) -> str:
    """LiteLLM's default where there is a project; express mode is global."""
    written = _option(deployment, "location") or ("" if _is_express(deployment) else _variable("LOCATION"))
    return written or ("global" if _is_express(deployment) else "us-central1")


def _project(deployment: DeploymentLike) -> str:
    if _is_express(deployment):
        return ""
    info = credentials_info(deployment) or {}
    project = _option(deployment, "project") or _variable("PROJECT") or str(info.get("project_id") or "")
    if not project:
        raise ConfigurationError(f"deployment {deployment.id!r}: Vertex AI needs vertex_project or VERTEXAI_PROJECT")
    return project


def _is_express(deployment: DeploymentLike) -> bool:
    return deployment.api_key is not None and not _option(deployment, "project") and not credentials_info(deployment)


def _option(deployment: DeploymentLike, name: str) -> str:
    options = deployment.adapter_options()
    return str(options.get(f"vertex_{name}") or options.get(f"vertex_ai_{name}") or "")


def _variable(name: str) -> str:
    return os.environ.get(f"VERTEXAI_{name}") or os.environ.get(f"GOOGLE_CLOUD_{name}") or ""


VERTEX = Provider("vertex_ai", base_url=base_url, auth=auth, dialects=_GEMINI, choose=chosen)
VERTEX_BETA = replace(VERTEX, name="vertex_ai_beta")
