"""Who asks at Vertex AI: an API key, or a token of Google's.

`vertex_credentials` (a file, its JSON, or the JSON as a dict; VERTEXAI_CREDENTIALS) is a service account, a user, a
workload's identity or an impersonation. Without them: the api_key, else application default credentials.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from concurrent.futures import Future
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import httpx

from router_core.errors import APIConnectionError, AuthenticationError, ConfigurationError, RouterError
from router_core.providers.auth import Auth, FixedHeaders, key_of
from router_core.providers.base import DeploymentLike
from router_core.providers.threads import in_thread
from router_core.redact import redact

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_SECRET = ("private_key", "private_key_id", "refresh_token", "client_secret")
_INSTALL = "Vertex AI's credentials need google-auth: pip install 'router-core[vertex]'"


def auth(deployment: DeploymentLike) -> Auth:
    """The credential of a deployment. Raises ConfigurationError for one that cannot be read."""
    info = credentials_info(deployment)
    key = key_of(deployment)
    if key and info is None:
        return FixedHeaders({"x-goog-api-key": key}, (key,))
    who = {"deployment": deployment.id, "model": deployment.model, "llm_provider": deployment.provider}
    _library("google.auth")  # missing, it should be missed now
    if info is None:
        return GoogleToken(None, who)
    return GoogleToken(_credentials(deployment, info), who, tuple(str(info[name]) for name in _SECRET if name in info))


def credentials_info(deployment: DeploymentLike) -> Mapping[str, Any] | None:
    """The JSON of the written credentials; None where there are none. Raises ConfigurationError."""
    options = deployment.adapter_options()
    written = options.get("vertex_credentials") or options.get("vertex_ai_credentials")
    given = written or ("" if deployment.api_key else os.environ.get("VERTEXAI_CREDENTIALS"))
    if not given:
        return None
    wrong = f"deployment {deployment.id!r}: vertex_credentials must be a file, its JSON, or a dict"
    try:
        if isinstance(given, str):
            given = json.loads(given if given.lstrip().startswith("{") else Path(given).read_text())
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"{wrong} ({type(exc).__name__})") from None  # the cause would quote them
    if not isinstance(given, Mapping):
        raise ConfigurationError(wrong)
    return given


class GoogleToken:
    """Tokens by google-auth, kept until shortly before they end and fetched by one call at a time, off the event loop.

    `credentials`: google-auth's object, or None for the application default ones, which are looked for at the first
    call, since that may ask the machine's metadata server. `who`: what an error names.
    """

    headers: Mapping[str, str] = {}

    def __init__(self, credentials: Any, who: Mapping[str, Any], secrets: tuple[str, ...] = ()) -> None:
        self.secrets = secrets
        self._credentials, self._who = credentials, who
        self._states = _library("google.auth.credentials").TokenState
        self._transport = _library("google.auth.transport.requests").Request()
        self._renewal: Future[None] | None = None
        self._lock = Lock()

    async def prepare(self) -> None:
        """A token that is still good; in its last minutes a new one is fetched meanwhile. Raises AuthenticationError.

        APIConnectionError where Google did not answer: the credential may be good.
        """
        state = self._state()
        if state is self._states.FRESH:
            return
        renewal = self._renewing()
        if state is self._states.INVALID:
            try:
                await asyncio.wrap_future(renewal)
            except _errors() as exc:
                raise self._refused(exc) from None

    def sign(self, request: httpx.Request) -> None:
        """The token, and the project that pays, where the credential names one."""
        headers: dict[str, str] = {}
        self._credentials.apply(headers)
        request.headers.update(headers)

    def _state(self) -> Any:
        return self._states.INVALID if self._credentials is None else self._credentials.token_state

    def _renewing(self) -> Future[None]:
        with self._lock:
            if self._renewal is None or self._renewal.done():
                self._renewal = in_thread(self._renew, "google-credentials")
            return self._renewal

    def _renew(self) -> None:
        if self._state() is self._states.FRESH:
            return  # another call fetched it since this one looked
        if self._credentials is None:
            self._credentials, _ = _library("google.auth").default(scopes=_SCOPES, request=self._transport)
        self._credentials.refresh(self._transport)

    def _refused(self, exc: Exception) -> RouterError:
        said = exc.args[0] if exc.args else ""  # what follows may be the whole answer
        message = redact(f"no token for Vertex AI: {type(exc).__name__}: {said}", *self.secrets)
        if isinstance(exc, _library("google.auth.exceptions").TransportError) or getattr(exc, "retryable", False):
            return APIConnectionError(message, reason="connection", **self._who)
        return AuthenticationError(message, reason="bad_key", **self._who)


def _credentials(deployment: DeploymentLike, info: Mapping[str, Any]) -> Any:
    module, maker = _maker(info)
    try:
        return getattr(_library(module).Credentials, maker)(dict(info), scopes=_SCOPES)
    except _errors() as exc:
        what = f"vertex_credentials of type {info.get('type')!r} are not usable ({type(exc).__name__})"
        raise ConfigurationError(f"deployment {deployment.id!r}: {what}") from None  # the cause would quote them


def _maker(info: Mapping[str, Any]) -> tuple[str, str]:
    """google-auth's class for credentials of this type, and what makes one."""
    kind, source = info.get("type"), info.get("credential_source") or {}
    if kind == "authorized_user":
        return "google.oauth2.credentials", "from_authorized_user_info"
    if kind == "impersonated_service_account":
        return "google.auth.impersonated_credentials", "from_impersonated_service_account_info"
    if kind == "external_account":
        aws = str(info.get("subject_token_type", "")).endswith("aws4_request")
        return (
            f"google.auth.{'aws' if aws else 'pluggable' if 'executable' in source else 'identity_pool'}",
            "from_info",
        )
    return "google.oauth2.service_account", "from_service_account_info"


def _errors() -> tuple[type[Exception], ...]:
    """What google-auth raises, and the libraries under it."""
    return (_library("google.auth.exceptions").GoogleAuthError, ValueError, TypeError, LookupError, OSError)


def _library(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise ConfigurationError(_INSTALL) from None
