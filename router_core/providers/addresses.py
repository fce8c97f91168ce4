"""Where a provider is."""

from __future__ import annotations

import re
from collections.abc import Callable

from router_core.providers.base import DeploymentLike

_CALL = re.compile(r"/(chat/completions|chat|embeddings|embed|rerank)$")
_VERSION = re.compile(r"/v\d+$")


def versioned(default: str, version: str) -> Callable[[DeploymentLike], str]:
    """A base URL that ends in this version of the API.

    An api_base may leave the version out, name another, or be the whole URL of a call, as LiteLLM has it.
    """

    def base_url(deployment: DeploymentLike) -> str:
        base = _CALL.sub("", (deployment.api_base or default).rstrip("/"))
        return _VERSION.sub("", base) + version

    return base_url
