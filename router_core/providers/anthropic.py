"""Anthropic, and whoever serves its Messages at an `api_base`."""

from __future__ import annotations

from router_core.dialects.anthropic.chat import Chat
from router_core.dialects.anthropic.messages import Messages
from router_core.providers.auth import Auth, FixedHeaders, NoKey, key_of
from router_core.providers.base import DeploymentLike
from router_core.providers.provider import Provider

VERSION = "2023-06-01"  # another by extra_headers={"anthropic-version": …}; later ones have no temperature
_OAUTH, _OAUTH_BETA = "sk-ant-oat", "oauth-2025-04-20"


def base_url(deployment: DeploymentLike) -> str:
    """The api_base, written with or without /v1 or /v1/messages."""
    base = (deployment.api_base or "https://api.anthropic.com").rstrip("/")
    return base.removesuffix("/messages").removesuffix("/v1")


def auth(deployment: DeploymentLike) -> Auth:
    """`x-api-key`, or a bearer token where the key is one of OAuth's."""
    key = key_of(deployment)
    headers = {"anthropic-version": VERSION}
    if key.startswith(_OAUTH):
        headers |= {"Authorization": f"Bearer {key}", "anthropic-beta": _OAUTH_BETA}
    elif key:
        headers["x-api-key"] = key
    elif not deployment.api_base:
        return NoKey(deployment)
    return FixedHeaders(headers, (key,) if key else ())


ANTHROPIC = Provider("anthropic", dialects={"chat": Chat(), "messages": Messages()}, base_url=base_url, auth=auth)
