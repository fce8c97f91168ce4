"""Azure OpenAI, and the models of Azure AI Foundry."""

from __future__ import annotations

from collections.abc import Mapping

from router_core.dialects.openai.chat import Chat
from router_core.dialects.openai.renames import REASONING_MODELS, Rename
from router_core.providers.azure_auth import foundry_auth, openai_auth
from router_core.providers.azure_places import Place, foundry_place, openai_place
from router_core.providers.base import DeploymentLike, Kind
from router_core.providers.dialect import Dialect
from router_core.providers.openai import OPENAI
from router_core.providers.parameters import Parameters
from router_core.providers.placed import Placed
from router_core.providers.provider import Provider

_OPENAI: Mapping[Kind, Dialect] = {kind: one for kind, one in OPENAI.dialects.items() if kind != "moderation"}
_FOUNDRY: Mapping[Kind, Dialect] = {kind: OPENAI.dialects[kind] for kind in ("chat", "embedding")}
_REASONING = Chat(Parameters.all_but("chat", "thinking"), renames=(Rename("max_tokens", "max_completion_tokens"),))
_RESPONSES_SINCE = "2025-03-01"  # versions before it have none
# What the Model Inference API does not know is refused there, unless it is told to hand it on to the model.
_PASS_ON = {"extra-parameters": "pass-through"}
_SERIES = ("o_series/", "gpt5_series/")  # LiteLLM's way to say of which family a deployment is


def _openai_dialects(deployment: DeploymentLike) -> Mapping[Kind, Dialect]:
    model, place = _named(deployment), openai_place(deployment, _named(deployment))
    dialects = {**_OPENAI, "chat": _REASONING} if _reasons(deployment) else _OPENAI
    placed = {kind: Placed(one, place.prefix, place.query, model=model) for kind, one in dialects.items()}
    return {**placed, "responses": _responses(place, model)}


def _responses(place: Place, model: str) -> Placed:
    """Not under /deployments: the body says which. What the version has not got is on the v1 surface beside it."""
    if place.prefix and place.query.get("api-version", "9") < _RESPONSES_SINCE:
        return Placed(_OPENAI["responses"], "/v1", model=model)
    return Placed(_OPENAI["responses"], query=place.query, model=model)


def _foundry_dialects(deployment: DeploymentLike) -> Mapping[Kind, Dialect]:
    place = foundry_place(deployment)
    return {kind: Placed(dialect, query=place.query, headers=_PASS_ON) for kind, dialect in _FOUNDRY.items()}


def _named(deployment: DeploymentLike) -> str:
    """The deployment's name, which says nothing of its model."""
    return next((deployment.model.removeprefix(s) for s in _SERIES if deployment.model.startswith(s)), deployment.model)


def _reasons(deployment: DeploymentLike) -> bool:
    """Whether somebody said that it is a reasoning model: its name, the series before it, or `base_model`."""
    base_model = str(deployment.adapter_options().get("base_model") or "").removeprefix("azure/")
    return deployment.model.startswith(_SERIES) or REASONING_MODELS.match(base_model) is not None


AZURE = Provider(
    "azure",
    dialects=_OPENAI,
    base_url=lambda deployment: openai_place(deployment, _named(deployment)).base,
    auth=openai_auth,
    choose=_openai_dialects,
)
AZURE_AI = Provider(
    "azure_ai",
    dialects=_FOUNDRY,
    base_url=lambda deployment: foundry_place(deployment).base,
    auth=foundry_auth,
    choose=_foundry_dialects,
)
