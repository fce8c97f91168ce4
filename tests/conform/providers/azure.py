"""Azure's recordings: deployments of Azure OpenAI, its v1 surface, and Foundry's models."""

from __future__ import annotations

import copy
from typing import Any

from tests.conform.kit import OurCall, Recording
from tests.conform.providers import _openai

SDK = _openai.SDK
oracle = _openai.oracle
seen = _openai.seen


def call_of(recording: Recording) -> OurCall:
    kind = _openai.kind_of(recording)
    request = copy.deepcopy(recording.request)
    model = request.pop("model")
    root = recording.url.partition("/openai/")[0].partition("/models/")[0]
    params = {"model": f"azure/{model}", "api_base": root, "api_version": recording.query.get("api-version")}
    if "/deployments/" in recording.path:
        deployment = recording.path.split("/deployments/")[1].split("/")[0]
        params["model"] = f"azure/{deployment}"
    elif "/openai/v1" in recording.path:
        params["api_base"] = f"{root}/openai/v1"
    else:
        params["model"] = f"azure_ai/{model}"
    return OurCall(kind.KIND, kind.arguments(request), params)


def significant(body: dict[str, Any]) -> dict[str, Any]:
    """Without the model where it contradicts the deployment in the path, which alone counts."""
    if body.get("model") in ("embedding", "test-deployment"):
        del body["model"]
    return _openai.significant(body)


def error_of(recording: Recording) -> str | None:
    """Azure's filter, in a 200."""
    return "ContentPolicyViolationError" if b'"content_filter"' in recording.response_body else None
