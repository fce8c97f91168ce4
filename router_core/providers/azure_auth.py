"""Azure's two ways to say who asks: a key, or a token of Entra ID.

Of `litellm_params`, the first that is there counts: azure_ad_token_provider, azure_ad_token, tenant_id with client_id
and client_secret, api_key; then the variables AZURE_AD_TOKEN, and AZURE_TENANT_ID with AZURE_CLIENT_ID and
AZURE_CLIENT_SECRET.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import httpx

from router_core.errors import AuthenticationError, ConfigurationError, RouterError
from router_core.providers.auth import Auth, FixedHeaders, NoKey, key_of
from router_core.providers.azure_places import takes_key_header
from router_core.providers.base import DeploymentLike

_SCOPE = "https://cognitiveservices.azure.com/.default"
_EARLY = 120.0  # seconds before its end at which a token is replaced
_CLIENT = ("tenant_id", "client_id", "client_secret")


class EntraToken:
    """Tokens from a function, plain or async, that is called when one is needed.

    A JSON web token is kept until shortly before it expires; of any other nobody knows how long it holds, so that the
    function is asked for each call.
    """

    headers: Mapping[str, str] = {}
    secrets: tuple[str, ...] = ()  # tokens change; what looks like one is redacted wherever it stands

    def __init__(self, provide: Callable[[], Any], deployment: DeploymentLike) -> None:
        self._provide = provide
        self._deployment, self._provider = deployment.id, deployment.provider
        self._token, self._until = "", 0.0
        self._opaque = False
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def prepare(self) -> None:
        """See `Auth.prepare`. A plain function is called off the event loop."""
        if time.time() < self._until:
            return
        if self._opaque:
            self._token = await self._fetch()
            return
        lock = self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with lock:  # whoever waited finds the new token
            if time.time() >= self._until:
                self._token = await self._fetch()
                expiry = _expiry(self._token)
                self._until, self._opaque = expiry - _EARLY, not expiry

    def sign(self, request: httpx.Request) -> None:
        """See `Auth.sign`."""
        request.headers["Authorization"] = f"Bearer {self._token}"

    async def _fetch(self) -> str:
        try:
            if inspect.iscoroutinefunction(self._provide):
                token = await self._provide()
            else:
                token = await asyncio.to_thread(self._provide)
                token = await token if inspect.isawaitable(token) else token
        except RouterError:
            raise
        except Exception as exc:
            raise self._failed(type(exc).__name__) from exc  # its text may show the secret
        if not isinstance(token, str) or not token:
            raise self._failed("what was given is none")
        return token

    def _failed(self, why: str) -> AuthenticationError:
        return AuthenticationError(
            f"there is no Entra token: {why}",
            deployment=self._deployment,
            llm_provider=self._provider,
            reason="bad_key",
        )


def openai_auth(deployment: DeploymentLike) -> Auth:
    """The credential of an Azure OpenAI deployment."""
    return _auth(deployment, key_header=True)


def foundry_auth(deployment: DeploymentLike) -> Auth:
    """The credential of a Foundry model, whose key is a bearer token at some addresses."""
    return _auth(deployment, key_header=takes_key_header(deployment))


def _auth(deployment: DeploymentLike, key_header: bool) -> Auth:
    options, key = deployment.adapter_options(), key_of(deployment)
    provide, token = options.get("azure_ad_token_provider"), options.get("azure_ad_token")
    if provide is not None:
        if not callable(provide):
            raise ConfigurationError(f"deployment {deployment.id!r}: azure_ad_token_provider must be a function")
        return EntraToken(provide, deployment)
    if token:
        return _bearer(token)
    client = tuple(options.get(name) for name in _CLIENT)
    if all(client):
        return EntraToken(_client_credentials(deployment, options.get("azure_scope"), *client), deployment)
    if key:
        return FixedHeaders({"api-key": key}, (key,)) if key_header else _bearer(key)
    return _from_environment(deployment)


def _from_environment(deployment: DeploymentLike) -> Auth:
    token = os.environ.get("AZURE_AD_TOKEN")
    if token:
        return _bearer(token)
    client = tuple(os.environ.get(f"AZURE_{name.upper()}") for name in _CLIENT)
    if all(client):
        return EntraToken(_client_credentials(deployment, os.environ.get("AZURE_SCOPE"), *client), deployment)
    return NoKey(
        deployment, "api_key, azure_ad_token, azure_ad_token_provider or tenant_id with client_id and client_secret"
    )


def _bearer(token: str) -> Auth:
    return FixedHeaders({"Authorization": f"Bearer {token}"}, (token,))


def _client_credentials(deployment: DeploymentLike, scope: str | None, *client: Any) -> Callable[[], str]:
    try:
        from azure.identity import ClientSecretCredential, get_bearer_token_provider
    except ImportError:
        raise ConfigurationError(
            f"deployment {deployment.id!r}: tenant_id, client_id and client_secret need azure-identity: "
            "pip install router-core[azure]"
        ) from None
    provide: Callable[[], str] = get_bearer_token_provider(ClientSecretCredential(*client), scope or _SCOPE)
    return provide


def _expiry(token: str) -> float:
    """`exp` of a JSON web token, in seconds of the epoch; 0 for any other."""
    try:
        claims = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return 0.0
